package store_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/parleytest"
	"parley/internal/stream"
)

// taken are the texts that were taken back.
func (w *world) taken() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.said {
		if _, gone := w.gone[e.ID]; gone {
			list = append(list, e.Text)
		}
	}
	return list
}

// wantNowhere wants no file under dir to hold the first word of a text.
func wantNowhere(t testing.TB, dir string, texts []string) error {
	t.Helper()
	words := map[string]bool{}
	for _, text := range texts {
		if word, _, _ := strings.Cut(text, " "); strings.HasPrefix(word, "secret") {
			words[word] = true
		}
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // they come and go
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for at := 0; ; at++ {
			next := bytes.Index(b[at:], []byte("secret"))
			if next < 0 {
				return nil
			}
			at += next
			if word := string(b[at:min(len(b), at+12)]); words[word] {
				return fmt.Errorf("%s has %q at %d: %q", path, word, at, b[max(0, at-80):min(len(b), at+40)])
			}
		}
	})
}

// streamDir is where nats-server keeps a stream.
func streamDir(t testing.TB, name string) string {
	s, err := nats()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(s.StoreDir(), "$G", "streams", name)
}

// reads is what a node answers to who reads from it.
func (n *witness) reads(rnd *rand.Rand) (lines []string) {
	t := n.w.t
	t.Helper()
	ctx := t.Context()
	state, err := n.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range state.Rooms {
		slices.Sort(r.Members)
		lines = append(lines, fmt.Sprintf("room %+v", r))
	}
	for _, p := range state.Positions {
		lines = append(lines, fmt.Sprintf("position %+v", p))
	}
	lines = append(lines, fmt.Sprintf("accounts %v, muted %v", state.Accounts, state.Muted))
	for _, room := range worldRooms {
		list, err := n.History(ctx, room, chat.Range{Before: math.MaxInt64, Limit: 500})
		for _, m := range list {
			lines = append(lines, fmt.Sprintf("history %+v, %v", m, err))
		}
	}
	for range 100 {
		room := worldRooms[rnd.IntN(len(worldRooms))]
		list, err := n.Find(ctx, room, []string{fmt.Sprintf("secret%06d", 1+rnd.Int64N(n.w.words.Load()))}, 50)
		lines = append(lines, fmt.Sprintf("found %s %+v, %v", room, list, err))
	}
	slices.Sort(lines)
	return lines
}

// TestLateNodes has nodes come when much was taken back already, from nothing and from databases of earlier days: they
// come to the tables of who was there, though the stream has no byte of those texts.
func TestLateNodes(t *testing.T) {
	t.Parallel()
	each := soak(300, 3000)
	if parleytest.Race {
		each = 100
	}
	for seed := range uint64(soak(2, 30)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, 2)
			w.people()
			w.run(each, seed)
			w.settle()
			w.scrub()
			away := w.nodes[1]
			if err := away.Close(); err != nil {
				t.Fatal(err)
			}
			w.nodes = w.nodes[:1]
			killed := copied(t, w.nodes[0].dir, "parley.db", "parley.db-wal")
			rolledBack := copied(t, away.dir, "parley.db")
			w.run(each, seed+1000)
			w.settle()
			w.scrub()
			for _, dir := range []string{away.dir, killed, rolledBack, t.TempDir()} {
				w.start(dir)
			}
			// To whom no token of then is good any more.
			w.startAt(t.TempDir(), func() time.Time { return time.Now().AddDate(1, 0, 0) })
			w.settle()
			want := w.nodes[0].reads(rand.New(rand.NewPCG(seed, 1)))
			for _, n := range w.nodes[1:] {
				wantLines(t, "reads", n.reads(rand.New(rand.NewPCG(seed, 1))), want)
				eventually(t, "a node to have no byte of what was taken back", func() bool { return wantNowhere(t, n.dir, w.taken()) == nil })
			}
			t.Logf("%d said, %d taken back", len(w.said), len(w.gone))
			w.run(each/3, seed+2000)
			w.settle()
			w.wantSame()
		})
	}
}

// scrub wants nothing to be left of what was taken back, in the stream and at the first node.
func (w *world) scrub() {
	w.t.Helper()
	if err := w.nodes[0].Scrub(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, dir := range []string{streamDir(w.t, w.name), w.nodes[0].dir} {
		if err := wantNowhere(w.t, dir, w.taken()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestRepeats says things more than once, at two nodes, within the time for which the stream knows an id and beyond it.
func TestRepeats(t *testing.T) {
	w := newWorld(t, 2)
	w.people()
	a, b := w.nodes[0], w.nodes[1]
	keyed := func(key, text string) chat.Entry {
		return chat.Entry{Kind: chat.Said, Account: "bob", Room: "lobby", Key: key, KeyOwner: "bob", Text: text, Recheck: true}
	}
	for i := range 50 {
		e := keyed(fmt.Sprint("both", i), w.secret())
		ids := make(chan int64, 2)
		for _, n := range w.nodes {
			n.do(e, func(e chat.Entry, err error) {
				if err != nil {
					t.Error(err)
				}
				ids <- e.ID
			})
		}
		if one, other := <-ids, <-ids; one != other || one == 0 {
			t.Fatalf("a key at two nodes at once: %d and %d", one, other)
		}
	}

	// What is no news has its answer before what comes behind it, and is not taken for lost.
	answered := make(chan error, 200)
	for i := range 100 {
		for _, e := range []chat.Entry{keyed(fmt.Sprint("both", i%50), "again"), {Kind: chat.Said, Account: "bob", Room: "lobby", Text: "new"}} {
			a.do(e, func(_ chat.Entry, err error) { answered <- err })
		}
	}
	for range 200 {
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
	}

	// The stream forgets an id in time, and the entry is there twice. Both have the text.
	first := a.must(keyed("old", w.secret()))
	beyond := openStream(t, w.name, 0)
	beyond.Append(stream.Append{Subject: "said", Data: fmt.Appendf(nil,
		`{"account":"bob","room":"lobby","key":"old","text":%q}`, first.Text)}, func(uint64, bool, error) {})
	if again := b.must(keyed("old", first.Text)); again.ID != first.ID {
		t.Fatalf("said as %d, repeated as %d", first.ID, again.ID)
	}
	a.must(chat.Entry{Kind: chat.Gone, Account: "bob", User: "bob", Room: "lobby", Message: first.ID})
	w.settle()
	w.scrub()

	// What was refused may be said again when it may be said, under the same key.
	a.must(chat.Entry{Kind: chat.Muted, Account: "alice", User: "bob", Until: now().Add(time.Hour)})
	refused := keyed("muted", w.secret())
	for range 2 {
		if _, err := b.try(refused); err == nil || !strings.Contains(err.Error(), "muted") {
			t.Fatalf("a muted one says something: %v", err)
		}
	}
	a.must(chat.Entry{Kind: chat.Muted, Account: "alice", User: "bob"})
	kept := b.must(refused)
	if again := a.must(refused); again.ID != kept.ID {
		t.Fatalf("said as %d, repeated as %d", kept.ID, again.ID)
	}
	w.settle()
	w.scrub()
	w.start(t.TempDir())
	w.settle()
	w.wantSame()
}

// TestCutWhileAppending cuts the connection again and again while much is appended; what was not answered as kept is said again.
func TestCutWhileAppending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	a := w.nodes[0]
	const n, some = 300, 10
	ids := map[int64]string{}
	answers := make(chan chat.Entry, n)
	var refused atomic.Int64
	for i := range n {
		e := chat.Entry{Kind: chat.Said, Account: "alice", Room: "lobby", Key: fmt.Sprint(i), KeyOwner: "alice", Text: fmt.Sprint("number ", i)}
		var again func(got chat.Entry, err error)
		again = func(got chat.Entry, err error) {
			if err != nil {
				refused.Add(1)
				time.AfterFunc(5*time.Millisecond, func() { a.do(e, again) })
				return
			}
			answers <- got
		}
		go a.do(e, again)
		if i%some == some-1 { // and then it has to get on, though not with all that was on its way
			_ = a.stream.Conn().ForceReconnect()
			for len(ids) <= i-2*some || i == n-1 && len(ids) < n {
				select {
				case e := <-answers:
					ids[e.ID] = e.Text
				case <-time.After(parleytest.Patience):
					t.Fatalf("%d of %d were said", len(ids), i+1)
				}
			}
		}
	}
	if refused.Load() == 0 {
		t.Error("no cut was in time")
	}
	t.Logf("%d were refused, and said again", refused.Load())
	w.settle()
	list, err := w.nodes[1].History(t.Context(), "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
	if err != nil || len(list) != n+1 || len(ids) != n {
		t.Fatalf("%d said, %d ids, %d are there, %v", n, len(ids), len(list), err)
	}
	for _, m := range list[:n] {
		if ids[m.ID] != m.Text {
			t.Fatalf("%d is %q, and was answered as %q", m.ID, m.Text, ids[m.ID])
		}
	}
	w.wantSame()
}

// TestRuledMeanwhile races what somebody says at one node with their being expelled, muted and leaving at another: nothing of
// theirs comes behind that.
func TestRuledMeanwhile(t *testing.T) {
	w := newWorld(t, 2)
	w.people()
	a, b := w.nodes[0], w.nodes[1]
	a.must(chat.Entry{Kind: chat.Joined, Account: "alice", Room: "tea"})
	until, said := now(), 0
	for round := range 30 {
		a.must(chat.Entry{Kind: chat.Joined, Account: "bob", Room: "tea"})
		end := []chat.Entry{
			{Kind: chat.Expelled, Account: "alice", User: "bob", Room: "tea", Recheck: true},
			{Kind: chat.Left, Account: "bob", Room: "tea"},
			{Kind: chat.Muted, Account: "alice", User: "bob", Until: now().Add(time.Hour)},
		}[round%3]
		var ids []int64
		answered := make(chan struct{}, 40)
		var ended chat.Entry
		for i := range 40 {
			if i == 10+round%10 {
				ended = a.must(end)
			}
			b.do(chat.Entry{Kind: chat.Said, Account: "bob", Room: "tea", Text: "round", Recheck: true}, func(e chat.Entry, err error) {
				if err == nil {
					ids = append(ids, e.ID)
				}
				answered <- struct{}{}
			})
		}
		for range 40 {
			<-answered
		}
		if said += len(ids); len(ids) > 0 && slices.Max(ids) > ended.ID {
			t.Fatalf("round %d: it ended at %d, and bob said %v", round, ended.ID, ids)
		}
		a.must(chat.Entry{Kind: chat.Muted, Account: "alice", User: "bob", Until: until})
	}
	if said == 0 || said == 30*40 {
		t.Errorf("bob said %d things", said)
	}
	w.settle()
	w.wantSame()
}

// TestConflictIsCurrent: who hears of a conflict reads what it was.
func TestConflictIsCurrent(t *testing.T) {
	w := newWorld(t, 2)
	w.people()
	ctx := t.Context()
	changed := make(chan int)
	for i, n := range w.nodes {
		go func() {
			times := 0
			for k := 0; k < 30; {
				a, err := n.Account(ctx, "bob")
				if err != nil {
					t.Error(err)
					break
				}
				a.Hash = fmt.Append(nil, i, k)
				if _, err = n.Change(ctx, auth.Change{Account: a}); err == nil {
					k++
				} else if err != auth.ErrConflict {
					t.Error(err)
					break
				}
				times++
			}
			changed <- times
		}()
	}
	if one, other := <-changed, <-changed; one+other > 130 {
		t.Errorf("60 changes took %d and %d tries", one, other)
	}
	w.settle()
	w.wantSame()
}
