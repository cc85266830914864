package client_test

import (
	"fmt"
	"slices"
	"testing"

	"parley/internal/client"
)

// Who is here is what WHO told and what happened since, also while its answer was on its way.
func TestPresence(t *testing.T) {
	m := started(t, client.Room{Name: "lobby"})
	here := func(count int, want ...string) {
		t.Helper()
		if got := m.Room("lobby"); got.HereCount != count || !slices.Equal(got.Here, want) {
			t.Errorf("%d here: %q, want %d: %q", got.HereCount, got.Here, count, want)
		}
	}
	m.tell("JOIN|lobby|bob", "LEAVE|lobby|carol", "JOIN|other|bob")
	here(0)
	m.Present("lobby", []string{"alice", "carol"})
	here(2, "alice", "bob")
	m.tell("JOIN|lobby|zoe", "JOIN|lobby|abe", "JOIN|lobby|abe", "LEAVE|lobby|bob", "LEAVE|lobby|bob")
	here(3, "abe", "alice", "zoe")
	m.tell("HERE|lobby|250")
	here(250)
	m.Present("lobby", []string{"alice"}) // asked before it was a crowd
	here(250)
	m.tell("LEAVE|lobby|zoe") // a crowd no more
	here(0)
	m.Present("lobby", []string{"zoe", "alice"})
	here(1, "alice")
	m.lost()
	here(1, "alice")
	m.online()
	here(0)
	for i := range 10_000 {
		m.tell(fmt.Sprintf("JOIN|lobby|u%d", i))
	}
	m.Present("lobby", nil)
	if got := m.Room("lobby").HereCount; got == 0 || got > 256 {
		t.Errorf("%d people are noted", got)
	}
	m.Present("other", []string{"alice"}) // not there any more
}

// A topic is asked for anew after a lost connection, and what an event tells of it is newer than an answer.
func TestTopic(t *testing.T) {
	m := started(t, client.Room{Name: "lobby"})
	topic := func(want string, known bool) {
		t.Helper()
		if got := m.Room("lobby"); got.Topic != want || got.TopicKnown != known {
			t.Errorf("the topic is %q (%v), want %q (%v)", got.Topic, got.TopicKnown, want, known)
		}
	}
	m.TopicIs("lobby", "roses")
	topic("roses", true)
	m.tell("TOPIC|lobby|bob|tulips")
	m.TopicIs("lobby", "roses")
	topic("tulips", true)
	m.online()
	topic("tulips", false)
	m.TopicIs("lobby", "lilies")
	topic("lilies", true)
}
