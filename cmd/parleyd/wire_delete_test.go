package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// holds are the files below a directory that hold a text.
func holds(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			files = append(files, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDelete: the text is gone for everybody, everywhere, for good; its place stays.
func TestDelete(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "bob", "carol", "past")
	s.User("chief", "--admin")
	alice, alice2, bob, carol, chief, past := s.SignIn("alice"), s.SignIn("alice"), s.SignIn("bob"), s.SignIn("carol"), s.SignIn("chief"), s.SignIn("past")
	guest := s.Dial()
	guest.Do("HELLO|guest")
	for _, c := range []*parleytest.Conn{alice, bob, past, guest} {
		c.Do("JOIN|room")
	}
	ids := sayAll(t, alice, "room", "before", "my password is hunter2andmore", "after")
	other := sayAll(t, guest, "room", "a guest's pasted-guest-secret")[0]
	direct := sayAll(t, alice, "@bob", "direct-secret-of-two")[0]
	keyed := id(t, alice.Do("SEND|room|key|keyed-secret-text"))
	hold(t, past, []exchange{{"LEAVE|room", "OK|room"}})
	all := []*parleytest.Conn{alice, alice2, bob, carol, chief, past, guest}
	for _, c := range all {
		noted(c)
	}
	del := func(n int64) string { return fmt.Sprint("DELETE|", n) }
	told := func(n int64, room, user string) string { return fmt.Sprintf("GONE|%d|%s|%s", n, room, user) }
	silent := func(who ...*parleytest.Conn) {
		t.Helper()
		for _, c := range who {
			hears(t, "somebody whom it does not concern", c)
		}
	}
	for _, c := range []*parleytest.Conn{bob, carol, past, guest} {
		hold(t, c, []exchange{{del(ids[1]), "forbidden"}, {del(0), "forbidden"}, {del(ids[2] + 1000), "forbidden"}})
	}
	silent(all...)
	if len(holds(t, s.Data, "hunter2andmore")) == 0 {
		t.Fatal("the text cannot be found before it is taken back, so this proves nothing")
	}
	hold(t, alice, []exchange{{del(ids[1]), fmt.Sprint("OK|", ids[1])}})
	if files := holds(t, s.Data, "hunter2andmore"); files != nil {
		t.Errorf("the text is still in %q", files)
	}
	for _, c := range []*parleytest.Conn{alice2, bob, guest} {
		hears(t, "who is there", c, told(ids[1], "room", "alice"))
	}
	silent(alice, carol, chief, past)
	// Once more is no more.
	hold(t, alice2, []exchange{{del(ids[1]), fmt.Sprint("OK|", ids[1])}})
	hold(t, chief, []exchange{{del(ids[1]), fmt.Sprint("OK|", ids[1])}})
	hold(t, bob, []exchange{{del(ids[1]), "forbidden"}})
	silent(all...)
	// An admin takes back anybody's, from outside; in a conversation it is seen from both sides.
	hold(t, guest, []exchange{{del(other), "forbidden"}})
	hold(t, chief, []exchange{{del(other), "OK|*"}, {del(direct), "OK|*"}})
	for _, c := range []*parleytest.Conn{alice, alice2} {
		hears(t, "alice", c, told(other, "room", "~guest"), told(direct, "@bob", "alice"))
	}
	hears(t, "bob", bob, told(other, "room", "~guest"), told(direct, "@alice", "alice"))
	hears(t, "the guest", guest, told(other, "room", "~guest"))
	silent(carol, chief, past)
	// The key answers as it did, and nothing is said again.
	hold(t, alice, []exchange{{del(keyed), "OK|*"}, {"SEND|room|key|keyed-secret-text", fmt.Sprint("OK|", keyed)}})
	for _, text := range []string{"pasted-guest-secret", "direct-secret-of-two", "keyed-secret-text"} {
		if files := holds(t, s.Data, text); files != nil {
			t.Errorf("%s is still in %q", text, files)
		}
	}
	check := func(t *testing.T) {
		want := []string{"MSG", told(ids[1], "room", "alice"), "MSG", told(other, "room", "~guest"), told(keyed, "room", "alice")}
		for _, tt := range []struct {
			line     string
			from, to int
		}{
			{"HISTORY|room", 0, 5}, {"HISTORY|room|after|0|500", 0, 5}, {"HISTORY|room|after|0|2", 0, 2}, {fmt.Sprintf("HISTORY|room|after|%d|1", ids[0]), 1, 2},
			{fmt.Sprintf("HISTORY|room|before|%d|1", ids[2]), 1, 2}, {fmt.Sprintf("HISTORY|room|before|%d|9", other), 0, 3}, {"HISTORY|room|before|9223372036854775807|2", 3, 5},
		} {
			drop(bob)
			reply := bob.Do(tt.line)
			var got []string
			for _, e := range bob.Events {
				if strings.HasPrefix(e, "MSG|") {
					e = "MSG"
				}
				got = append(got, e)
			}
			bob.Events = nil
			if !slices.Equal(got, want[tt.from:tt.to]) || reply != fmt.Sprint("OK|", tt.to-tt.from) {
				t.Errorf("%s: %q, %s; want %q", tt.line, got, reply, want[tt.from:tt.to])
			}
		}
		hold(t, bob, []exchange{
			{"FIND|room|hunter2andmore", "OK|0"}, {"FIND|room|password", "OK|0"}, {"FIND|@alice|direct", "OK|0"}, {"FIND|room|keyed", "OK|0"}, {"FIND|room|before", "OK|1"}, {"FIND|room|r", "OK|0"},
			{"LIST|", fmt.Sprintf("OK|@alice:%d:0:0|lobby:0:0:0|room:%d:0:2", direct, keyed)},
		})
	}
	check(t)
	for _, restart := range restarts {
		t.Run("after "+restart.name, func(t *testing.T) {
			restart.end(s)
			s.Launch()
			bob = s.SignIn("bob")
			check(t)
		})
	}
}

// TestDeleteInTime: an author may for a day, an admin for ever.
func TestDeleteInTime(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("alice")
	s.User("chief", "--admin")
	clock := takeClock(t, s)
	alice, chief := s.SignIn("alice"), s.SignIn("chief")
	ids := sayAll(t, alice, "lobby", "one", "two")
	clock.jump(23*time.Hour + 59*time.Minute)
	hold(t, alice, []exchange{{fmt.Sprint("DELETE|", ids[0]), "OK|*"}})
	clock.jump(24*time.Hour + time.Minute)
	hold(t, alice, []exchange{{fmt.Sprint("DELETE|", ids[1]), "forbidden"}})
	hold(t, chief, []exchange{{fmt.Sprint("DELETE|", ids[1]), "OK|*"}})
}

// TestDeleteAmongMany: texts that were just said, and ones long in their places, are gone from all files as soon as OK came, killed or not.
func TestDeleteAmongMany(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("alice")
	alice := s.SignIn("alice")
	secret := func(i int) string { return fmt.Sprintf("secret-%d-%s", i, strings.Repeat("s", i%7*200)) }
	for round := range 6 {
		ids := sayAll(t, alice, "lobby", numbered("filler ", 40)...)
		mine := sayAll(t, alice, "lobby", secret(round))[0]
		sayAll(t, alice, "lobby", numbered("filler ", 40)...)
		hold(t, alice, []exchange{{fmt.Sprint("DELETE|", mine), fmt.Sprint("OK|", mine)}})
		if round%2 == 1 {
			s.Kill()
		}
		if files := holds(t, s.Data, secret(round)); files != nil {
			t.Fatalf("round %d: still in %q", round, files)
		}
		if round%2 == 1 {
			s.Launch()
			alice = s.SignIn("alice")
		}
		alice.Events = nil
		alice.Do(fmt.Sprintf("HISTORY|lobby|after|%d|81", ids[0]-1))
		if len(alice.Events) != 81 || alice.Events[40] != fmt.Sprintf("GONE|%d|lobby|alice", mine) {
			t.Fatalf("round %d: %d events", round, len(alice.Events))
		}
	}
}
