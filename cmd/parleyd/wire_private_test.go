package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"parley/internal/parleytest"
)

// noted is what came, without comings and goings in the lobby.
func noted(c *parleytest.Conn) (list []string) {
	c.Do("PING|noted")
	for _, e := range c.Events {
		if !strings.HasPrefix(e, "JOIN|lobby|") && !strings.HasPrefix(e, "LEAVE|lobby|") && !strings.HasPrefix(e, "HERE|") {
			list = append(list, e)
		}
	}
	c.Events = nil
	return list
}

// hears compares what came with patterns, in order.
func hears(t *testing.T, who string, c *parleytest.Conn, want ...string) {
	t.Helper()
	got := noted(c)
	if len(got) != len(want) {
		t.Errorf("%s hears %q, want %q", who, got, want)
		return
	}
	for i := range want {
		if !matches(want[i], got[i]) {
			t.Errorf("%s hears %q, want %q", who, got[i], want[i])
		}
	}
}

// restarts are the ways in which a server comes again.
var restarts = []struct {
	name string
	end  func(*parleytest.Server)
}{{"SIGKILL", func(s *parleytest.Server) { s.Kill() }}, {"SIGTERM", func(s *parleytest.Server) { s.Stop() }}}

// TestInvitations: found later, followed once, declined, ended.
func TestInvitations(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "maker", "member", "bob", "carol")
	maker, member := s.SignIn("maker"), s.SignIn("member")
	hold(t, maker, []exchange{{"JOIN|den|locked", "OK|den|1|0"}, {"INVITE|den|member", "OK|"}, {"SEND|den||before", "OK|*"}})
	hold(t, member, []exchange{{"JOIN|den", "OK|den|2|*"}, {"HISTORY|den", "OK|1"}})
	bob, bob2 := s.SignIn("bob"), s.SignIn("bob")
	noted(maker)

	hold(t, bob, []exchange{{"LIST|*", "OK|"}, {"JOIN|den", "not-member"}})
	hold(t, member, []exchange{{"INVITE|den|bob", "OK|"}, {"INVITE|den|bob", "OK|"}}) // any member may, and twice is once
	for _, c := range []*parleytest.Conn{bob, bob2} {
		hears(t, "bob", c, "NOTE|member*den")
		hold(t, c, []exchange{{"LIST|*", "OK|den:2"}, {"HISTORY|den", "not-member"}, {"WHO|den", "not-member"}, {"LIST|", "OK|lobby:*"}})
	}
	hears(t, "maker", maker)
	for _, restart := range restarts {
		bob.Do("EXIT|")
		restart.end(s)
		s.Launch()
		maker, member, bob, bob2 = s.SignIn("maker"), s.SignIn("member"), s.SignIn("bob"), s.SignIn("bob")
		hold(t, bob, []exchange{{"LIST|*", "OK|den:2"}, {"LIST|*|den", "OK|"}, {"LIST|*|de", "OK|den:2"}})
		hold(t, maker, []exchange{{"LIST|*", "OK|"}})
	}
	// It is used up by joining.
	noted(maker)
	hold(t, bob, []exchange{{"JOIN|den", "OK|den|3|*"}, {"LIST|*", "OK|"}, {"HISTORY|den", "OK|1"}})
	hears(t, "maker", maker, "JOIN|den|bob")
	hears(t, "bob's other session", bob2, "JOIN|den|bob")
	hold(t, bob2, []exchange{{"LEAVE|den", "OK|den"}, {"LIST|*", "OK|"}, {"JOIN|den", "not-member"}})
	// Declined by LEAVE, once.
	hold(t, maker, []exchange{{"INVITE|den|bob", "OK|"}})
	hold(t, bob, []exchange{{"LIST|*", "OK|den:2"}, {"LEAVE|den", "OK|den"}, {"LIST|*", "OK|"}, {"LEAVE|den", "not-member"}, {"JOIN|den", "not-member"}})
	// Ended by EXPEL.
	hold(t, maker, []exchange{{"INVITE|den|bob", "OK|"}})
	hold(t, bob, []exchange{{"LIST|*", "OK|den:2"}})
	hold(t, maker, []exchange{{"EXPEL|den|bob", "OK|"}})
	hold(t, bob, []exchange{{"LIST|*", "OK|"}, {"JOIN|den", "not-member"}, {"LEAVE|den", "not-member"}})
	// It outlives that who gave it, and the room's being open meanwhile.
	hold(t, member, []exchange{{"INVITE|den|bob", "OK|"}, {"INVITE|den|carol", "OK|"}, {"LEAVE|den", "OK|den"}, {"JOIN|den", "not-member"}})
	hold(t, maker, []exchange{{"OPEN|den", "OK|den"}, {"LOCK|den", "OK|den"}})
	s.Kill()
	s.Launch()
	bob = s.SignIn("bob")
	hold(t, bob, []exchange{{"LIST|*", "OK|den:1"}, {"JOIN|den", "OK|den|2|*"}, {"LOCK|den", "forbidden"}})
	hold(t, s.SignIn("carol"), []exchange{{"LIST|*", "OK|den:2"}, {"JOIN|den|locked", "OK|den|3|*"}})
}

// TestLock: who makes a room may lock it and come back; members are told, and stay.
func TestLock(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "maker", "member", "bob")
	s.User("chief", "--admin")
	maker, maker2, member, bob, chief := s.SignIn("maker"), s.SignIn("maker"), s.SignIn("member"), s.SignIn("bob"), s.SignIn("chief")
	maker.Do("JOIN|den")
	member.Do("JOIN|den")
	for _, c := range []*parleytest.Conn{maker, maker2, member, bob, chief} {
		noted(c)
	}
	hold(t, bob, []exchange{{"LIST|*", "OK|den:2"}})
	hold(t, member, []exchange{{"LOCK|den", "forbidden"}})
	hold(t, maker, []exchange{{"LOCK|den", "OK|den"}})
	hears(t, "member", member, "NOTE|maker*den")
	hears(t, "the maker's other session", maker2, "NOTE|maker*den")
	hears(t, "maker", maker)
	hears(t, "bob", bob)
	hold(t, bob, []exchange{{"LIST|*", "OK|"}, {"JOIN|den", "not-member"}, {"JOIN|den|locked", "not-member"}})
	hold(t, member, []exchange{{"MSG|still here", "OK|*"}, {"HISTORY|den", "OK|1"}, {"JOIN|den", "OK|den|2|*"}})
	hold(t, maker, []exchange{{"LEAVE|den", "OK|den"}, {"LIST|*", "OK|den:1"}, {"LOCK|den", "not-member"}})
	for _, restart := range restarts {
		restart.end(s)
		s.Launch()
		maker, member, bob, chief = s.SignIn("maker"), s.SignIn("member"), s.SignIn("bob"), s.SignIn("chief")
		hold(t, bob, []exchange{{"LIST|*", "OK|"}, {"JOIN|den", "not-member"}})
		hold(t, maker, []exchange{{"LIST|*", "OK|den:1"}})
	}
	hold(t, maker, []exchange{{"JOIN|den", "OK|den|2|*"}, {"OPEN|den", "OK|den"}})
	hold(t, bob, []exchange{{"LIST|*", "OK|den:2"}, {"JOIN|den", "OK|den|3|*"}})
	// An admin rules a room from outside, and is let in by nobody for it.
	hold(t, chief, []exchange{{"LOCK|den", "OK|den"}, {"JOIN|den", "not-member"}, {"EXPEL|den|maker", "OK|"}})
	hold(t, maker, []exchange{{"LIST|*", "OK|"}, {"JOIN|den", "not-member"}})
	hold(t, member, []exchange{{"INVITE|den|maker", "OK|"}})
	hold(t, maker, []exchange{{"JOIN|den", "OK|den|3|*"}, {"OPEN|den", "forbidden"}, {"EXPEL|den|bob", "forbidden"}})
	s.Kill()
	s.Launch()
	maker = s.SignIn("maker")
	hold(t, maker, []exchange{{"OPEN|den", "forbidden"}, {"LEAVE|den", "OK|den"}, {"JOIN|den", "not-member"}})
	hold(t, s.SignIn("chief"), []exchange{{"OPEN|den", "OK|den"}, {"JOIN|new|locked", "OK|new|1|0"}})
}

// TestLockUnderJoining: once LOCK is answered, nobody who is not invited joins, however many try at once.
func TestLockUnderJoining(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-rooms", "0", "--max-sessions", "0")...)
	names := numbered("joiner", 4)
	addUsers(s, append(names, "maker")...)
	maker := s.SignIn("maker")
	for round := range 25 {
		room := fmt.Sprint("room", round)
		maker.Do("JOIN|" + room)
		var all sync.WaitGroup
		for _, name := range names {
			c := s.SignIn(name)
			all.Go(func() {
				defer c.Close()
				line := "JOIN|" + room + "\nLEAVE|" + room + "\n"
				if _, err := c.TLS.Write([]byte(strings.Repeat(line, 15))); err != nil {
					t.Error(err)
				}
				for replies := 0; replies < 30; {
					reply, err := c.TryLine(parleytest.Patience)
					if err != nil {
						t.Error(err)
						return
					}
					if parleytest.IsReply(reply) {
						replies++
					}
				}
			})
		}
		// Members hear who comes, so what they hear after their LOCK's reply is what came after it.
		for maker.Event() != "JOIN|"+room+"|"+names[round%len(names)] {
		}
		hold(t, maker, []exchange{{"LOCK|" + room, "OK|" + room}})
		maker.Events = nil
		all.Wait()
		for _, e := range noted(maker) {
			if strings.HasPrefix(e, "JOIN|"+room+"|") {
				t.Fatalf("%q after LOCK was answered", e)
			}
		}
	}
}
