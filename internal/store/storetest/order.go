package storetest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

// checkOrder wants ids that grow and times that never go back, in whole milliseconds of UTC.
func checkOrder(t *testing.T, what string, entries []chat.Entry) {
	t.Helper()
	for i, e := range entries {
		if e.ID <= 0 || e.Time.IsZero() || e.Time.Location() != time.UTC || !e.Time.Equal(e.Time.Truncate(time.Millisecond)) {
			t.Fatalf("%s: entry %d has id %d and time %v", what, i, e.ID, e.Time)
		}
		if i > 0 && (e.ID <= entries[i-1].ID || e.Time.Before(entries[i-1].Time)) {
			t.Fatalf("%s: %d at %v follows %d at %v", what, e.ID, e.Time, entries[i-1].ID, entries[i-1].Time)
		}
	}
}

func testOrder(t *testing.T, b *bench) {
	var events []string // on the tail goroutine until the last done
	b.Close()
	b.Log = b.open(t, b.dir)
	finished := make(chan struct{})
	b.Start(chattest.Each(func(e chat.Entry) { b.see(e); events = append(events, "tail "+e.Text) }))
	const n = 3000
	var kept []chat.Entry
	for i := range n {
		b.Append(said("lobby", "alice", fmt.Sprint(i)), func(e chat.Entry, err error) {
			if err != nil {
				t.Errorf("append %d: %v", i, err)
			}
			events = append(events, "done "+e.Text)
			kept = append(kept, e)
			if i == n-1 {
				close(finished)
			}
		})
	}
	select {
	case <-finished:
	case <-time.After(patience):
		t.Fatal("the last append was never answered")
	}
	checkOrder(t, "answers", kept)
	for i := range n {
		for j, what := range []string{"tail ", "done "} {
			if got, want := events[2*i+j], what+fmt.Sprint(i); got != want {
				t.Fatalf("event %d is %q, want %q", 2*i+j, got, want)
			}
		}
	}
	for i, e := range b.tail() {
		if e.ID != kept[i].ID || !e.Time.Equal(kept[i].Time) || e.Account != "alice" || e.Room != "lobby" || e.Kind != chat.Said {
			t.Fatalf("the tail saw %+v, done %+v", e, kept[i])
		}
	}
}

func testConcurrent(t *testing.T, b *bench) {
	const writers, each = 16, 60
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var all []chat.Entry
			for i := range each {
				all = append(all, said("lobby", fmt.Sprint("user", w), fmt.Sprint(i)))
			}
			for i, a := range b.appendAll(t, all...) {
				if a.err != nil || a.Text != fmt.Sprint(i) {
					t.Errorf("writer %d, answer %d: %+v, %v", w, i, a.Entry, a.err)
				}
			}
		})
	}
	wg.Wait()
	seen := b.tail()
	checkOrder(t, "tail", seen)
	if len(seen) != writers*each {
		t.Fatalf("the tail saw %d entries, want %d", len(seen), writers*each)
	}
	next := map[string]int{}
	for _, e := range seen {
		if e.Text != fmt.Sprint(next[e.Account]) {
			t.Fatalf("%s's %s came in the place of %d", e.Account, e.Text, next[e.Account])
		}
		next[e.Account]++
	}
}

func testRestart(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob")
	b.add(t, join("tea", "alice"))
	for i := range 3 {
		b.add(t, said("tea", "alice", fmt.Sprint(i)))
	}
	last := b.add(t, chat.Entry{Kind: chat.Left, Room: "tea", Account: "bob"}) // the last id is no message's
	b.restart(t)
	b.add(t, said("tea", "alice", "after"))
	b.newAccount(t, "carol")
	b.restart(t)
	b.add(t, said("tea", "alice", "later"))
	checkOrder(t, "tail over restarts", b.tail())
	if after := b.tail()[len(b.tail())-3]; after.Text != "after" || after.ID <= last.ID {
		t.Fatalf("after id %d came %+v", last.ID, after)
	}
	list, err := b.History(t.Context(), "tea", upTo(50))
	if err != nil {
		t.Fatal(err)
	}
	wantTexts(t, "history over restarts", list, "0", "1", "2", "after", "later")
	r, _ := b.room(t, "tea")
	if r.LastID != list[4].ID || len(r.Members) != 1 || r.Members[0] != "alice" {
		t.Fatalf("state of tea: %+v", r)
	}
}

func testCloseAnswers(t *testing.T, b *bench) {
	const n = 500
	var mu sync.Mutex
	kept, failed := 0, 0
	for range n {
		b.Append(said("lobby", "alice", "x"), func(_ chat.Entry, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				kept++
			} else {
				failed++
			}
		})
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if kept != n || failed != 0 {
		t.Fatalf("of %d queued before Close, %d were kept and %d failed", n, kept, failed)
	}
	if seen := len(b.tail()); seen != n {
		t.Fatalf("the tail saw %d of %d", seen, n)
	}
	b.Log = b.open(t, b.dir)
	list, err := b.History(t.Context(), "lobby", upTo(500))
	if err != nil || len(list) != n {
		t.Fatalf("%d messages are there after Close, want %d (%v)", len(list), n, err)
	}
}

func testNotRunning(t *testing.T, b *bench) {
	b.Close()
	closed := b.Log
	b.Log = b.open(t, b.dir)
	for what, log := range map[string]Log{"closed": closed, "not started": b.Log} {
		calls := 0
		log.Append(said("lobby", "alice", "x"), func(_ chat.Entry, err error) {
			calls++
			if !errors.Is(err, chat.ErrUnavailable) {
				t.Errorf("append to a log that is %s: %v, want ErrUnavailable", what, err)
			}
		})
		if calls != 1 {
			t.Errorf("%s: done was called %d times at once, want 1", what, calls)
		}
	}
}

func testHistory(t *testing.T, b *bench) {
	var ids []int64
	for i := range 10 {
		ids = append(ids, b.add(t, said("tea", "alice", fmt.Sprint(i))).ID)
		b.add(t, said("other", "alice", "elsewhere"))
	}
	for _, c := range []struct {
		name string
		r    chat.Range
		want []string
	}{
		{"from the first", upTo(2), []string{"0", "1"}},
		{"after", chat.Range{After: ids[5], Before: math.MaxInt64, Limit: 2}, []string{"6", "7"}},
		{"between", chat.Range{After: ids[5], Before: ids[8], Limit: 9}, []string{"6", "7"}},
		{"before", chat.Range{Before: ids[2], Limit: 9}, []string{"0", "1"}},
		{"before the first", chat.Range{Before: ids[0], Limit: 2}, nil},
		{"after the last", chat.Range{After: ids[9], Before: math.MaxInt64, Limit: 2}, nil},
		{"all", upTo(500), []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
	} {
		list, err := b.History(t.Context(), "tea", c.r)
		if err != nil {
			t.Fatal(err)
		}
		wantTexts(t, c.name, list, c.want...)
		for _, m := range list {
			if m.Room != "tea" || m.User != "alice" || m.Time.IsZero() || m.Time.Location() != time.UTC {
				t.Fatalf("%s: %+v", c.name, m)
			}
		}
	}
	if list, err := b.History(t.Context(), "nowhere", upTo(5)); err != nil || len(list) != 0 {
		t.Fatalf("history of no room: %v, %v", list, err)
	}
	for _, c := range []struct {
		before int64
		n      int
		want   int64
	}{
		{math.MaxInt64, 1, ids[9]}, {math.MaxInt64, 3, ids[7]}, {math.MaxInt64, 500, ids[0]},
		{ids[5], 2, ids[3]}, {ids[1], 2, ids[0]}, {ids[0], 2, 0}, {0, 2, 0},
	} {
		if id, err := b.Newest(t.Context(), "tea", c.before, c.n); id != c.want || err != nil {
			t.Fatalf("the newest %d below %d begin at %d, want %d (%v)", c.n, c.before, id, c.want, err)
		}
	}
	if id, err := b.Newest(t.Context(), "nowhere", math.MaxInt64, 5); id != 0 || err != nil {
		t.Fatalf("the newest of no room: %d, %v", id, err)
	}
	for i := range 600 {
		b.Append(said("long", "alice", fmt.Sprint(i)), func(chat.Entry, error) {})
	}
	b.add(t, said("long", "alice", "600"))
	if list, err := b.History(t.Context(), "long", upTo(5000)); err != nil || len(list) != 500 {
		t.Fatalf("a limit of 5000 gave %d messages, want 500 (%v)", len(list), err)
	}
}

// testCloseWhileAppending: what is appended meanwhile is kept or refused, and answered once.
func testCloseWhileAppending(t *testing.T, b *bench) {
	const writers, each = 8, 300
	var mu sync.Mutex
	answers := map[string]int{}
	var kept []string
	var wg sync.WaitGroup
	begun := make(chan struct{}, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				text := fmt.Sprint(w, "-", i)
				b.Append(said("lobby", "alice", text), func(_ chat.Entry, err error) {
					mu.Lock()
					defer mu.Unlock()
					answers[text]++
					if err == nil {
						kept = append(kept, text)
					} else if !errors.Is(err, chat.ErrUnavailable) {
						t.Errorf("%s: %v", text, err)
					}
				})
				if i == each/10 {
					begun <- struct{}{}
				}
			}
		})
	}
	<-begun
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	for text, n := range answers {
		if n != 1 {
			t.Errorf("%s was answered %d times", text, n)
		}
	}
	if len(answers) != writers*each || len(b.tail()) != len(kept) {
		t.Fatalf("%d of %d were answered, %d kept, the tail saw %d", len(answers), writers*each, len(kept), len(b.tail()))
	}
	for i, e := range b.tail() {
		if e.Text != kept[i] {
			t.Fatalf("the tail saw %s in the place of %s", e.Text, kept[i])
		}
	}
}
