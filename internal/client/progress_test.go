package client

import (
	"testing"

	"parley/protocol"
)

// A message that came between the server's look at the room for LIST and its
// reply was dropped as one that history holds: the room is behind, whatever LIST says.
func TestMessageBesideList(t *testing.T) {
	p := newProgress("alice", 0, nil)
	p.reconnected()
	p.list(Room{Name: "lobby", LastID: 45})
	p.allListed()

	p.reconnected()
	if p.live(protocol.Event{Command: protocol.EventMsg, Room: "lobby", ID: 46}) {
		t.Fatal("told before it is known what was missed")
	}
	p.list(Room{Name: "lobby", LastID: 45})
	p.allListed()
	if !p.behind["lobby"] {
		t.Error("the message that came beside LIST is lost")
	}
}

// A server's history may know that a message is gone before its room is told: it is told once.
func TestGoneInHistoryAndThenLive(t *testing.T) {
	p := newProgress("alice", 0, nil)
	p.reconnected()
	p.list(Room{Name: "lobby", LastID: 45})
	p.allListed()

	p.reconnected()
	p.list(Room{Name: "lobby", LastID: 46})
	p.allListed()
	gone := protocol.Event{Command: protocol.EventGone, Room: "lobby", User: "bob", ID: 46}
	if !p.past(gone) {
		t.Fatal("history does not tell it")
	}
	delete(p.behind, "lobby")
	if p.live(gone) {
		t.Error("it is told twice")
	}
}
