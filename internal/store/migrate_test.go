package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
	"parley/internal/stream"
)

// lived is a single server's database with all that there is in one, as a kill has left it. It holds so many messages.
func lived(t *testing.T, messages int) string {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir, store.Options{Log: quiet})
	s.Start(chattest.Each(func(chat.Entry) {}))
	ctx := t.Context()
	must := func(e chat.Entry) chat.Entry {
		t.Helper()
		got, err := try(t, s, e)
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		return got
	}
	for _, name := range []string{"alice", "bob", "carol", "dave.x", "eve"} {
		v, err := s.Change(ctx, auth.Change{Account: auth.Account{Name: name, Hash: []byte("\x00$" + name), Made: now(), Admin: name == "alice"}})
		if err != nil {
			t.Fatal(err)
		}
		if name == "eve" {
			_, err = s.Change(ctx, auth.Change{Account: auth.Account{Name: name, Hash: []byte("x"), Made: now(), Removed: true, Version: v}})
		}
		if name == "carol" {
			_, err = s.Change(ctx, auth.Change{Account: auth.Account{Name: name, Hash: []byte("x"), Made: now(), Disabled: true, Invited: true, Version: v}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	join := func(account, room string, lock bool) {
		must(chat.Entry{Kind: chat.Joined, Account: account, Room: room, Lock: lock})
	}
	join("alice", "tea", true)
	join("bob", "coffee", false)
	join("dave.x", "coffee", false)
	must(chat.Entry{Kind: chat.Invited, Account: "alice", User: "bob", Room: "tea"})
	for i := range 150 { // more bytes than an entry may have
		join("alice", fmt.Sprint("room", i), false)
		must(chat.Entry{Kind: chat.TopicSet, Account: "alice", Room: fmt.Sprint("room", i), Text: strings.Repeat("“<topic>”", 60)})
	}
	rooms := []string{"lobby", "tea", "coffee", "@alice@bob", "@alice@alice"}
	rnd := newRandom(3)
	var mu sync.Mutex
	var said []chat.Entry
	words := 0
	talk := func(n int) {
		var all sync.WaitGroup
		for i := range n {
			all.Add(1)
			words++
			e := chat.Entry{Kind: chat.Said, Account: []string{"alice", "bob", "~guest"}[rnd.IntN(3)], Room: rooms[rnd.IntN(len(rooms))],
				Text: fmt.Sprintf("secret%06d <&> \u2028 and more", words)}
			if i%5 == 0 {
				e.Key, e.KeyOwner = fmt.Sprint(len(said), "-", i), e.Account
			}
			s.Append(e, func(e chat.Entry, err error) {
				defer all.Done()
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					said = append(said, e)
				}
			})
		}
		all.Wait()
	}
	talk(messages)
	for range 30 {
		e := said[rnd.IntN(len(said))]
		must(goneOf(e))
		must(chat.Entry{Kind: chat.Seen, Account: []string{"alice", "bob", "dave.x"}[rnd.IntN(3)], Room: e.Room, Message: said[rnd.IntN(len(said))].ID})
	}
	must(chat.Entry{Kind: chat.Muted, Account: "alice", User: "bob", Until: now().Add(time.Hour)})
	for i := range 3 {
		if err := s.IssueToken(ctx, movedToken(byte(i))); err != nil {
			t.Fatal(err)
		}
	}
	spent, err := s.Token(ctx, movedToken(1).Hash)
	if err == nil {
		err = s.SpendToken(ctx, spent, movedToken(11))
	}
	if err != nil {
		t.Fatal(err)
	}
	talk(50) // in the journal
	dir = crashed(t, dir)
	s.Close()
	return dir
}

func movedToken(n byte) auth.Token {
	return auth.Token{Hash: [32]byte{n, 0xff, 0}, Account: "alice", Family: "f", Session: fmt.Sprint("s", n), Room: "tea", Expires: now().Add(time.Hour)}
}

// migrateTo brings what is in dir into the stream.
func migrateTo(t *testing.T, ctx context.Context, dir string, to *stream.Stream, tell func(done, of int)) error {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{Log: quiet})
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Migrate(ctx, to, tell)
}

// last is the id of the last entry of a database.
func last(t *testing.T, dir string) (id int64) {
	t.Helper()
	if err := raw(t, dir).QueryRow(`SELECT last_id FROM log`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestMigrate brings a database into a stream, interrupted again and again, and wants a node of it to be what the single server was.
func TestMigrate(t *testing.T) {
	t.Parallel()
	messages := soak(1500, 50_000)
	if parleytest.Race {
		messages = 300
	}
	dir := lived(t, messages)
	was := witness{node: &node{Store: open(t, dir, store.Options{Log: quiet})}, w: &world{t: t}}
	was.w.words.Store(int64(messages))
	seed := func() *rand.Rand { return newRandom(9) }
	want := was.reads(seed())
	some, err := was.History(t.Context(), "coffee", chat.Range{Before: math.MaxInt64, Limit: messages / 10})
	if err != nil {
		t.Fatal(err)
	}
	ahead := some[len(some)-1]
	if err := was.Store.Close(); err != nil {
		t.Fatal(err)
	}
	old := rowsOf(t, dir)
	lastID := last(t, dir)
	to := openStream(t, streamOf(dir), uint64(lastID))

	rnd := newRandom(4)
	interrupted, through := 0, false
	for try := 0; ; try++ {
		ctx, stop := context.WithCancel(t.Context())
		told, at := 0, rnd.IntN(6)
		if try < 12 {
			time.AfterFunc(time.Duration(rnd.IntN(1+try*40))*time.Millisecond, stop)
		}
		err := migrateTo(t, ctx, dir, to, func(int, int) {
			if told++; told == at && try < 12 {
				stop()
			}
		})
		stop()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || try >= 12 {
			t.Fatalf("try %d: %v", try, err)
		}
		if err := follows(t, t.TempDir(), to); err != nil && !errors.Is(err, store.ErrMigrating) {
			t.Fatal(err)
		}
		if _, err := store.NewRegistry(t.Context(), to); err != nil && !errors.Is(err, store.ErrMigrating) {
			t.Fatal(err)
		}
		if _, err := to.Last(t.Context(), "moving"); err == nil && !through {
			through = true
			// Of many that were on their way at once, a late one came through.
			to.Append(stream.Append{Subject: "brought", Data: fmt.Appendf(nil, `{"id":%d,"time":%d,"room":"coffee","account":%q,"text":%q}`,
				ahead.ID, ahead.Time.UnixMilli(), ahead.User, ahead.Text)}, func(uint64, bool, error) {})
		}
		interrupted++
	}
	t.Logf("interrupted %d times", interrupted)

	for _, o := range []store.Options{{Log: quiet}, {Log: quiet, Stream: to}} {
		if _, err := store.Open(t.Context(), dir, o); !errors.Is(err, store.ErrMoved) {
			t.Fatalf("what was brought along is opened once more: %v", err)
		}
	}
	other := t.TempDir()
	running(t, other).Close()
	if err := migrateTo(t, t.Context(), other, to, func(int, int) {}); err == nil || !strings.Contains(err.Error(), "another database") {
		t.Fatalf("another database is brought into the same stream: %v", err)
	}

	w := &world{t: t, name: to.Name(), gone: map[int64]string{}}
	w.words.Store(int64(messages))
	n := w.start(t.TempDir())
	wantLines(t, "what is read", n.reads(seed()), want)
	list, err := n.History(t.Context(), "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
	if err != nil || len(list) == 0 {
		t.Fatal(err)
	}
	for i := range byte(3) {
		tok, err := n.Token(t.Context(), movedToken(i).Hash)
		if err != nil || (tok.Opened != "") != (i == 1) {
			t.Fatalf("token %d: %+v, %v", i, tok, err)
		}
	}
	tok, err := n.Token(t.Context(), movedToken(11).Hash)
	if err == nil {
		err = n.SpendToken(t.Context(), tok, movedToken(12))
	}
	if err != nil {
		t.Fatal("a token that was brought along: ", err)
	}
	a, err := n.Account(t.Context(), "dave.x")
	if err == nil {
		a.Hash = []byte("new")
		_, err = n.Change(t.Context(), auth.Change{Account: a})
	}
	if err != nil {
		t.Fatal("an account that was brought along: ", err)
	}
	second := w.start(t.TempDir())
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	w.nodes = w.nodes[:1]
	wantLines(t, "tables", exceptOf(rowsOf(t, second.dir)), exceptOf(old))

	// What comes now is above, and old messages can be taken back, for those too who come later.
	if e := n.must(lobby("after")); e.ID <= lastID {
		t.Fatalf("said as %d, after %d", e.ID, lastID)
	}
	var texts []string
	for i, m := range list {
		if m.Text != "" && i%7 == 0 {
			n.must(chat.Entry{Kind: chat.Gone, Account: "alice", User: m.User, Room: m.Room, Message: m.ID})
			texts = append(texts, m.Text)
		}
	}
	if err := n.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{n.dir, streamDir(t, w.name)} {
		if err := wantNowhere(t, d, texts); err != nil {
			t.Fatal(err)
		}
	}
	w.start(second.dir)
	w.start(t.TempDir())
	w.settle()
	for _, other := range w.nodes[1:] {
		wantLines(t, "what is read later", other.reads(seed()), n.reads(seed()))
	}
	w.wantSame()
}

// rowsOf are the rows that a database has in either kind of log; blocks are made messages.
func rowsOf(t *testing.T, dir string) (lines []string) {
	for _, line := range tables(t, dir) {
		if !strings.HasPrefix(line, "[message") && !strings.HasPrefix(line, "[log") {
			lines = append(lines, line)
		}
	}
	return lines
}

// exceptOf leaves out accounts and tokens, which the test has changed.
func exceptOf(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return strings.HasPrefix(line, "[account") || strings.HasPrefix(line, "[token")
	})
}

// TestMigrateRefused: a stream that others use, and one that begins too low.
func TestMigrateRefused(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir)
	for i := range 20 {
		say(t, s, fmt.Sprint(i))
	}
	s.Close()
	used := startedNode(t, streamOf(dir+"1"), store.Options{Log: quiet})
	used.say(t, "here already")
	for _, c := range []struct {
		to   *stream.Stream
		says string
	}{
		{used.stream, "in use"},
		{openStream(t, streamOf(dir+"2"), 5), "begins at"},
	} {
		if err := migrateTo(t, t.Context(), dir, c.to, func(int, int) {}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("it says %v, want %q", err, c.says)
		}
	}
	wantHistory(t, open(t, dir, store.Options{Log: quiet}), func() (all []string) {
		for i := range 20 {
			all = append(all, fmt.Sprint(i))
		}
		return all
	}()...)
}
