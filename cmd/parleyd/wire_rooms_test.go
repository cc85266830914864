package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestKeys: a key makes SEND safe to repeat.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	for _, c := range []*parleytest.Conn{alice, bob} {
		c.Do("JOIN|room")
		c.Do("JOIN|other")
	}
	ids := map[string]int64{}
	use := func(c *parleytest.Conn, who, target, key, text string) int64 {
		ids[who+target+key] = id(t, c.Do("SEND|"+target+"|"+key+"|"+text))
		return ids[who+target+key]
	}
	first := use(alice, "alice", "room", "key", "first")
	for _, text := range []string{"first", "another text"} {
		if again := id(t, alice.Do("SEND|room|key|"+text)); again != first {
			t.Errorf("repeated with %q: id %d, first %d", text, again, first)
		}
	}
	if again := id(t, s.SignIn("alice").Do("SEND|room|key|first")); again != first {
		t.Errorf("from another session: id %d, first %d", again, first)
	}
	use(alice, "alice", "other", "key", "another target")
	use(alice, "alice", "@bob", "key", "a person")
	use(alice, "alice", "@alice", "key", "oneself")
	use(bob, "bob", "room", "key", "another account")
	use(bob, "bob", "@alice", "key", "the same conversation from its other side")
	use(alice, "alice", "room", "KEY", "keys are as typed")
	seen := map[int64]string{}
	for use, id := range ids {
		if seen[id] != "" {
			t.Errorf("%s and %s got one id", use, seen[id])
		}
		seen[id] = use
	}
	empty := sayAll(t, alice, "room", "no key", "no key", "no key")
	if len(slices.Compact(empty)) != 3 {
		t.Errorf("an empty key: ids %d", empty)
	}
	drop(bob)
	if got, want := texts(answer(t, bob, "HISTORY|room")), []string{"first", "another account", "keys are as typed", "no key", "no key", "no key"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	t.Run("two sessions at once", func(t *testing.T) {
		const n = 200
		var lines string
		for i := range n {
			lines += fmt.Sprintf("SEND|other|at-once-%d|text %d\n", i, i)
		}
		conns := []*parleytest.Conn{s.SignIn("alice"), s.SignIn("alice")}
		got := make([][]int64, len(conns))
		var all sync.WaitGroup
		for i, c := range conns {
			all.Go(func() {
				if _, err := c.TLS.Write([]byte(lines)); err != nil {
					t.Error(err)
					return
				}
				for len(got[i]) < n {
					line, err := c.TryLine(parleytest.Patience)
					if err != nil || strings.HasPrefix(line, "ERROR|") {
						t.Errorf("%q %v", line, err)
						return
					}
					if parleytest.IsReply(line) {
						got[i] = append(got[i], id(t, line))
					}
				}
			})
		}
		all.Wait()
		if !slices.Equal(got[0], got[1]) {
			t.Error("the two got different ids")
		}
		drop(bob)
		if list := answer(t, bob, "HISTORY|other|after|0|500"); len(list) != n+1 {
			t.Errorf("%d messages, want %d", len(list), n+1)
		}
	})
	t.Run("the second on the same session while the first is on its way", func(t *testing.T) {
		alice.Send("SEND|room|twice|a", "SEND|room|twice|b", "SEND|room|twice|c")
		if a, b, c := id(t, alice.Reply()), id(t, alice.Reply()), id(t, alice.Reply()); a != b || b != c {
			t.Errorf("%d %d %d", a, b, c)
		}
	})
	t.Run("after kill -9", func(t *testing.T) {
		s.Kill()
		s.Launch()
		c := s.SignIn("alice")
		if again := id(t, c.Do("SEND|room|key|first")); again != first {
			t.Errorf("id %d, first %d", again, first)
		}
		if next := id(t, c.Do("SEND|room|new-key|first")); next <= first {
			t.Errorf("id %d is not above %d", next, first)
		}
	})
}

// TestConversation: between two, seen from both sides, and by nobody else.
func TestConversation(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob", "carol")
	alice, alice2, bob, carol := s.SignIn("alice"), s.SignIn("alice"), s.SignIn("bob"), s.SignIn("carol")
	drop(alice, alice2, bob, carol)

	one := sayAll(t, alice, "@bob", "hello bob")[0]
	if got := parse(t, bob.Event()); got != (event{one, "@alice", "alice", "hello bob"}) {
		t.Errorf("bob sees %+v", got)
	}
	if got := parse(t, alice2.Event()); got != (event{one, "@bob", "alice", "hello bob"}) {
		t.Errorf("alice's other session sees %+v", got)
	}
	two := sayAll(t, bob, "@alice", "hello alice")[0]
	for _, c := range []*parleytest.Conn{alice, alice2} {
		if got := parse(t, c.Event()); got != (event{two, "@bob", "bob", "hello alice"}) {
			t.Errorf("alice sees %+v", got)
		}
	}
	for _, tt := range []struct {
		c    *parleytest.Conn
		line string
		room string
	}{{alice, "HISTORY|@bob", "@bob"}, {bob, "HISTORY|@alice", "@alice"}, {alice, "FIND|@bob|hello", "@bob"}, {bob, "FIND|@alice|hello", "@alice"}} {
		want := []event{{one, tt.room, "alice", "hello bob"}, {two, tt.room, "bob", "hello alice"}}
		if got := answer(t, tt.c, tt.line); !slices.Equal(got, want) {
			t.Errorf("%s: %+v", tt.line, got)
		}
	}
	self := sayAll(t, alice, "@alice", "note to self")[0]
	if got := parse(t, alice2.Event()); got != (event{self, "@alice", "alice", "note to self"}) {
		t.Errorf("%+v", got)
	}
	if got := answer(t, alice, "HISTORY|@alice"); !slices.Equal(got, []event{{self, "@alice", "alice", "note to self"}}) {
		t.Errorf("%+v", got)
	}
	for _, c := range []*parleytest.Conn{alice, alice2, bob, carol} {
		quiet(t, c)
	}
	hold(t, carol, []exchange{
		{"HISTORY|@alice", "OK|0"}, {"HISTORY|@bob", "OK|0"}, {"FIND|@alice|hello", "OK|0"}, {"FIND|@carol|hello", "OK|0"}, {"LIST|", "OK|lobby:0:0:0"},
		{"SEND|@nobody||x", "no-such-user"}, {"HISTORY|@nobody", "no-such-user"}, {"JOIN|@alice@bob", "bad-data"}, {"HISTORY|@alice@bob", "bad-data"},
		{"SEND|@alice@bob||x", "bad-data"}, {"JOIN|alice@bob", "bad-data"},
	})
	hold(t, alice, []exchange{{"LIST|", fmt.Sprintf("OK|@alice:%d:0:0|@bob:%d:0:1|lobby:0:0:0", self, two)}})

	t.Run("with somebody who was removed", func(t *testing.T) {
		s.Run("", "user", "remove", "bob", "--data", s.Data)
		hold(t, alice, []exchange{{"SEND|@bob||x", "no-such-user"}, {"HISTORY|@bob", "OK|2"}})
	})
}

// TestRooms: joining and leaving are the account's, the current room is the session's.
func TestRooms(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	alice, alice2, bob := s.SignIn("alice"), s.SignIn("alice"), s.SignIn("bob")
	hold(t, bob, []exchange{{"JOIN|room", "OK|room|1|0"}})
	last := sayAll(t, bob, "room", "before alice came")[0]
	drop(alice, alice2)

	hold(t, alice, []exchange{{"JOIN|room", fmt.Sprintf("OK|room|2|%d", last)}})
	if got := bob.Await("room"); got != "JOIN|room|alice" {
		t.Error(got)
	}
	if got := alice2.Event(); got != "JOIN|room|alice" {
		t.Errorf("alice's other session: %q", got)
	}
	quiet(t, alice)
	said := id(t, alice.Do("MSG|in my current room"))
	for _, c := range []*parleytest.Conn{bob, alice2} {
		if got := parse(t, c.Event()); got != (event{said, "room", "alice", "in my current room"}) {
			t.Errorf("%+v", got)
		}
	}
	said = id(t, alice2.Do("MSG|in mine"))
	for _, c := range []*parleytest.Conn{bob, alice} {
		if got := parse(t, c.Await("in mine")); got != (event{said, "lobby", "alice", "in mine"}) {
			t.Errorf("%+v", got)
		}
	}
	hold(t, alice2, []exchange{{"HISTORY|room|after|0|1", "OK|1"}, {"LEAVE|room", "OK|room"}})
	if got := alice.Event(); got != "LEAVE|room|alice" {
		t.Errorf("alice's other session: %q", got)
	}
	if got := bob.Event(); got != "LEAVE|room|alice" {
		t.Error(got)
	}
	alice2.Events = nil
	// Who left reads and hears nothing, old messages included.
	outside := []exchange{
		{"MSG|still here?", "not-member"}, {"SEND|room||x", "not-member"}, {"HISTORY|room", "not-member"}, {"HISTORY|room|after|0|500", "not-member"},
		{"FIND|room|before", "not-member"}, {"WHO|room", "not-member"}, {"LEAVE|room", "not-member"}, {"LIST|", "OK|lobby:*"},
	}
	hold(t, alice, outside)
	hold(t, alice2, outside[1:])
	sayAll(t, bob, "room", "among ourselves")
	quiet(t, alice)
	quiet(t, alice2)
	hold(t, alice, []exchange{{"JOIN|room", "OK|room|2|*"}, {"HISTORY|room", "OK|3"}})
	drop(alice2)
	t.Run("lasts over sessions and restarts", func(t *testing.T) {
		alice.Do("EXIT|")
		s.Kill()
		s.Launch()
		hold(t, s.SignIn("alice"), []exchange{{"LIST|", "OK|lobby:*|room:*"}, {"SEND|room||x", "OK|*"}, {"JOIN|room", "OK|room|2|*"}})
	})
}

// TestPresence: who came and who went.
func TestPresence(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	alice := s.SignIn("alice")

	bob, bob2 := s.SignIn("bob"), s.SignIn("bob")
	if got := alice.Event(); got != "JOIN|lobby|bob" {
		t.Error(got)
	}
	bob.Do("EXIT|")
	hold(t, alice, []exchange{{"WHO|lobby", "OK|alice|bob"}})
	quiet(t, alice) // the first of two sessions is no coming, and its end no going
	bob2.Do("EXIT|")
	if got := alice.Event(); got != "LEAVE|lobby|bob" {
		t.Error(got)
	}
	hold(t, alice, []exchange{{"WHO|lobby", "OK|alice"}})

	t.Run("a lost connection that is resumed", func(t *testing.T) {
		bob := s.SignIn("bob")
		alice.Event()
		session := bob.Session()
		bob.Do("PING|confirmed")
		bob.Close()
		logged(t, s, `"disconnected"`, session)
		quiet(t, alice)
		bob = s.Dial().Hello("bob", bob.Token())
		quiet(t, alice)
		bob.Do("EXIT|")
		if got := alice.Event(); got != "LEAVE|lobby|bob" {
			t.Error(got)
		}
	})
	t.Run("a lost connection", func(t *testing.T) {
		bob := s.SignIn("bob")
		alice.Event()
		lost := time.Now()
		bob.Close()
		if got := alice.Event(); got != "LEAVE|lobby|bob" || time.Since(lost) < 9*time.Second {
			t.Errorf("%q after %v", got, time.Since(lost))
		}
	})
}
