package main

import (
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestLockedRoomIsNotSeen: the uninvited get the same replies, to the byte, about a locked room and about one that does not exist.
func TestLockedRoomIsNotSeen(t *testing.T) {
	t.Parallel()
	// With --fixed-rooms nobody but admins makes rooms, so not even JOIN can tell.
	s := parleytest.Start(t, unlimited("--fixed-rooms", "--guests")...)
	addUsers(s, "maker", "past", "uninvited", "declined", "expelled")
	s.User("chief", "--admin")
	chief, maker := s.SignIn("chief"), s.SignIn("maker")
	past, declined, expelled := s.SignIn("past"), s.SignIn("declined"), s.SignIn("expelled")
	for _, line := range []string{"JOIN|den", "SEND|den||secret", "TOPIC|den|secret", "JOIN|one-more"} {
		chief.Do(line)
	}
	for _, c := range []*parleytest.Conn{maker, past, expelled} {
		c.Do("JOIN|den")
	}
	secret := chief.Do("SEND|den||the secret")
	hold(t, past, []exchange{{"LEAVE|den", "OK|den"}})
	hold(t, chief, []exchange{{"LOCK|den", "OK|den"}, {"INVITE|den|declined", "OK|"}, {"EXPEL|den|expelled", "OK|"}, {"INVITE|den|past", "OK|"}, {"EXPEL|den|past", "OK|"}})
	hold(t, declined, []exchange{{"LIST|*", "OK|den:2|one-more:1"}, {"LEAVE|den", "OK|den"}})
	guest := s.Dial()
	guest.Do("HELLO|guest")

	ask := func(t *testing.T, who map[string]*parleytest.Conn) {
		lines := []string{"LEAVE|R", "WHO|R|a", "SEND|R|key|again"}
		for _, x := range table {
			if !strings.Contains(x.line, "OWN") && !strings.Contains(x.line, "THEIRS") {
				lines = append(lines, x.line)
			}
		}
		for name, c := range who {
			drop(c)
			for _, line := range lines {
				locked := c.Do((&scene{room: "den"}).script(line))
				nothing := c.Do((&scene{room: "dew"}).script(line)) // A is de for both
				if locked != nothing && !strings.HasPrefix(line, "MSG|") {
					t.Errorf("%s: %s: %q, where there is no room %q", name, line, locked, nothing)
				}
			}
			for _, e := range c.Events {
				if !strings.HasPrefix(e, "MSG|") || !strings.Contains(e, "|lobby|") {
					t.Errorf("%s hears %q", name, e)
				}
			}
			c.Events = nil
			hold(t, c, []exchange{{"LIST|*", "OK|one-more:1"}, {"LIST|*|den", "OK|one-more:1"}, {"DELETE|" + strings.TrimPrefix(secret, "OK|"), "forbidden"}})
		}
	}
	ask(t, map[string]*parleytest.Conn{"uninvited": s.SignIn("uninvited"), "past": past, "declined": declined, "expelled": expelled, "guest": guest})

	t.Run("a guest where everybody makes rooms", func(t *testing.T) {
		s := parleytest.Start(t, unlimited("--guests")...)
		addUsers(s, "maker")
		hold(t, s.SignIn("maker"), []exchange{{"JOIN|den|locked", "OK|den|1|0"}})
		guest := s.Dial()
		guest.Do("HELLO|guest")
		if locked, nothing := guest.Do("JOIN|den"), guest.Do("JOIN|dew"); locked != nothing {
			t.Errorf("JOIN: %q, where there is no room %q", locked, nothing)
		}
	})

	t.Run("after a restart", func(t *testing.T) {
		s.Kill()
		s.Launch()
		again := map[string]*parleytest.Conn{}
		for _, name := range []string{"uninvited", "past", "declined", "expelled"} {
			again[name] = s.SignIn(name)
		}
		ask(t, again)
		hold(t, s.SignIn("maker"), []exchange{{"TOPIC|den", "OK|secret"}, {"LOCK|den", "forbidden"}})
	})
}
