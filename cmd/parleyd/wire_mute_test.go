package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestMute: a muted account reads and does all else, but does not speak, in all sessions and over restarts.
func TestMute(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	s.User("chief", "--admin")
	chief, alice, alice2, bob := s.SignIn("chief"), s.SignIn("alice"), s.SignIn("alice"), s.SignIn("bob")
	alice.Do("JOIN|room")
	bob.Do("JOIN|room")
	said := id(t, bob.Do("SEND|@alice||hello"))
	sayAll(t, alice, "@alice", "a note")
	for _, c := range []*parleytest.Conn{alice, alice2, bob} {
		noted(c)
	}
	muted := func(c *parleytest.Conn) {
		t.Helper()
		hold(t, c, []exchange{
			{"MSG|x", "forbidden"}, {"SEND|room||x", "forbidden"}, {"SEND|lobby||x", "forbidden"}, {"SEND|@bob||x", "forbidden"}, {"SEND|@alice||x", "forbidden"}, {"SEND|room|key|x", "forbidden"},
			{"TOPIC|room|x", "forbidden"}, {"TOPIC|room|", "forbidden"}, {"SEND|elsewhere||x", "not-member"}, {"SEND|@nobody||x", "no-such-user"}, {"MSG|", "empty"},
			{"HISTORY|@bob", "OK|1"}, {"FIND|@bob|hello", "OK|1"}, {"HISTORY|@alice", "OK|1"}, {"HISTORY|room", "OK|0"}, {"WHO|room", "OK|*"}, {"LIST|", "OK|*"}, {"TOPIC|room", "OK|"},
			{fmt.Sprintf("SEEN|@bob|%d", said), "OK|@bob|*"}, {"JOIN|room", "OK|room|*"}, {"INVITE|room|chief", "OK|"}, {"PING|x", "OK|x"},
		})
		if got := c.Do("SEND|room||x"); !strings.Contains(got, "muted until 20") || strings.Contains(got, "muted until "+time.Now().UTC().Add(-time.Minute).Format("2006-01-02 15:04")) {
			t.Errorf("%q does not say until when", got)
		}
	}
	hold(t, chief, []exchange{{"MUTE|alice|10", "OK|"}})
	hears(t, "alice", alice, "NOTE|*muted until 20*")
	hears(t, "alice's other session", alice2, "NOTE|*muted until 20*")
	hears(t, "bob", bob)
	muted(alice)
	muted(alice2)
	hold(t, bob, []exchange{{"SEND|room||x", "OK|*"}, {"SEND|@alice||can you read this", "OK|*"}})
	if got := parse(t, alice.Await("can you read this")); got.user != "bob" {
		t.Errorf("%+v", got)
	}
	for _, restart := range restarts {
		restart.end(s)
		s.Launch()
		chief, alice = s.SignIn("chief"), s.SignIn("alice")
		hold(t, alice, []exchange{{"MSG|x", "forbidden"}, {"SEND|@bob||x", "forbidden"}, {"HISTORY|@bob", "OK|2"}})
	}
	alice2 = s.SignIn("alice")
	noted(alice)
	hold(t, chief, []exchange{{"MUTE|alice|0", "OK|"}})
	hears(t, "alice", alice, "NOTE|*not muted*")
	hears(t, "alice", alice2, "NOTE|*not muted*")
	hold(t, alice, []exchange{{"MSG|x", "OK|*"}, {"SEND|@bob||x", "OK|*"}, {"TOPIC|room|x", "OK|"}})
	hold(t, chief, []exchange{{"MUTE|alice|0", "OK|"}})
	noted(alice2)
	hears(t, "alice, of being let speak again,", alice2) // nothing: she could
	s.Kill()
	s.Launch()
	hold(t, s.SignIn("alice"), []exchange{{"MSG|x", "OK|*"}})
	// A later MUTE is what counts, longer or shorter; an admin may be muted as well.
	hold(t, s.SignIn("chief"), []exchange{{"MUTE|alice|100", "OK|"}, {"MUTE|alice|1", "OK|"}, {"MUTE|chief|1", "OK|"}, {"MSG|x", "forbidden"}, {"MUTE|chief|0", "OK|"}, {"MSG|x", "OK|*"}})
	got := s.SignIn("alice").Do("MSG|x")
	if at := time.Now().UTC(); !strings.Contains(got, at.Format("2006-01-02 15:04")) && !strings.Contains(got, at.Add(time.Minute).Format("2006-01-02 15:04")) {
		t.Errorf("%q is not within a minute", got)
	}
}

// TestMuteEnds: by itself, when its minutes are over; nobody need do anything for it.
func TestMuteEnds(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("alice")
	s.User("chief", "--admin")
	clock := takeClock(t, s)
	alice, chief := s.SignIn("alice"), s.SignIn("chief")
	hold(t, chief, []exchange{{"MUTE|alice|60", "OK|"}})
	hold(t, alice, []exchange{{"MSG|x", "forbidden"}})
	clock.jump(58 * time.Minute)
	hold(t, alice, []exchange{{"MSG|x", "forbidden"}})
	clock.jump(61 * time.Minute)
	hold(t, alice, []exchange{{"MSG|x", "OK|*"}})
	hold(t, chief, []exchange{{"MUTE|alice|60", "OK|"}})
	hold(t, alice, []exchange{{"MSG|x", "forbidden"}})
	s.Kill()
	s.Launch() // the new process has the true time: an hour and a minute before the one that ended
	hold(t, s.SignIn("alice"), []exchange{{"MSG|x", "forbidden"}})
}

// TestMuteUnderSpeaking: nothing that the muted are saying comes after MUTE's OK.
func TestMuteUnderSpeaking(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "8MiB")...)
	s.User("bob")
	s.User("chief", "--admin")
	chief, conns := s.SignIn("chief"), []*parleytest.Conn{s.SignIn("bob"), s.SignIn("bob")}
	conns[0].Do("JOIN|den")
	chief.Do("JOIN|den")
	for round := range 15 {
		lines := []string{"SEND|den||round " + fmt.Sprint(round), "TOPIC|den|round " + fmt.Sprint(round)}
		talkUntil(t, conns, lines, "forbidden", func() {
			for !strings.Contains(chief.Event(), "|bob|round") {
			}
			hold(t, chief, []exchange{{"MUTE|bob|1", "OK|"}})
			chief.Events = nil
		})
		for _, e := range noted(chief) {
			if strings.Contains(e, "|den|bob|") {
				t.Fatalf("%q after MUTE was answered", e)
			}
		}
		hold(t, chief, []exchange{{"MUTE|bob|0", "OK|"}})
		drop(conns...)
	}
}
