package main

import (
	"fmt"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// listed is what LIST says of one room.
func listed(t *testing.T, c *parleytest.Conn, room string) string {
	t.Helper()
	for _, item := range strings.Split(strings.TrimPrefix(c.Do("LIST|"), "OK|"), "|") {
		if strings.HasPrefix(item, room+":") {
			return item
		}
	}
	return ""
}

func wantListed(t *testing.T, c *parleytest.Conn, room string, last, seen int64, unread int) {
	t.Helper()
	if got, want := listed(t, c, room), fmt.Sprintf("%s:%d:%d:%d", room, last, seen, unread); got != want {
		t.Errorf("LIST has %q, want %q", got, want)
	}
}

func seen(room string, at int64) string { return fmt.Sprintf("SEEN|%s|%d", room, at) }

// TestSeen: positions only go forward, not beyond the end, and are the account's.
func TestSeen(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "bob")
	alice, bob, bob2 := s.SignIn("alice"), s.SignIn("bob"), s.SignIn("bob")
	alice.Do("JOIN|room")
	ids := sayAll(t, alice, "room", "1", "2", "3", "4", "5")
	bob.Do("JOIN|room") // all of what was said before is unread
	wantListed(t, bob, "room", ids[4], 0, 5)
	wantListed(t, alice, "room", ids[4], 0, 0) // what one says oneself is not
	between := sayAll(t, alice, "lobby", "elsewhere")[0]
	own := sayAll(t, bob, "room", "6, bob's own")[0]
	for _, c := range []*parleytest.Conn{alice, bob, bob2} {
		noted(c)
	}
	for _, step := range []struct {
		id, at int64
		unread int
	}{
		{0, 0, 5}, {ids[1], ids[1], 3}, {ids[0], ids[1], 3}, {ids[1], ids[1], 3}, {ids[3] - 1, ids[3] - 1, 2}, {between, between, 0}, {ids[4], between, 0}, {own, own, 0}, {own + 1000, own, 0}, {0, own, 0},
	} {
		before := listed(t, bob, "room")
		hold(t, bob, []exchange{{seen("room", step.id), fmt.Sprintf("OK|room|%d", step.at)}})
		wantListed(t, bob, "room", own, step.at, step.unread)
		wantListed(t, bob2, "room", own, step.at, step.unread)
		if listed(t, bob, "room") == before {
			hears(t, "bob's other session", bob2)
		} else {
			hears(t, "bob's other session", bob2, seen("room", step.at))
		}
		hears(t, "bob", bob)
		hears(t, "alice", alice)
	}
	more := sayAll(t, alice, "room", "7", "8")
	wantListed(t, bob, "room", more[1], own, 2)

	t.Run("leaving and coming back keeps it", func(t *testing.T) {
		hold(t, bob, []exchange{{"LEAVE|room", "OK|room"}, {seen("room", more[0]), "not-member"}})
		meanwhile := sayAll(t, alice, "room", "9")[0]
		hold(t, bob2, []exchange{{"JOIN|room", "OK|*"}})
		wantListed(t, bob, "room", meanwhile, own, 3)
		hold(t, bob, []exchange{{seen("room", more[0]), fmt.Sprintf("OK|room|%d", more[0])}})
		wantListed(t, bob2, "room", meanwhile, more[0], 2)
	})
	t.Run("a conversation, from both sides", func(t *testing.T) {
		noted(alice)
		noted(bob2)
		hold(t, bob, []exchange{{"SEEN|@alice|5", "OK|@alice|0"}, {"SEEN|@nobody|5", "no-such-user"}})
		said := sayAll(t, alice, "@bob", "a", "b", "c")
		wantListed(t, bob, "@alice", said[2], 0, 3)
		wantListed(t, alice, "@bob", said[2], 0, 0)
		hold(t, bob, []exchange{{seen("@alice", said[1]), fmt.Sprintf("OK|@alice|%d", said[1])}})
		bob2.Await("|c")
		hears(t, "bob's other session", bob2, seen("@alice", said[1]))
		hears(t, "alice", alice)
		wantListed(t, bob, "@alice", said[2], said[1], 1)
		note := sayAll(t, bob, "@bob", "to myself")[0]
		wantListed(t, bob, "@bob", note, 0, 0)
		bob2.Events = nil
		hold(t, bob, []exchange{{seen("@bob", note), fmt.Sprintf("OK|@bob|%d", note)}})
		bob2.Await(seen("@bob", note))
	})
	t.Run("guests have none, and begin at the end", func(t *testing.T) {
		guest := s.Dial()
		guest.Do("HELLO|guest")
		guest.Do("JOIN|room")
		f := strings.Split(listed(t, guest, "room"), ":")
		if f[1] != f[2] || f[3] != "0" {
			t.Errorf("%q", f)
		}
		hold(t, guest, []exchange{{"SEEN|room|1", "forbidden"}})
		sayAll(t, alice, "room", "for the guest")
		sayAll(t, guest, "room", "of the guest")
		if got := listed(t, guest, "room"); !strings.HasSuffix(got, ":"+f[2]+":1") {
			t.Errorf("%q", got)
		}
		hold(t, guest, []exchange{{"EXIT|", "OK|bye"}})
	})
	t.Run("pipelined with what is said", func(t *testing.T) {
		bob.Send("SEND|room||now", "SEEN|room|9223372036854775807", "LIST|")
		said := id(t, bob.Reply())
		if got := bob.Reply(); got != fmt.Sprintf("OK|room|%d", said) {
			t.Errorf("%q after %d", got, said)
		}
		if got := bob.Reply(); !strings.Contains(got, fmt.Sprintf("|room:%d:%d:0", said, said)) {
			t.Error(got)
		}
	})
	for _, restart := range restarts {
		t.Run("is kept over "+restart.name, func(t *testing.T) {
			before := bob.Do("LIST|")
			restart.end(s)
			s.Launch()
			bob = s.SignIn("bob")
			if got := bob.Do("LIST|"); got != before {
				t.Errorf("%q, before it %q", got, before)
			}
		})
	}
}

// TestSeenInALargeRoom: counting goes in parts where thousands of messages stand on both sides of a position, which nobody can tell from the counts.
func TestSeenInALargeRoom(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "64MiB")...)
	addUsers(s, "alice", "bob", "carol")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	alice.Do("JOIN|room")
	bob.Do("JOIN|room")
	var ids []int64
	bobs := map[int]bool{}
	for i := 0; len(ids) < 9000; i++ { // of ten runs of 100, alice says nine
		who, from := alice, len(ids)
		if i%10 == 3 {
			who = bob
		}
		ids = append(ids, sayAll(t, who, "room", numbered("text ", 100)...)...)
		for j := from; who == bob && j < len(ids); j++ {
			bobs[j] = true
		}
		drop(alice, bob)
	}
	last := ids[len(ids)-1]
	unread := func(from int) (n int) { // to bob
		for i := from; i < len(ids); i++ {
			if !bobs[i] {
				n++
			}
		}
		return n
	}
	carol, bob2 := s.SignIn("carol"), s.SignIn("bob")
	carol.Do("JOIN|room")
	for _, at := range []int{0, 1, 2047, 2048, 2049, 4500, 4501, 6951, 6952, 6953, 8999} {
		hold(t, bob, []exchange{{seen("room", ids[at]), fmt.Sprintf("OK|room|%d", ids[at])}})
		wantListed(t, bob, "room", last, ids[at], unread(at+1))
		got := noted(bob2)
		if len(got) == 0 || got[len(got)-1] != seen("room", ids[at]) {
			t.Errorf("bob's other session heard %q", got)
		}
	}
	// Right into the middle, from the start.
	hold(t, carol, []exchange{{seen("room", ids[4444]), fmt.Sprintf("OK|room|%d", ids[4444])}, {seen("room", ids[3]), fmt.Sprintf("OK|room|%d", ids[4444])}})
	wantListed(t, carol, "room", last, ids[4444], 9000-4445)
	s.Kill()
	s.Launch()
	carol = s.SignIn("carol")
	wantListed(t, carol, "room", last, ids[4444], 9000-4445)
	hold(t, carol, []exchange{{"LEAVE|room", "OK|room"}, {"JOIN|room", "OK|*"}})
	wantListed(t, carol, "room", last, ids[4444], 9000-4445)
	wantListed(t, s.SignIn("bob"), "room", last, last, 0)
}
