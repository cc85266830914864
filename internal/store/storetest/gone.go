package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/internal/chat"
)

func gone(e chat.Entry, by string) chat.Entry {
	return chat.Entry{Kind: chat.Gone, Account: by, User: e.Account, Room: e.Room, Message: e.ID}
}

// testMessage: every message can be asked for by its id, and no other id is one.
func testMessage(t *testing.T, b *bench) {
	said1 := map[int64]chat.Entry{}
	var others []int64
	for range 3 {
		var all []chat.Entry
		for i := range 200 {
			all = append(all, said([]string{"lobby", "tea", "@alice@bob"}[i%3], []string{"alice", "bob"}[i%2], fmt.Sprint("number ", i)))
		}
		for _, a := range b.appendAll(t, all...) {
			said1[a.ID] = a.Entry
		}
		others = append(others, b.add(t, join("tea", "alice")).ID)
	}
	last := others[len(others)-1]
	others = append(others, -1, 0, last+1, 1<<62)
	for range 2 {
		for id, e := range said1 {
			want := chat.Message{ID: id, Time: e.Time, Room: e.Room, User: e.Account, Text: e.Text}
			if m, found, err := b.Message(t.Context(), id); err != nil || !found || m != want {
				t.Fatalf("message %d is %+v, %t, %v; want %+v", id, m, found, err, want)
			}
		}
		for _, id := range others {
			if m, found, err := b.Message(t.Context(), id); err != nil || found {
				t.Fatalf("%d is no message: %+v, %v", id, m, err)
			}
		}
		b.restart(t)
	}
}

// testGone: what was taken back keeps its place, and nothing else of it is read or found.
func testGone(t *testing.T, b *bench) {
	var all []chat.Entry
	for i := range 10 {
		all = append(all, said("lobby", "bob", fmt.Sprintf("Secret%d shared", i)))
	}
	var kept []chat.Entry
	for _, a := range b.appendAll(t, all...) {
		kept = append(kept, a.Entry)
	}
	want := texts(func() []chat.Message { l, _ := b.History(t.Context(), "lobby", upTo(20)); return l }())
	for _, i := range []int{4, 0, 9, 9, 4} {
		e := gone(kept[i], "alice")
		before := len(b.tail())
		e = b.add(t, e)
		seen := b.tail()[before:]
		if first := want[i] != ""; first {
			if len(seen) != 1 || seen[0].Kind != chat.Gone || seen[0].ID != e.ID || seen[0].Message != kept[i].ID ||
				seen[0].User != "bob" || seen[0].Account != "alice" || seen[0].Room != "lobby" || seen[0].Text != "" {
				t.Fatalf("the tail saw %+v", seen)
			}
		} else if len(seen) > 0 {
			t.Fatalf("what was gone already is news: %+v", seen)
		}
		want[i] = ""
	}
	for _, e := range []chat.Entry{
		{Kind: chat.Gone, Account: "alice", User: "bob", Room: "lobby", Message: 1 << 40},
		{Kind: chat.Gone, Account: "alice", User: "bob", Room: "lobby", Message: kept[9].ID + 1}, // an entry that is no message
		{Kind: chat.Gone, Account: "alice", User: "bob", Room: "tea", Message: kept[1].ID},
	} {
		if a := b.appendAll(t, e)[0]; !errors.Is(a.err, chat.ErrNotMember) {
			t.Fatalf("%+v: %v", e, a.err)
		}
	}
	if err := b.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := func() int64 { r, _ := b.room(t, "lobby"); return r.LastID }
	for range 2 {
		list, err := b.History(t.Context(), "lobby", upTo(20))
		if err != nil || !slices.Equal(texts(list), want) || list[4].ID != kept[4].ID || list[4].User != "bob" || !list[4].Time.Equal(kept[4].Time) {
			t.Fatalf("history: %+v, %v", list, err)
		}
		if m, found, err := b.Message(t.Context(), kept[0].ID); err != nil || !found || m.Text != "" || m.User != "bob" {
			t.Fatalf("message: %+v, %t, %v", m, found, err)
		}
		for i := range 10 {
			found, err := b.Find(t.Context(), "lobby", []string{fmt.Sprint("secret", i)}, 50)
			if err != nil || (len(found) == 1) != (want[i] != "") {
				t.Fatalf("find secret%d: %+v, %v", i, found, err)
			}
		}
		if list, err := b.Find(t.Context(), "lobby", []string{"shared"}, 50); err != nil || len(list) != 7 {
			t.Fatalf("find what all have: %+v, %v", list, err)
		}
		if state() != kept[9].ID {
			t.Fatalf("the room ends with %d", state())
		}
		if id, err := b.Newest(t.Context(), "lobby", 1<<62, 3); err != nil || id != kept[7].ID {
			t.Fatalf("the newest 3 begin with %d, %v", id, err)
		}
		b.restart(t)
	}
	if err := b.Scrub(t.Context()); err != nil {
		t.Fatalf("scrub with nothing to do: %v", err)
	}
}
