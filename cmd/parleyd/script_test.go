package main

import (
	"testing"

	"parley/internal/parleytest"
)

// TestScripts drives the operator's commands as they are typed, without a server.
func TestScripts(t *testing.T) {
	t.Setenv("PARLEY_BCRYPT_COST", "4")
	parleytest.Scripts(t, map[string]string{"PARLEY_BCRYPT_COST": "4"}, "parleyd")
}
