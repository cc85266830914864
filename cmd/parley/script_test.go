package main_test

import (
	"testing"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

// TestScripts drives the real program against a real server, shared by the scripts as its accounts are: alice, bob, and carol, who is invited.
func TestScripts(t *testing.T) {
	server := parleytest.Start(t, "--login-rate", "0", "--msg-rate", "0")
	server.User("alice", "--admin")
	server.User("bob")
	server.User("carol", "--invite")
	for _, name := range []string{"alice", "bob"} {
		server.SignIn(name).Do("JOIN|ops")
	}
	parleytest.Scripts(t, map[string]string{"AT": server.Addr, "CA": server.CA}, "parley")
}
