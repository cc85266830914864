package main

import (
	"testing"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) {
	parleytest.AtOnce(4)
	parleytest.Main(m)
}
