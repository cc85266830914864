package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/auth"
	"parley/internal/chat"
)

func testKeys(t *testing.T, b *bench) {
	first := b.add(t, keyed("lobby", "alice", "k", "once"))
	again := b.add(t, keyed("lobby", "alice", "k", "a different text"))
	if again.ID != first.ID || !again.Time.Equal(first.Time) {
		t.Fatalf("a repeat answered %d at %v, the first %d at %v", again.ID, again.Time, first.ID, first.Time)
	}
	if next := b.add(t, keyed("lobby", "alice", "l", "another")); next.ID <= first.ID {
		t.Fatalf("another key answered %d after %d", next.ID, first.ID)
	}
	b.restart(t)
	if again := b.add(t, keyed("lobby", "alice", "k", "after a restart")); again.ID != first.ID {
		t.Fatalf("a repeat after a restart answered %d, the first %d", again.ID, first.ID)
	}
	if a, c := b.add(t, said("lobby", "alice", "same")), b.add(t, said("lobby", "alice", "same")); a.ID == c.ID {
		t.Fatal("no key was taken for a key")
	}
	list, _ := b.History(t.Context(), "lobby", upTo(50))
	wantTexts(t, "history", list, "once", "another", "same", "same")
	if seen := b.tail(); len(seen) != 4 {
		t.Fatalf("the tail saw %d entries, want 4: %+v", len(seen), seen)
	}
}

func testKeysInOneBatch(t *testing.T, b *bench) {
	var all []chat.Entry
	for i := range 200 {
		all = append(all, keyed("lobby", "alice", fmt.Sprint("k", i%2), fmt.Sprint(i)))
	}
	answers := b.appendAll(t, all...)
	for i, a := range answers {
		if a.err != nil || a.ID != answers[i%2].ID {
			t.Fatalf("answer %d: id %d, want %d (%v)", i, a.ID, answers[i%2].ID, a.err)
		}
	}
	if seen := b.tail(); len(seen) != 2 {
		t.Fatalf("the tail saw %d entries, want 2", len(seen))
	}
}

func testKeysConcurrent(t *testing.T, b *bench) {
	var mu sync.Mutex
	ids := map[int64]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 5 {
				id := b.add(t, keyed("lobby", "alice", "k", "x")).ID
				mu.Lock()
				ids[id]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || len(b.tail()) != 1 {
		t.Fatalf("one key has the ids %v; the tail saw %d entries", ids, len(b.tail()))
	}
}

func testKeyScope(t *testing.T, b *bench) {
	guest := keyed("lobby", "~alice", "k", "x")
	guest.KeyOwner = "0a0b0c0d-0000-4000-8000-000000000000"
	ids := map[int64]bool{}
	all := []chat.Entry{
		keyed("lobby", "alice", "k", "x"), keyed("lobby", "bob", "k", "x"), keyed("tea", "alice", "k", "x"),
		keyed(chat.Conversation("alice", "bob"), "alice", "k", "x"), guest,
	}
	for _, e := range append(all, all...) {
		ids[b.add(t, e).ID] = true
	}
	if len(ids) != len(all) || len(b.tail()) != len(all) {
		t.Fatalf("%d accounts and targets with one key have %d ids", len(all), len(ids))
	}
}

func testConversations(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob")
	both, self := chat.Conversation("bob", "alice"), chat.Conversation("bob", "bob")
	id := b.add(t, said(both, "bob", "hello")).ID
	b.add(t, said(self, "bob", "note"))
	for range 2 {
		if r, ok := b.room(t, both); !ok || r.LastID != id || !slices.Equal(r.Members, []string{"alice", "bob"}) {
			t.Fatalf("the conversation is %+v, %t", r, ok)
		}
		if r, ok := b.room(t, self); !ok || !slices.Equal(r.Members, []string{"bob"}) {
			t.Fatalf("the conversation with oneself is %+v, %t", r, ok)
		}
		b.restart(t)
	}
	list, _ := b.History(t.Context(), chat.Conversation("alice", "bob"), upTo(5))
	wantTexts(t, "history", list, "hello")
}

func testMembership(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob")
	for _, e := range []chat.Entry{
		join("tea", "bob"), join("tea", "alice"), join("tea", "alice"), join("lobby", "alice"), join("tea", "~guest"),
		{Kind: chat.Left, Room: "tea", Account: "bob"}, {Kind: chat.Left, Room: "nowhere", Account: "bob"},
	} {
		kept := b.add(t, e)
		seen := b.tail()
		if last := seen[len(seen)-1]; last.ID != kept.ID || last.Kind != e.Kind || last.Room != e.Room || last.Account != e.Account {
			t.Fatalf("the tail saw %+v, want %+v", last, kept)
		}
	}
	for range 2 {
		if r, _ := b.room(t, "tea"); !slices.Equal(r.Members, []string{"alice"}) {
			t.Fatalf("tea has %q, want alice alone: guests are not kept", r.Members)
		}
		if r, ok := b.room(t, chat.Lobby); !ok || r.Members != nil {
			t.Fatalf("the lobby is %+v, %t, want no list of members", r, ok)
		}
		if _, ok := b.room(t, "nowhere"); ok {
			t.Fatal("leaving made a room")
		}
		b.restart(t)
	}
}

func testRoomLimits(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob")
	b.add(t, said(chat.Conversation("alice", "bob"), "alice", "does not count"))
	limited := func(room, account string, maxRooms, maxTotal int) error {
		t.Helper()
		e := join(room, account)
		e.Limits = chat.Limits{Rooms: maxRooms, Total: maxTotal}
		return b.appendAll(t, e)[0].err
	}
	for i, c := range []struct {
		room, account      string
		maxRooms, maxTotal int
		want               error
	}{
		{"a", "alice", 2, 0, nil},
		{"lobby", "alice", 2, 0, nil},
		{"b", "alice", 2, 0, nil},
		{"c", "alice", 2, 0, chat.ErrTooManyRooms},
		{"a", "alice", 2, 0, nil},     // a member already
		{"lobby", "alice", 2, 0, nil}, // never counts
		{"a", "bob", 2, 3, nil},       // not new, so there are not more
		{"c", "bob", 2, 3, chat.ErrTooManyRooms},
		{"c", "bob", 2, 4, nil},
		{"d", "bob", 0, 0, nil}, // 0 is no limit
	} {
		if err := limited(c.room, c.account, c.maxRooms, c.maxTotal); !errors.Is(err, c.want) {
			t.Fatalf("%d: %s joins %s: %v, want %v", i, c.account, c.room, err, c.want)
		}
	}
	if _, ok := b.room(t, "e"); ok {
		t.Fatal("a room that nobody joined is there")
	}
	b.add(t, chat.Entry{Kind: chat.Left, Room: "a", Account: "alice"})
	if err := limited("c", "alice", 2, 0); err != nil {
		t.Fatalf("after leaving one: %v", err)
	}
}

func testRefusalSparesBatch(t *testing.T, b *bench) {
	tooMany := join("b", "alice")
	tooMany.Limits.Rooms = 1
	var all []chat.Entry
	for i := range 50 {
		all = append(all, said("lobby", "alice", fmt.Sprint(i)), join("a", "alice"), tooMany)
	}
	for i, a := range b.appendAll(t, all...) {
		if want := i%3 == 2; errors.Is(a.err, chat.ErrTooManyRooms) != want || (a.err == nil) == want {
			t.Fatalf("answer %d: %v", i, a.err)
		}
	}
	if _, ok := b.room(t, "b"); ok {
		t.Fatal("a refused join made its room")
	}
	checkOrder(t, "tail", b.tail())
	if n := len(b.tail()); n != 100 {
		t.Fatalf("the tail saw %d entries, want 100", n)
	}
}

func testCurrentRoom(t *testing.T, b *bench) {
	b.newAccount(t, "alice")
	b.issue(t, token(1, "alice", "f", "s1", "lobby"))
	b.issue(t, token(2, "alice", "f", "s2", "lobby"))
	e := join("tea", "alice")
	e.Session = "s1"
	b.add(t, e)
	b.restart(t)
	for n, want := range map[byte]string{1: "tea", 2: "lobby"} {
		if got, err := b.Token(t.Context(), [32]byte{n}); err != nil || got.Room != want {
			t.Fatalf("session %d speaks to %q, want %q (%v)", n, got.Room, want, err)
		}
	}
}

// lastSeen returns the last entry the tail saw, which must be of this kind.
func (b *bench) lastSeen(t *testing.T, kind chat.Kind) chat.Entry {
	t.Helper()
	seen := b.tail()
	if len(seen) == 0 || seen[len(seen)-1].Kind != kind {
		t.Fatalf("the tail saw %+v, want an entry of kind %d last", seen, kind)
	}
	return seen[len(seen)-1]
}

func testAccounts(t *testing.T, b *bench) {
	b.newAccount(t, "bob", "alice")
	if e := b.lastSeen(t, chat.AccountAdded); e.Account != "alice" || e.ID != b.account(t, "alice").Version {
		t.Fatalf("adding alice: %+v", e)
	}
	a := b.account(t, "alice")
	a.Admin = true
	b.change(t, auth.Change{Account: a})
	if _, err := b.Change(t.Context(), auth.Change{Account: a}); !errors.Is(err, auth.ErrConflict) {
		t.Fatalf("a change of an old version: %v", err)
	}
	if n := len(b.tail()); n != 2 {
		t.Fatalf("the tail saw %d entries, want the two accounts", n)
	}
	b.restart(t)
	s, err := b.State(t.Context())
	if err != nil || !slices.Equal(s.Accounts, []string{"alice", "bob"}) {
		t.Fatalf("accounts %q, %v", s.Accounts, err)
	}
	if !b.account(t, "alice").Admin {
		t.Fatal("the change was lost")
	}
	b.add(t, said("lobby", "alice", "x"))
	checkOrder(t, "tail", b.tail())
}

func testRemoval(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob")
	b.add(t, join("tea", "alice"))
	b.add(t, join("tea", "bob"))
	b.add(t, said(chat.Conversation("alice", "bob"), "bob", "bye"))
	b.issue(t, token(1, "alice", "f", "s1", "lobby"))
	a := b.account(t, "alice")
	a.Removed = true
	b.change(t, auth.Change{Account: a, End: true, Except: "s1", Reason: "removed"})
	if e := b.lastSeen(t, chat.AccountRemoved); e.Account != "alice" {
		t.Fatalf("removing alice: %+v", e)
	}
	if err := b.appendAll(t, join("tea", "alice"))[0].err; err == nil {
		t.Fatal("a removed account joined a room")
	}
	b.add(t, said(chat.Conversation("alice", "carol"), "carol", "hello?"))
	for range 2 {
		s, err := b.State(t.Context())
		if err != nil || !slices.Equal(s.Accounts, []string{"bob"}) {
			t.Fatalf("accounts %q, %v", s.Accounts, err)
		}
		for _, r := range s.Rooms {
			if slices.Contains(r.Members, "alice") {
				t.Fatalf("alice was removed but is in %s", r.Name)
			}
		}
		if _, err := b.Token(t.Context(), [32]byte{1}); !errors.Is(err, auth.ErrNotFound) {
			t.Fatalf("her token: %v", err)
		}
		if a := b.account(t, "alice"); !a.Removed {
			t.Fatal("her name was set free")
		}
		b.restart(t)
	}
}

func testSessionsEnded(t *testing.T, b *bench) {
	b.newAccount(t, "alice")
	b.change(t, auth.Change{Account: b.account(t, "alice"), End: true, Except: "s1", Reason: "why"})
	if e := b.lastSeen(t, chat.SessionsEnded); e.Account != "alice" || e.Session != "s1" || e.Text != "why" || e.ID == 0 {
		t.Fatalf("ending sessions: %+v", e)
	}
}

func testFamilyEnded(t *testing.T, b *bench) {
	b.newAccount(t, "alice")
	b.issue(t, token(1, "alice", "f", "s1", "lobby"))
	b.issue(t, token(3, "alice", "g", "s3", "lobby"))
	first, err := b.Token(t.Context(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SpendToken(t.Context(), first, token(2, "alice", "f", "s2", "lobby")); err != nil {
		t.Fatal(err)
	}
	if err := b.EndFamily(t.Context(), "alice", "f", "reused"); err != nil {
		t.Fatal(err)
	}
	e := b.lastSeen(t, chat.FamilyEnded)
	if e.Account != "alice" || e.Text != "reused" || !slices.Equal(e.Sessions, []string{"s1", "s2"}) {
		t.Fatalf("ending a family: %+v", e)
	}
}
