package main

import (
	"os/exec"
	"strconv"
	"testing"

	"parley/internal/parleytest"
)

// TestScripts drives the command line against a server, and against none.
func TestScripts(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--guests", "--msg-rate", "0", "--byte-rate", "0")
	closed := parleytest.Start(t) // to guests
	const nobody = "127.0.0.1:1"  // which the system gives nobody by itself
	sleeper := exec.Command("sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sleeper.Process.Kill(); sleeper.Wait() })
	parleytest.Scripts(t, map[string]string{"SLEEPER": strconv.Itoa(sleeper.Process.Pid), "CA": s.CA, "CLOSED": closed.Addr, "CLOSEDCA": closed.CA, "ADDR": s.Addr, "NOBODY": nobody}, "parley-bench")
}
