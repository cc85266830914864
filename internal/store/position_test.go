package store_test

import (
	"math/rand/v2"
	"testing"

	"parley/internal/chat"
	"parley/internal/store"
)

// TestSeen moves positions through a room with more messages than one write looks at, by leaps and by small
// steps, and wants each to arrive, and what is unread behind it to be as counted by hand.
func TestSeen(t *testing.T) {
	s := started(t, store.Options{})
	write := func(e chat.Entry) chat.Entry {
		done := make(chan chat.Entry, 1)
		s.Append(e, func(e chat.Entry, err error) {
			if err != nil {
				t.Error(err)
			}
			done <- e
		})
		return <-done
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	people := []string{"alice", "bob", "carol", "dan"}
	const n = 7000
	said := make(chan chat.Entry, n)
	for range n {
		e := chat.Entry{Kind: chat.Said, Account: people[rnd.IntN(len(people))], Room: "lobby", Text: "hello"}
		s.Append(e, func(e chat.Entry, err error) { said <- e })
	}
	author := make(map[int64]string)
	var last int64
	for range n {
		e := <-said
		author[e.ID], last = e.Account, max(last, e.ID)
	}
	unread := func(account string, at int64) (n int) {
		for id, by := range author {
			if id > at && by != account {
				n++
			}
		}
		return n
	}
	for i, account := range []string{"alice", "bob", "carol", "somebody", "else"} {
		for at, to := int64(0), int64(0); at < last && !t.Failed(); {
			to = min(last, to+1+rnd.Int64N([]int64{3, 70, 700, 6000, 7000}[i]*2))
			for at < to {
				e := write(chat.Entry{Kind: chat.Seen, Account: account, Room: "lobby", Message: to})
				if e.Message <= at || e.Message > to {
					t.Fatalf("%s moves from %d towards %d, to %d", account, at, to, e.Message)
				}
				if want := unread(account, e.Message); e.Unread != want {
					t.Fatalf("%s has %d unread above %d, want %d", account, e.Unread, e.Message, want)
				}
				at = e.Message
			}
		}
		if e := write(chat.Entry{Kind: chat.Seen, Account: account, Room: "lobby", Message: last - 1}); e.Message != last || e.Unread != 0 {
			t.Errorf("%s went back to %d, with %d unread", account, e.Message, e.Unread)
		}
	}
	state, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range state.Positions {
		if at.Seen != last && at.Account != "dan" || at.Account == "dan" && at.Read != n-unread("dan", 0) {
			t.Errorf("the state has %+v", at)
		}
	}
}
