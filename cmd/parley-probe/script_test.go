package main

import (
	"testing"

	"parley/internal/parleytest"
)

// TestScripts drives the command line against a server, and against none.
func TestScripts(t *testing.T) {
	s := parleytest.Start(t)
	s.User("ann")
	s.User("ben")
	const nobody = "127.0.0.1:1" // which the system gives nobody by itself
	parleytest.Scripts(t, map[string]string{"CA": s.CA, "ADDR": s.Addr, "NOBODY": nobody}, "parley-probe")
}
