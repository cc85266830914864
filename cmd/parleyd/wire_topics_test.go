package main

import (
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestTopic: a topic is set, told, kept and cleared.
func TestTopic(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "bob", "carol")
	alice, alice2, bob, carol := s.SignIn("alice"), s.SignIn("alice"), s.SignIn("bob"), s.SignIn("carol")
	guest := s.Dial()
	guest.Do("HELLO|guest")
	for _, c := range []*parleytest.Conn{alice, bob, guest} {
		c.Do("JOIN|room")
	}
	all := []*parleytest.Conn{alice, alice2, bob, carol, guest}
	for _, c := range all {
		noted(c)
	}
	hold(t, alice, []exchange{{"TOPIC|room", "OK|"}, {"TOPIC|room|Tea | at 4, ünïcödé", "OK|"}, {"TOPIC|room", "OK|Tea | at 4, ünïcödé"}})
	told := "TOPIC|room|alice|Tea | at 4, ünïcödé"
	hears(t, "alice", alice)
	hears(t, "alice's other session", alice2, told)
	hears(t, "bob", bob, told)
	hears(t, "the guest", guest, told)
	hears(t, "carol", carol)
	hold(t, guest, []exchange{{"TOPIC|room", "OK|Tea*"}, {"TOPIC|room|mine", "forbidden"}})
	hold(t, carol, []exchange{{"TOPIC|room", "not-member"}, {"TOPIC|room|mine", "not-member"}, {"TOPIC|lobby|everybody's", "OK|"}})
	for _, c := range all {
		noted(c)
	}
	for _, restart := range restarts {
		restart.end(s)
		s.Launch()
		alice, bob = s.SignIn("alice"), s.SignIn("bob")
		hold(t, bob, []exchange{{"TOPIC|room", "OK|Tea | at 4, ünïcödé"}, {"TOPIC|lobby", "OK|everybody's"}})
	}
	noted(alice)
	hold(t, bob, []exchange{{"TOPIC|room|", "OK|"}, {"TOPIC|room", "OK|"}})
	hears(t, "alice", alice, "TOPIC|room|bob|")
	hold(t, alice, []exchange{{"TOPIC|room", "OK|"}})
	s.Kill()
	s.Launch()
	bob = s.SignIn("bob")
	hold(t, bob, []exchange{{"TOPIC|room", "OK|"}, {"LEAVE|room", "OK|room"}, {"TOPIC|room", "not-member"}})
	// It is the room's: it outlives its last member.
	alice = s.SignIn("alice")
	hold(t, alice, []exchange{{"TOPIC|room|for later", "OK|"}, {"LEAVE|room", "OK|room"}})
	hold(t, bob, []exchange{{"JOIN|room", "OK|room|1|0"}, {"TOPIC|room", "OK|for later"}, {"HISTORY|room", "OK|0"}})
}

// TestRoomBounds: each bound is reached and told, counts what is there and not what is tried, and is kept over a restart.
func TestRoomBounds(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-members", "3", "--max-invites", "2", "--max-topic", "10", "--max-rooms", "4", "--guests")...)
	addUsers(s, "maker", "ann", "bob", "cyd")
	maker, ann, bob, cyd := s.SignIn("maker"), s.SignIn("ann"), s.SignIn("bob"), s.SignIn("cyd")
	guest := s.Dial()
	guest.Do("HELLO|guest")

	t.Run("topic", func(t *testing.T) {
		hold(t, maker, []exchange{
			{"JOIN|den|locked", "OK|den|1|0"}, {"TOPIC|den|0123456789", "OK|"}, {"TOPIC|den|0123456789x", "too-long"}, {"TOPIC|den|éééééé", "too-long"}, {"TOPIC|den|ééééé", "OK|"},
			{"TOPIC|den", "OK|ééééé"}, {"TOPIC|elsewhere|01234567890", "too-long"},
		})
	})
	t.Run("members", func(t *testing.T) {
		for _, name := range []string{"ann", "bob", "cyd"} {
			hold(t, maker, []exchange{{"INVITE|den|" + name, "OK|"}})
		}
		hold(t, ann, []exchange{{"JOIN|den", "OK|den|2|0"}})
		hold(t, bob, []exchange{{"JOIN|den", "OK|den|3|0"}, {"JOIN|den", "OK|den|3|0"}})
		hold(t, cyd, []exchange{{"JOIN|den", "forbidden"}, {"LIST|*", "OK|den:3"}, {"JOIN|lobby", "OK|lobby|5|0"}}) // the invitation stays; the lobby has no bound
		if got := cyd.Do("JOIN|den"); !strings.Contains(got, "full") {
			t.Errorf("%q does not say why", got)
		}
		hold(t, maker, []exchange{{"OPEN|den", "OK|den"}})
		hold(t, guest, []exchange{{"JOIN|den", "forbidden"}})
		hold(t, bob, []exchange{{"LEAVE|den", "OK|den"}})
		hold(t, guest, []exchange{{"JOIN|den", "OK|den|3|0"}})
		hold(t, guest, []exchange{{"LEAVE|den", "OK|den"}})
		hold(t, cyd, []exchange{{"JOIN|den", "OK|den|3|0"}})
		hold(t, bob, []exchange{{"JOIN|den", "forbidden"}})
	})
	t.Run("invitations", func(t *testing.T) {
		for _, room := range []string{"r1", "r2", "r3"} {
			hold(t, maker, []exchange{{"JOIN|" + room + "|locked", "OK|" + room + "|1|0"}})
		}
		hold(t, maker, []exchange{{"INVITE|r1|bob", "OK|"}, {"INVITE|r2|bob", "OK|"}, {"INVITE|r3|bob", "forbidden"}, {"INVITE|r2|bob", "OK|"}, {"INVITE|r3|ann", "OK|"}})
		hold(t, bob, []exchange{{"LIST|*", "OK|den:3|r1:1|r2:1"}, {"LEAVE|r1", "OK|r1"}})
		hold(t, maker, []exchange{{"INVITE|r3|bob", "OK|"}, {"INVITE|r1|bob", "forbidden"}, {"EXPEL|r2|bob", "OK|"}, {"INVITE|r1|bob", "OK|"}})
		hold(t, bob, []exchange{{"JOIN|r1", "OK|r1|2|0"}})
		hold(t, maker, []exchange{{"INVITE|r2|bob", "OK|"}})
	})
	t.Run("rooms of an account", func(t *testing.T) {
		hold(t, maker, []exchange{{"JOIN|r4|locked", "forbidden"}, {"JOIN|r4", "forbidden"}, {"LEAVE|r3", "OK|r3"}, {"JOIN|r4|locked", "OK|r4|1|0"}, {"JOIN|r3", "forbidden"}, {"LIST|*", "OK|r3:0"}})
	})
	t.Run("after a restart", func(t *testing.T) {
		s.Kill()
		s.Launch()
		maker, bob = s.SignIn("maker"), s.SignIn("bob")
		hold(t, maker, []exchange{{"JOIN|r3", "forbidden"}, {"INVITE|r4|bob", "forbidden"}})
		hold(t, bob, []exchange{{"JOIN|den", "forbidden"}, {"LIST|*", "OK|den:3|r2:1|r3:0"}})
	})
	t.Run("0 is no limit", func(t *testing.T) {
		s.Stop()
		s.Launch("--max-members", "0", "--max-invites", "0", "--max-topic", "0", "--max-rooms", "0")
		maker, bob = s.SignIn("maker"), s.SignIn("bob")
		hold(t, maker, []exchange{
			{"JOIN|r3", "OK|r3|1|0"}, {"INVITE|r4|bob", "OK|"}, {"TOPIC|r3|" + strings.Repeat("x", 2000), "OK|"}, {"TOPIC|r3", "OK|" + strings.Repeat("x", 2000)},
			{"TOPIC|r3|" + strings.Repeat("x", 2001), "too-long"},
		})
		hold(t, bob, []exchange{{"LIST|*", "OK|den:3|r2:1|r3:1|r4:1"}, {"JOIN|den", "OK|den|4|0"}})
	})
}
