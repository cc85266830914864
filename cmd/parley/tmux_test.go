package main_test

import (
	"strings"
	"testing"

	"parley/internal/parleytest"
	"parley/internal/tmux"
)

// signInUnderTmux starts the client in a terminal whose screen can be looked at, and gives the password.
func signInUnderTmux(t *testing.T, server *parleytest.Server, name string) *tmux.Terminal {
	t.Helper()
	x := parleytest.OpenTmux(t, 72, 16, home(t), parleytest.Build(t, "parley"), "--ca", server.CA, name+"@"+server.Addr)
	x.Await("Password of " + name + "@" + server.Addr)
	x.Enter(parleytest.Password)
	x.Await("you are " + name + ", and speak in lobby")
	return x
}

// What others say comes above the line that is being typed, which stays as it is with its cursor, at every width of the terminal.
func TestScreenWhileTyping(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	server.User("bob")
	alice, bob := signInUnderTmux(t, server, "alice"), signInUnderTmux(t, server, "bob")
	bob.Enter("is anybody here? 日本 😀")
	alice.Await("bob: is anybody here? 日本 😀")
	alice.Type("a line that is not done")
	alice.Await("lobby> a line that is not done")
	bob.Enter("then I shall wait")
	alice.AwaitScreen("the line is not below what bob says", func(screen string) bool {
		return strings.HasSuffix(strings.TrimRight(screen, "\n"), "bob: then I shall wait\nlobby> a line that is not done")
	})
	alice.AwaitScreen("the cursor is not at the end of the line", func(string) bool {
		column, _, shown := alice.Cursor()
		return column == len("lobby> a line that is not done") && shown
	})
	alice.Resize(50, 12)
	alice.Paste(" yet")
	alice.Keys("Enter")
	bob.Await("alice: a line that is not done yet")
	if screen := alice.History(); strings.Contains(screen, parleytest.Password) {
		t.Errorf("the password is shown:\n%s", screen)
	}
	alice.Enter("/quit")
	if code := alice.End(); code != 0 {
		t.Errorf("the client ends with %d", code)
	}
}

// The server is killed and comes back: the terminal says so, and what was typed meanwhile is said once.
func TestScreenWhileTheServerIsAway(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	server.User("bob")
	alice, bob := signInUnderTmux(t, server, "alice"), signInUnderTmux(t, server, "bob")
	server.Kill()
	alice.Await("connection lost")
	alice.Enter("typed while it was away")
	server.Launch()
	bob.Await("alice: typed while it was away")
	bob.Enter("so you are back")
	alice.Await("bob: so you are back")
	if n := strings.Count(bob.History(), "typed while it was away"); n != 1 {
		t.Errorf("it is shown %d times", n)
	}
}
