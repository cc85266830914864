package main

import (
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestWebLines: a WebSocket is a connection of lines like any other, and both hear each other.
func TestWebLines(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	addUsers(s, "alice", "bob")
	bob := s.SignIn("bob")
	b := browse(s)
	if got := parleytest.Code(b.do("MSG|hello")); got != "hello-first" {
		t.Error(got)
	}
	b.say("HELLO|alice|" + parleytest.Password + "\nPING|one\r\nMSG|hello")
	if reply := b.reply(); !strings.HasPrefix(reply, "OK|") {
		t.Fatal(reply)
	}
	if reply := b.reply(); reply != "OK|one" {
		t.Error(reply)
	}
	id := strings.TrimPrefix(b.reply(), "OK|")
	if e := bob.Await("|lobby|alice|hello"); !strings.HasPrefix(e, "MSG|"+id+"|") {
		t.Error(e)
	}
	bob.Do("MSG|hello yourself, ✈")
	for line := ""; !strings.HasSuffix(line, "|lobby|bob|hello yourself, ✈"); line = b.line() {
	}
	for _, log := range []string{`"msg":"connected"`, `"front":"web"`, `"front":"line"`} {
		logged(t, s, log)
	}
	if reply := b.do("EXIT|"); reply != "OK|bye" {
		t.Error(reply)
	}
	b.end(1000)
}

// TestWebDrain: a server that stops answers what it has read, says BYE and closes with 1001.
func TestWebDrain(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	addUsers(s, "alice")
	fresh, alice := browse(s), signInBrowser(s, "alice")
	fresh.do("PING|")
	done := make(chan int)
	go func() { done <- s.Stop() }()
	for _, b := range []*browserConn{alice, fresh} {
		if lines := b.end(1001); len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "BYE|shutdown|") {
			t.Errorf("the last words were %q", lines)
		}
	}
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
