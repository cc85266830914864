package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/internal/chat"
)

// batch is what the log hands to the tail at once. Its replies are heard by who said something, in their place.
type batch struct {
	h        *house
	outcomes []chat.Outcome
	answered []int64
}

func (b *batch) add(v *visitor, e chat.Entry) {
	e.ID, e.Account, e.Session = int64(len(b.outcomes)+1), v.Name, v.Session
	b.outcomes = append(b.outcomes, chat.Outcome{Entry: e, News: true, Done: func(e chat.Entry, _ error) {
		b.answered = append(b.answered, e.ID)
		v.Deliver(fmt.Appendf(nil, "OK %d\n", e.ID))
	}})
}

func (b *batch) says(v *visitor, room string, texts ...string) {
	for _, text := range texts {
		b.add(v, chat.Entry{Kind: chat.Said, Room: room, Text: text})
	}
}

// run hands it over and flushes those who were answered, as Seat.Say's replies have the hub do.
func (b *batch) run() {
	b.h.Tail(b.outcomes)
	ids := make([]int64, len(b.outcomes))
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	if !slices.Equal(b.answered, ids) {
		b.h.t.Errorf("answered were %v", b.answered)
	}
}

func (h *house) wantAll(v *visitor, news string) {
	h.t.Helper()
	v.Flush()
	h.want(v, news)
}

// In a run everybody hears what others said, and their own replies, in the order of ids.
func TestRun(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol")
	alice, alice2, bob, carol := h.come("alice"), h.come("alice"), h.come("bob"), h.come("carol")
	for _, v := range []*visitor{alice, alice2, bob, carol} {
		v.news()
	}
	b := &batch{h: h}
	b.says(alice, chat.Lobby, "a")
	b.says(bob, chat.Lobby, "b", "c")
	b.says(alice2, chat.Lobby, "d")
	b.says(alice, chat.Lobby, "e")
	b.run()
	h.want(carol, "lobby alice: a, lobby bob: b, lobby bob: c, lobby alice: d, lobby alice: e")
	if carol.writes != 1 { // all of the run at once
		t.Errorf("carol was written to %d times", carol.writes)
	}
	h.wantAll(alice, "OK 1, lobby bob: b, lobby bob: c, lobby alice: d, OK 5")
	h.wantAll(alice2, "lobby alice: a, lobby bob: b, lobby bob: c, OK 4, lobby alice: e")
	h.wantAll(bob, "lobby alice: a, OK 2, OK 3, lobby alice: d, lobby alice: e")
	// Nothing of it is left over for the next.
	b = &batch{h: h}
	b.says(alice, chat.Lobby, "f")
	b.run()
	h.want(bob, "lobby alice: f")
	h.want(carol, "lobby alice: f")
}

// Runs end where the room changes, or who is in it, or what kind of entry comes.
func TestRunsAreInOrder(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol")
	alice, bob, carol := h.come("alice"), h.come("bob"), h.come("carol")
	alice.join("den")
	for _, v := range []*visitor{alice, bob, carol} {
		v.news()
	}
	b := &batch{h: h}
	b.says(alice, "den", "1")
	b.says(alice, chat.Lobby, "2")
	b.add(bob, chat.Entry{Kind: chat.Joined, Room: "den"})
	b.says(alice, "den", "4")
	b.says(alice, chat.Conversation("alice", "bob"), "5")
	b.says(bob, "den", "6")
	b.says(alice, "den", "7")
	b.add(bob, chat.Entry{Kind: chat.Left, Room: "den"})
	b.says(alice, "den", "9")
	b.says(carol, chat.Lobby, "10", "11")
	b.run()
	h.wantAll(bob, "lobby alice: 2, OK 3, den alice: 4, @alice alice: 5, OK 6, den alice: 7, OK 8, lobby carol: 10, lobby carol: 11")
	h.wantAll(alice, "OK 1, OK 2, den +bob, OK 4, OK 5, den bob: 6, OK 7, den -bob, OK 9, lobby carol: 10, lobby carol: 11")
	h.wantAll(carol, "lobby alice: 2, OK 10, OK 11")
}

// Who has gone hears nothing, and nothing that they said is missed for it.
func TestRunOfOneWhoHasGone(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice, alice2, bob := h.come("alice"), h.come("alice"), h.come("bob")
	b := &batch{h: h}
	b.says(alice, chat.Lobby, "a")
	b.says(alice2, chat.Lobby, "b")
	alice.Exit(true)
	for _, v := range []*visitor{alice, alice2, bob} {
		v.news()
	}
	b.run()
	h.wantAll(alice, "OK 1")
	h.wantAll(alice2, "lobby alice: a, OK 2")
	h.wantAll(bob, "lobby alice: a, lobby alice: b")
}

// pieces counts what is delivered, and how much at most.
type pieces struct{ count, longest, bytes int }

func (p *pieces) Deliver(events []byte) {
	p.count++
	p.longest = max(p.longest, len(events))
	p.bytes += len(events)
}
func (p *pieces) Flush()     {}
func (p *pieces) End(string) {}

// A run is no longer than a TLS record.
func TestRunIsBounded(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice, heard := h.come("alice"), &pieces{}
	seat, err := h.Admit(heard, h.who("bob"))
	if err != nil {
		t.Fatal(err)
	}
	seat.Enter(chat.Lobby)
	b := &batch{h: h}
	b.says(alice, chat.Lobby, slices.Repeat([]string{strings.Repeat("x", 2000)}, 100)...)
	b.run()
	line := len("lobby alice: \n") + 2000
	if most := 16384 / line * line; heard.bytes != 100*line || heard.longest != most || heard.count != 13 {
		t.Errorf("%+v; want pieces of at most %d", heard, most)
	}
}
