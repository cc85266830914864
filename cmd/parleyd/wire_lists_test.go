package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// pages asks for a list page by page and returns all of it, and the number of pages.
func pages(t *testing.T, c *parleytest.Conn, first, next string, name func(string) string) (all []string, n int) {
	t.Helper()
	for line := first; ; {
		reply := c.Do(line)
		fields, ok := strings.CutPrefix(reply, "OK|")
		if !ok || len(reply)+1 > 4096 {
			t.Fatalf("%s: %.200q of %d bytes", line, reply, len(reply))
		}
		list := strings.Split(fields, "|")
		n++
		more := list[len(list)-1] == "+"
		if !more {
			return append(all, list...), n
		}
		list = list[:len(list)-1]
		// As many as fit: the next one would not have.
		if len(reply)+1+32+len(":9223372036854775807:9223372036854775807:10000000|") < 4096 {
			t.Errorf("%s was cut at %d bytes", line, len(reply))
		}
		all = append(all, list...)
		line = next + name(list[len(list)-1])
	}
}

// TestCrowd: more are present than a WHO holds, and than JOIN and LEAVE are told for.
func TestCrowd(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	s.User("alice")
	alice := s.SignIn("alice")
	want := []string{"alice"}
	var last *parleytest.Conn
	for i := range 205 {
		name := fmt.Sprintf("%04d%s", i, strings.Repeat("n", 27))
		last = s.Dial()
		if got := last.Do("HELLO|" + name); !strings.HasPrefix(got, "OK|") {
			t.Fatal(got)
		}
		want = append(want, "~"+name)
	}
	got, n := pages(t, alice, "WHO|lobby", "WHO|lobby|", func(s string) string { return s })
	if !slices.Equal(got, want) || n < 2 {
		t.Errorf("%d names on %d pages, want %d", len(got), n, len(want))
	}
	for present := 2; present <= 200; present++ {
		if e := alice.Event(); e != "JOIN|lobby|"+want[present-1] {
			t.Fatalf("%q with %d present", e, present)
		}
	}
	for e := alice.Event(); e != "HERE|lobby|206"; e = alice.Event() {
		if !strings.HasPrefix(e, "HERE|lobby|") {
			t.Fatalf("%q where more than 200 are present", e)
		}
	}
	last.Do("EXIT|")
	if e := alice.Event(); e != "HERE|lobby|205" {
		t.Errorf("%q", e)
	}
}

// TestList: what an account has joined, in pages.
func TestList(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-rooms", "0")...)
	addUsers(s, "alice", "bob", "zoe")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	if got := alice.Do("LIST|"); got != "OK|lobby:0:0:0" {
		t.Error(got)
	}
	var lines []string
	for i := range 150 {
		lines = append(lines, fmt.Sprintf("JOIN|%s%04d", strings.Repeat("r", 28), i))
	}
	alice.Send(lines...)
	for range lines {
		alice.Reply()
	}
	toZoe, inRoom, fromBob := sayAll(t, alice, "@zoe", "x")[0], sayAll(t, alice, strings.Repeat("r", 28)+"0007", "x")[0], sayAll(t, bob, "@alice", "x")[0]
	inLobby := sayAll(t, bob, "lobby", "x")[0]
	want := []string{fmt.Sprintf("@bob:%d:0:1", fromBob), fmt.Sprintf("@zoe:%d:0:0", toZoe), fmt.Sprintf("lobby:%d:0:1", inLobby)}
	for i := range 150 {
		last := int64(0)
		if i == 7 {
			last = inRoom
		}
		want = append(want, fmt.Sprintf("%s%04d:%d:0:0", strings.Repeat("r", 28), i, last))
	}
	name := func(item string) string { return item[:strings.IndexByte(item, ':')] }
	if got, n := pages(t, alice, "LIST|", "LIST|", name); !slices.Equal(got, want) || n != 2 {
		t.Errorf("%d items on %d pages, want %d:\n%q", len(got), n, len(want), got)
	}
	if got := bob.Do("LIST|"); got != fmt.Sprintf("OK|@alice:%d:0:0|lobby:%d:0:0", fromBob, inLobby) {
		t.Error(got)
	}
	t.Run("is kept over a restart", func(t *testing.T) {
		s.Kill()
		s.Launch()
		if got, _ := pages(t, s.SignIn("alice"), "LIST|", "LIST|", name); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}
