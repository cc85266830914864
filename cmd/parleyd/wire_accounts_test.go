package main

import (
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestInvited: nothing but the password's change, and then everything.
func TestInvited(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("alice")
	s.User("new", "--invite")
	alice := s.SignIn("alice")
	c := s.Dial().Hello("new", parleytest.Password)
	if c.Token() != "" || c.Fields[2] != "" {
		t.Errorf("%q", c.Fields)
	}
	alice.Do("MSG|not for strangers")
	quiet(t, alice) // nobody came
	c.Do("PING|x")
	for _, e := range c.Events {
		if !strings.HasPrefix(e, "NOTE|") {
			t.Errorf("an event before the password was changed: %q", e)
		}
	}
	c.Events = nil
	hold(t, c, []exchange{{"PASSWD|" + parleytest.Password, "weak-password"}, {"PASSWD|a passphrase of my own", "OK|"}})
	if got := alice.Event(); got != "JOIN|lobby|new" {
		t.Error(got)
	}
	alice.Do("MSG|welcome")
	if got := c.Await("welcome"); parse(t, got).room != "lobby" {
		t.Error(got)
	}
	hold(t, c, []exchange{{"MSG|thank you", "OK|*"}, {"EXIT|", "OK|bye"}})
	hold(t, s.Dial(), []exchange{{"HELLO|new|" + parleytest.Password, "denied"}, {"HELLO|new|a passphrase of my own", "OK|*|pt1.*|lobby"}})
}

// TestPasswd: who may change a password, to what, and what it ends.
func TestPasswd(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	bob, other, c := s.SignIn("bob"), s.SignIn("alice"), s.SignIn("alice")
	hold(t, c, []exchange{
		{"PASSWD|too short", "weak-password"}, {"PASSWD|aaaaaaaaaaaaaaaaaaaaaaaa", "weak-password"}, {"PASSWD|passwordpassword", "weak-password"},
		{"PASSWD|qwertyuiopasdfghjkl", "weak-password"}, {"PASSWD|pt1.looks like a token of ours", "weak-password"}, {"PASSWD|alice in wonderland, twice", "weak-password"},
		{"PASSWD|with a | in it, and more | of them", "OK|"}, {"MSG|still here", "OK|*"},
	})
	ended(t, other, "BYE|ejected|*")
	hold(t, bob, []exchange{{"PING|nobody else's business", "OK|*"}})
	hold(t, s.Dial(), []exchange{
		{"HELLO|alice|" + parleytest.Password, "denied"}, {"HELLO|alice|with a ", "denied"}, {"HELLO|alice|with a | in it, and more | of them", "OK|*"},
	})
	long := strings.Repeat("long ones are welcome, ", 100)
	hold(t, c, []exchange{{"PASSWD|" + long, "OK|"}})
	hold(t, s.Dial(), []exchange{{"HELLO|alice|" + long[:len(long)-1], "denied"}, {"HELLO|alice|" + long, "OK|*"}})
}

// TestEject: admins alone; all sessions at once, with the reason, and people see them go.
func TestEject(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "bob")
	s.User("chief", "--admin")
	chief, alice, bob, bob2 := s.SignIn("chief"), s.SignIn("alice"), s.SignIn("bob"), s.SignIn("bob")
	drop(chief, alice, bob, bob2)
	hold(t, alice, []exchange{{"EJECT|bob|because", "forbidden"}, {"EJECT|nobody|because", "forbidden"}})
	quiet(t, bob)
	hold(t, chief, []exchange{{"EJECT|bob|a | b", "OK|2"}})
	for _, c := range []*parleytest.Conn{bob, bob2} {
		ended(t, c, "BYE|ejected|a | b")
	}
	if got := alice.Event(); got != "LEAVE|lobby|bob" {
		t.Error(got)
	}
	hold(t, chief, []exchange{{"EJECT|bob|nobody is there", "OK|0"}})
	drop(alice, chief)
	bob = s.SignIn("bob") // it was no ban
	if got := alice.Event(); got != "JOIN|lobby|bob" {
		t.Error(got)
	}

	t.Run("a guest", func(t *testing.T) {
		guest := s.Dial()
		guest.Do("HELLO|visitor")
		hold(t, chief, []exchange{{"EJECT|~visitor|out", "OK|1"}})
		ended(t, guest, "BYE|ejected|out")
		drop(alice)
		hold(t, alice, []exchange{{"WHO|lobby", "OK|alice|bob|chief"}})
		drop(chief)
	})
	t.Run("without a reason", func(t *testing.T) {
		hold(t, chief, []exchange{{"EJECT|bob|", "OK|1"}})
		ended(t, bob, "BYE|ejected|*")
	})
	t.Run("oneself", func(t *testing.T) {
		chief.Send("EJECT|chief|good night")
		if lines := ended(t, chief, "BYE|ejected|good night"); !slices.Contains(lines, "OK|1") {
			t.Errorf("%q", lines)
		}
	})
}

// TestGuests: a name for one connection and nothing that lasts.
func TestGuests(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "visitor")
	alice, account := s.SignIn("alice"), s.SignIn("visitor")
	alice.Do("JOIN|room")
	drop(alice, account)
	guest := s.Dial()
	if got := guest.Do("HELLO|visitor"); !matches("OK|*||lobby", got) {
		t.Errorf("%q", got)
	}
	for _, c := range []*parleytest.Conn{alice, account} {
		if got := c.Event(); got != "JOIN|lobby|~visitor" {
			t.Error(got)
		}
	}
	said := id(t, guest.Do("MSG|I am not the account"))
	for _, c := range []*parleytest.Conn{alice, account} {
		if got := parse(t, c.Event()); got != (event{said, "lobby", "~visitor", "I am not the account"}) {
			t.Errorf("%+v", got)
		}
	}
	sayAll(t, alice, "@visitor", "for the account alone")
	quiet(t, guest)
	hold(t, s.Dial(), []exchange{{"HELLO|visitor", "denied"}}) // the name is in use
	hold(t, guest, []exchange{{"SEND|lobby|key|mine", "OK|*"}, {"JOIN|room", "OK|room|2|0"}, {"LIST|", "OK|lobby:*:0|room:0:0:0"}, {"SEND|@~visitor||x", "bad-data"}})
	first := answer(t, guest, "HISTORY|lobby|before|9223372036854775807|1")[0].id
	drop(alice)
	guest.Close()
	if got := alice.Event(); got != "LEAVE|lobby|~visitor" && got != "LEAVE|room|~visitor" { // at once: a guest cannot resume
		t.Error(got)
	}
	// The next of this name is not the same person: neither memberships nor keys are left.
	another := s.Dial()
	eventually(t, "the name is free", func() bool { return strings.HasPrefix(another.Do("HELLO|visitor"), "OK|") })
	hold(t, another, []exchange{{"LIST|", "OK|lobby:*"}, {"HISTORY|room", "not-member"}})
	if again := id(t, another.Do("SEND|lobby|key|mine too")); again == first {
		t.Error("a guest got another guest's key")
	}
}
