package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// comes waits until a connection is let in again.
func comes(t *testing.T, s *parleytest.Server, ip string) *parleytest.Conn {
	t.Helper()
	var c *parleytest.Conn
	eventually(t, "a connection is let in", func() (in bool) {
		var err error
		c, err = s.TryDialFrom(ip)
		return err == nil
	})
	return c
}

// TestConnectionCaps: each cap refuses the next connection, hurts nobody who is in, and gives the place back.
func TestConnectionCaps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		flags []string
		run   func(t *testing.T, s *parleytest.Server)
	}{
		{"max-conns", []string{"--max-conns", "4"}, func(t *testing.T, s *parleytest.Server) {
			in := []*parleytest.Conn{s.SignIn("alice"), s.Dial(), s.DialFrom("127.0.0.2"), s.DialFrom("127.0.0.3")}
			if !shut(s, "127.0.0.4") || !shut(s, "") {
				t.Error("a fifth was let in")
			}
			hold(t, in[0], []exchange{{"MSG|nothing noticed", "OK|*"}})
			in[1].Close()
			comes(t, s, "127.0.0.4").Do("PING|")
		}},
		{"max-conns-per-ip", []string{"--max-conns-per-ip", "3"}, func(t *testing.T, s *parleytest.Server) {
			in := []*parleytest.Conn{s.SignIn("alice"), s.SignIn("alice"), s.Dial()}
			if !shut(s, "127.0.0.1") {
				t.Error("a fourth was let in")
			}
			hold(t, s.DialFrom("127.0.0.2").Hello("alice", parleytest.Password), []exchange{{"PING|x", "OK|x"}})
			hold(t, in[0], []exchange{{"PING|x", "OK|x"}})
			in[1].Do("EXIT|")
			in[1].Close()
			comes(t, s, "127.0.0.1").Hello("alice", parleytest.Password)
		}},
		{"max-unauth-per-ip", []string{"--max-unauth-per-ip", "3"}, func(t *testing.T, s *parleytest.Server) {
			s.SignIn("alice") // no stranger any more
			in := []*parleytest.Conn{s.Dial(), s.Dial(), s.Dial()}
			if !shut(s, "127.0.0.1") {
				t.Error("a fourth stranger was let in")
			}
			s.DialFrom("127.0.0.2").Do("PING|")
			in[0].Hello("alice", parleytest.Password)
			in[0].Do("PING|")
			comes(t, s, "127.0.0.1").Do("PING|")
		}},
		{"max-unauth", []string{"--max-unauth", "8"}, func(t *testing.T, s *parleytest.Server) {
			alice := s.SignIn("alice")
			var in []*parleytest.Conn
			for i := 0; len(in) < 8; i++ {
				c, err := s.TryDialFrom(fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200))
				switch {
				case err == nil:
					in = append(in, c)
				case len(in) <= 4:
					t.Fatal("dropped with less than half of the places taken")
				case i > 10000:
					t.Fatal("never full")
				}
			}
			for i := range 20 {
				if !shut(s, fmt.Sprintf("127.0.9.%d", 1+i)) {
					t.Fatal("one too many was let in")
				}
			}
			hold(t, alice, []exchange{{"MSG|nothing noticed", "OK|*"}})
			for _, c := range in {
				c.Close()
			}
			comes(t, s, "127.0.8.1").Hello("alice", parleytest.Password)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := parleytest.Start(t, unlimited(tt.flags...)...)
			s.User("alice")
			tt.run(t, s)
			logged(t, s, "connections refused", tt.name)
		})
	}
}

// TestAccountCaps: sessions of an account, rooms of an account and in all.
func TestAccountCaps(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-sessions", "2", "--max-rooms", "3", "--max-total-rooms", "6")...)
	addUsers(s, "alice", "bob")
	t.Run("max-sessions", func(t *testing.T) {
		one := s.SignIn("alice")
		two := s.SignIn("alice")
		three := s.Dial()
		hold(t, three, []exchange{{"HELLO|alice|" + parleytest.Password, "busy"}, {"HELLO|alice|" + one.Token(), "busy"}, {"MSG|x", "hello-first"}})
		hold(t, two, []exchange{{"PING|x", "OK|x"}, {"EXIT|", "OK|bye"}})
		eventually(t, "the place is free", func() bool {
			return strings.HasPrefix(three.Do("HELLO|alice|"+parleytest.Password), "OK|")
		})
		s.SignIn("bob").Do("EXIT|")
		one.Do("EXIT|")
		three.Do("EXIT|")
	})
	t.Run("max-rooms", func(t *testing.T) {
		alice := s.SignIn("alice")
		hold(t, alice, []exchange{
			{"JOIN|a1", "OK|*"}, {"JOIN|a2", "OK|*"}, {"JOIN|a3", "OK|*"}, {"JOIN|a4", "forbidden"}, {"JOIN|lobby", "OK|*"}, {"JOIN|a1", "OK|*"},
			{"LIST|", "OK|a1:0:0:0|a2:0:0:0|a3:0:0:0|lobby:0:0:0"}, {"SEND|@bob||a conversation is no room", "OK|*"}, {"SEND|a4||x", "not-member"},
			{"LEAVE|a1", "OK|a1"}, {"JOIN|a4", "OK|*"}, {"JOIN|a1", "forbidden"},
		})
	})
	t.Run("max-total-rooms", func(t *testing.T) {
		bob := s.SignIn("bob")
		var made []string
		for _, name := range numbered("b", 10) {
			if strings.HasPrefix(bob.Do("JOIN|"+name), "OK|") {
				made = append(made, name)
			}
			bob.Do("LEAVE|" + name)
		}
		// a1 to a4 are there, and the lobby counts or not.
		if !slices.Equal(made, []string{"b0"}) && !slices.Equal(made, []string{"b0", "b1"}) {
			t.Errorf("%q were made", made)
		}
		hold(t, bob, []exchange{{"JOIN|b9", "forbidden"}, {"JOIN|a1", "OK|a1|1|0"}})
	})
}

// TestFixedRooms: only admins make rooms.
func TestFixedRooms(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--fixed-rooms")...)
	s.User("alice")
	s.User("chief", "--admin")
	alice, chief := s.SignIn("alice"), s.SignIn("chief")
	hold(t, alice, []exchange{{"JOIN|room", "not-member"}, {"SEND|room||x", "not-member"}, {"LIST|", "OK|lobby:0:0:0"}})
	hold(t, chief, []exchange{{"JOIN|room", "OK|room|1|0"}})
	hold(t, alice, []exchange{{"JOIN|room", "OK|room|2|0"}, {"MSG|thanks", "OK|*"}, {"JOIN|another", "not-member"}, {"MSG|still there", "OK|*"}})
}
