package main

import (
	"net"
	"testing"

	"parley/internal/parleytest"
)

// TestScripts drives the command line against a server, and against none.
func TestScripts(t *testing.T) {
	s := parleytest.Start(t, "--guests", "--msg-rate", "0", "--byte-rate", "0")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	parleytest.Scripts(t, map[string]string{"CA": s.CA, "ADDR": s.Addr, "NOBODY": nobody}, "parley-bench")
}
