package cluster

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"parley/auth"
	"parley/internal/chat"
)

// What waits to be said is bounded, whatever happens here while nobody takes it.
func TestWhatWaitsIsBounded(t *testing.T) {
	var logged strings.Builder
	n := &Node{toSay: make(chan said, maxToSay), wake: make(chan struct{}, 1), warned: newPaces(), log: slog.New(slog.NewTextHandler(&logged, nil))}
	for range maxNotices + 5 {
		n.noteNotice(auth.Notice{Kind: auth.Passed, Name: "bob"})
	}
	if len(n.notices) != maxNotices {
		t.Errorf("%d notices wait", len(n.notices))
	}
	for i := range maxToSay + 5 {
		if took := n.say("x", &message{Kind: ask}); took != (i < maxToSay) {
			t.Fatalf("question %d: %t", i, took)
		}
	}
	if lines := strings.Count(logged.String(), "left out"); lines != 1 {
		t.Errorf("%d lines of that", lines)
	}
	n.cut.Store(true)
	<-n.toSay
	if n.say("x", &message{Kind: ask}) {
		t.Error("a question is to be said without NATS")
	}
}

// Pieces fit into their messages, with the longest that can be said of anybody.
func TestPiecesFit(t *testing.T) {
	long := strings.Repeat("x", 32)
	guest := someone{Name: "~" + long, Present: true, Sessions: maxSessions}
	for range maxRooms + 7 {
		guest.Rooms = append(guest.Rooms, long)
	}
	guest = newSomeone(guest.Name, guest.presence())
	if len(guest.Rooms) != maxRooms {
		t.Errorf("a guest in %d rooms", len(guest.Rooms))
	}
	people := []someone{guest, guest, guest, guest, guest}
	for i := range 3000 {
		people = append(people, someone{Name: fmt.Sprintf("%032d", i), Present: true, Sessions: maxSessions})
	}
	all := 0
	for _, piece := range pack(people, maxMessage) {
		m := message{Kind: state, Node: uuid.NewString(), Seq: 1 << 63, Ask: 1 << 63, Part: maxParts - 1, Parts: maxParts, People: piece}
		data := m.encode()
		if len(data) > maxMessage || len(piece) == 0 {
			t.Errorf("%d people are %d bytes", len(piece), len(data))
		}
		read, err := decode(data)
		if err != nil {
			t.Fatal(err)
		}
		all += len(read.People)
	}
	if all != len(people) {
		t.Errorf("%d of %d people", all, len(people))
	}
	if pieces := pack(nil, maxMessage); len(pieces) != 1 {
		t.Errorf("nobody is %d pieces", len(pieces))
	}
}

// There may be so many nodes, and what one more says is ignored.
func TestNodesAreBounded(t *testing.T) {
	var logged strings.Builder
	hub := chat.New(nil, chat.State{}, chat.Options{Append: func(dst []byte, _ *chat.Event) []byte { return dst }})
	defer hub.Close()
	n := &Node{id: uuid.NewString(), hub: hub, warned: newPaces(), log: slog.New(slog.NewTextHandler(&logged, nil)),
		toSay: make(chan said, maxToSay), peers: make(map[string]*peer), known: make(map[string]struct{})}
	for range maxNodes + 2 {
		n.hearData((&message{Kind: beat, Node: uuid.NewString()}).encode())
	}
	if len(n.peers) != maxNodes || len(n.known) != maxNodes || strings.Count(logged.String(), "too many nodes") != 1 {
		t.Errorf("%d nodes, %d known, logged %s", len(n.peers), len(n.known), logged.String())
	}
	for range silence + 1 {
		n.count()
	}
	n.hearData((&message{Kind: beat, Node: uuid.NewString()}).encode())
	if len(n.peers) != 1 {
		t.Errorf("%d nodes when all others were silent", len(n.peers))
	}
}

// What came while this process was stopped is heard before the silence is counted.
func TestWhatCameIsHeardFirst(t *testing.T) {
	hub := chat.New(nil, chat.State{}, chat.Options{Append: func(dst []byte, _ *chat.Event) []byte { return dst }})
	defer hub.Close()
	n := &Node{id: uuid.NewString(), hub: hub, warned: newPaces(), log: slog.New(slog.DiscardHandler), heard: make(chan *nats.Msg, 8),
		toSay: make(chan said, maxToSay), peers: make(map[string]*peer), known: make(map[string]struct{})}
	alive := (&message{Kind: beat, Node: uuid.NewString()}).encode()
	n.hearData(alive)
	n.hearData((&message{Kind: beat, Node: uuid.NewString()}).encode())
	for range silence {
		n.listen()
	}
	n.heard <- &nats.Msg{Data: alive}
	n.listen()
	if len(n.peers) != 1 {
		t.Errorf("%d nodes, want the one that was heard", len(n.peers))
	}
}
