package authtest_test

import (
	"testing"

	"parley/auth"
	"parley/auth/authtest"
)

func TestStoreInMemory(t *testing.T) {
	authtest.TestStore(t, func(*testing.T) auth.Store { return authtest.NewStore() })
}
