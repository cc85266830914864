package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/store"
)

// readers is a store, and what its counters should be: computed from every message, at every look.
type readers struct {
	t    *testing.T
	s    *store.Store
	dir  string
	opts store.Options
	said map[string][]chat.Message
	seen map[[2]string]int64 // by account and room
}

func (r *readers) append(e chat.Entry) chat.Entry {
	r.t.Helper()
	e, err := try(r.t, r.s, e)
	if err != nil {
		r.t.Fatalf("%+v: %v", e, err)
	}
	return e
}

func (r *readers) note(e chat.Entry) {
	r.said[e.Room] = append(r.said[e.Room], chat.Message{ID: e.ID, Room: e.Room, User: e.Account, Text: e.Text})
}

// say says n texts at once, so that they come into the tables together, and by whom it is told.
func (r *readers) say(room string, n int, who func(i int) string) {
	r.t.Helper()
	answers := make(chan chat.Entry, n)
	// In the same batch as the first ones: it keeps nothing, and its id goes to one of them.
	r.s.Append(chat.Entry{Kind: chat.Seen, Account: "alice", Room: room}, func(chat.Entry, error) {})
	for i := range n {
		r.s.Append(chat.Entry{Kind: chat.Said, Room: room, Account: who(i), Text: fmt.Sprint("text ", i)}, func(e chat.Entry, err error) {
			if err != nil {
				r.t.Error(err)
			}
			answers <- e
		})
	}
	for range n {
		r.note(<-answers)
	}
	slices.SortFunc(r.said[room], func(a, b chat.Message) int { return int(a.ID - b.ID) })
}

func (r *readers) unread(account, room string) (n int) {
	for _, m := range r.said[room] {
		if m.ID > r.seen[[2]string{account, room}] && m.User != account && m.Text != "" {
			n++
		}
	}
	return n
}

// see moves a position as the hub does: until the store has come as far as it was asked to.
func (r *readers) see(account, room string, id int64) {
	r.t.Helper()
	at := r.seen[[2]string{account, room}]
	for id > at {
		e := r.append(chat.Entry{Kind: chat.Seen, Account: account, Room: room, Message: id})
		if e.Message <= at || e.Message > id {
			r.t.Fatalf("%s asks for %d in %s, and comes from %d to %d", account, id, room, at, e.Message)
		}
		at = e.Message
		r.seen[[2]string{account, room}] = at
		if want := r.unread(account, room); e.Unread != want {
			r.t.Fatalf("%s has read %s up to %d: %d unread, want %d", account, room, at, e.Unread, want)
		}
	}
}

// reopen opens the store anew, after a clean stop or a kill, and compares.
func (r *readers) reopen(kill bool, accounts, rooms []string) {
	r.t.Helper()
	if kill {
		dir := crashed(r.t, r.dir)
		if err := r.s.Close(); err != nil {
			r.t.Fatal(err)
		}
		r.dir = dir
	} else if err := r.s.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.s = open(r.t, r.dir, r.opts)
	state, err := r.s.State(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	said, at := map[string]int{}, map[[2]string]chat.Position{}
	for _, room := range state.Rooms {
		said[room.Name] = room.Said
	}
	for _, p := range state.Positions {
		at[[2]string{p.Account, p.Room}] = p
	}
	for _, room := range rooms {
		for _, account := range accounts {
			key := [2]string{account, room}
			if got, want := said[room]-at[key].Read, r.unread(account, room); got != want || at[key].Seen != r.seen[key] {
				r.t.Fatalf("after a stop (kill: %v) %s has %d unread in %s above %d, want %d above %d",
					kill, account, got, room, at[key].Seen, want, r.seen[key])
			}
		}
	}
	r.start()
}

func (r *readers) start() {
	r.s.Start(func(batch []chat.Outcome) {
		for _, o := range batch {
			o.Done(o.Entry, o.Err)
		}
	})
}

// TestPositions: what is unread is exact at any moment, over clean stops and kills, with messages one by one and many at once.
func TestPositions(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	r := &readers{t: t, dir: t.TempDir(), said: map[string][]chat.Message{}, seen: map[[2]string]int64{}}
	r.s = open(t, r.dir, store.Options{})
	r.start()
	accounts := []string{"alice", "bob", "carol"}
	rooms := []string{"lobby", "tea", chat.Conversation("alice", "bob")}
	for _, a := range accounts {
		r.append(chat.Entry{Kind: chat.Joined, Account: a, Room: "tea"})
	}
	speaker := func(room string) func(int) string {
		return func(int) string {
			if strings.HasPrefix(room, "@") {
				return accounts[rnd.IntN(2)]
			}
			return append(accounts, "~guest")[rnd.IntN(4)]
		}
	}
	for range soak(100, 3000) {
		account, room := accounts[rnd.IntN(3)], rooms[rnd.IntN(3)]
		switch list := r.said[room]; rnd.IntN(12) {
		case 0, 1, 2:
			r.say(room, 1, speaker(room))
		case 3, 4:
			r.say(room, 1+rnd.IntN(400), speaker(room))
		case 5:
			// The tables have what was said: later messages are counted apart from these.
			if _, err := r.s.State(t.Context()); err != nil {
				t.Fatal(err)
			}
		case 6:
			r.reopen(rnd.IntN(2) == 0, accounts, rooms)
		case 7:
			e := r.append(chat.Entry{Kind: chat.Joined, Account: account, Room: room})
			if want := r.unread(account, room); e.Unread != want || e.Message != r.seen[[2]string{account, room}] {
				t.Fatalf("%s joins %s with %d unread above %d, want %d", account, room, e.Unread, e.Message, want)
			}
		case 8:
			if len(list) > 0 {
				m := &list[rnd.IntN(len(list))]
				r.append(chat.Entry{Kind: chat.Gone, Account: m.User, Room: room, User: m.User, Message: m.ID})
				m.Text = ""
			}
		default:
			if len(list) > 0 {
				r.see(account, room, list[rnd.IntN(len(list))].ID)
			}
		}
	}
	// More people than are counted in memory.
	r.say("tea", 5000, func(i int) string { return fmt.Sprint("reader", i) })
	r.reopen(true, accounts, rooms)
	r.reopen(false, accounts, rooms)
	for _, a := range accounts {
		r.see(a, "tea", r.said["tea"][len(r.said["tea"])-3000].ID)
	}
	r.see("reader16", "tea", r.said["tea"][len(r.said["tea"])-1000].ID) // more before it than one write looks at, fewer behind it
	r.reopen(true, append(accounts, "reader17"), rooms)
}
