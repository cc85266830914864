package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// try appends one entry and waits for its answer.
func try(t testing.TB, s *store.Store, e chat.Entry) (chat.Entry, error) {
	t.Helper()
	type answer struct {
		e   chat.Entry
		err error
	}
	got := make(chan answer, 1)
	s.Append(e, func(e chat.Entry, err error) { got <- answer{e, err} })
	select {
	case a := <-got:
		return a.e, a.err
	case <-time.After(parleytest.Patience):
		t.Fatal("an append was never answered")
		panic("unreachable")
	}
}

func lobby(text string) chat.Entry {
	return chat.Entry{Kind: chat.Said, Room: "lobby", Account: "alice", Text: text}
}

// say says text in the lobby, which must work, and returns its id.
func say(t testing.TB, s *store.Store, text string) int64 {
	t.Helper()
	e, err := try(t, s, lobby(text))
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func wantHistory(t *testing.T, s *store.Store, want ...string) {
	t.Helper()
	list, err := s.History(t.Context(), "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, m.Text)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the lobby holds %q, want %q", got, want)
	}
}

// clock is a clock that a test sets.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time        { return time.UnixMilli(c.ms.Load()).Add(123456 * time.Nanosecond) }
func (c *clock) step(by time.Duration) { c.ms.Add(by.Milliseconds()) }

func TestTimeNeverGoesBack(t *testing.T) {
	c := &clock{}
	c.ms.Store(1767225600000)
	dir := t.TempDir()
	var last time.Time
	for i, step := range []time.Duration{0, time.Second, -time.Hour, time.Minute, 3 * time.Hour, -time.Hour, 0} {
		c.step(step)
		s := open(t, dir, store.Options{Now: c.now})
		s.Start(chattest.Each(func(chat.Entry) {}))
		for range 2 {
			e, err := try(t, s, lobby("x"))
			if err != nil {
				t.Fatal(err)
			}
			if want := time.UnixMilli(c.ms.Load()).UTC(); e.Time.Before(last) || e.Time != e.Time.Truncate(time.Millisecond) || e.Time != want && e.Time != last {
				t.Fatalf("step %d: time %v after %v, with the clock at %v", i, e.Time, last, want)
			}
			last = e.Time
		}
		s.Close()
	}
}

func TestKeysExpire(t *testing.T) {
	c := &clock{}
	c.ms.Store(1767225600000)
	dir := t.TempDir()
	s := open(t, dir, store.Options{Now: c.now})
	s.Start(chattest.Each(func(chat.Entry) {}))
	keyed := func(key string) int64 {
		t.Helper()
		e := lobby("x")
		e.Key, e.KeyOwner = key, "alice"
		e, err := try(t, s, e)
		if err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	first := keyed("k")
	c.step(24*time.Hour - time.Millisecond)
	if id := keyed("k"); id != first {
		t.Fatalf("just before 24 h a repeat has id %d, want %d", id, first)
	}
	c.step(time.Millisecond)
	second := keyed("k")
	if second <= first || keyed("k") != second {
		t.Fatalf("after 24 h the key has id %d, first was %d, then %d", second, first, keyed("k"))
	}

	for i := range 500 {
		keyed(fmt.Sprint("old", i))
	}
	c.step(25 * time.Hour)
	for i := range 300 {
		keyed(fmt.Sprint("new", i))
	}
	s.Close()
	db := raw(t, dir)
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM keys`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != 300 {
		t.Fatalf("%d keys are kept, want the 300 that have not expired", n)
	}
}

func TestTokensAreBounded(t *testing.T) {
	c := &clock{}
	c.ms.Store(1767225600000)
	s := started(t, store.Options{Now: c.now, Tokens: 3})
	ctx := t.Context()
	token := func(n int, account string) auth.Token {
		return auth.Token{
			Hash: [32]byte{byte(n), byte(n >> 8), account[0]}, Account: account, Family: "f",
			Session: fmt.Sprint(account, n), Expires: c.now().Add(time.Hour),
		}
	}
	kept := func(account string, n int) (list []int) {
		for i := range n {
			if _, err := s.Token(ctx, token(i, account).Hash); err == nil {
				list = append(list, i)
			} else if !errors.Is(err, auth.ErrNotFound) {
				t.Fatal(err)
			}
		}
		return list
	}
	for i := range 5 {
		for _, account := range []string{"alice", "bob"} {
			if err := s.IssueToken(ctx, token(i, account)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, account := range []string{"alice", "bob"} {
		if got := kept(account, 5); !slices.Equal(got, []int{2, 3, 4}) {
			t.Fatalf("unspent tokens kept for %s: %v, want the newest 3", account, got)
		}
	}
	for i := 4; i < 10; i++ { // spent one by one: 4 to 9, 10 is unspent
		spent, err := s.Token(ctx, token(i, "alice").Hash)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SpendToken(ctx, spent, token(i+1, "alice")); err != nil {
			t.Fatal(err)
		}
	}
	if got := kept("alice", 11); !slices.Equal(got, []int{2, 3, 7, 8, 9, 10}) {
		t.Fatalf("tokens kept for alice: %v, want 3 spent and 3 unspent", got)
	}
	c.step(26 * time.Hour)
	if err := s.IssueToken(ctx, token(20, "carol")); err != nil {
		t.Fatal(err)
	}
	if a, b := kept("alice", 11), kept("bob", 11); len(a)+len(b) > 0 {
		t.Fatalf("a day after they expired there are tokens %v and %v", a, b)
	}
	if got := kept("carol", 21); len(got) != 1 {
		t.Fatalf("carol's new token is gone: %v", got)
	}
}

// TestFullQueue holds the tail up: what finds no room is refused at once, and
// everything is answered once.
func TestFullQueue(t *testing.T) {
	const queue, batch, n = 8, 2, 100
	s := open(t, t.TempDir(), store.Options{Queue: queue, Batch: batch})
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	entered := make(chan struct{}, n)
	s.Start(chattest.Each(func(chat.Entry) { entered <- struct{}{}; <-held }))
	var mu sync.Mutex
	answers := make(map[int]int)
	kept := 0
	add := func(i int) {
		s.Append(lobby(fmt.Sprint(i)), func(_ chat.Entry, err error) {
			mu.Lock()
			defer mu.Unlock()
			answers[i]++
			if err == nil {
				kept++
			} else if !errors.Is(err, chat.ErrUnavailable) {
				t.Errorf("append %d: %v", i, err)
			}
		})
	}
	add(0)
	<-entered
	for i := 1; i < n; i++ {
		add(i)
	}
	mu.Lock()
	if refused := len(answers); refused < n-queue-4*batch-1 {
		t.Errorf("%d of %d were refused at once", refused, n)
	}
	mu.Unlock()
	for err := error(nil); !errors.Is(err, chat.ErrUnavailable); {
		// The writer may still make room for a few of these, which then wait.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		err = s.IssueToken(ctx, auth.Token{})
		cancel()
		if err == nil {
			t.Fatal("a token was issued past the tail that is held up")
		}
	}
	release()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if answers[i] != 1 {
			t.Errorf("append %d was answered %d times", i, answers[i])
		}
	}
	if kept < queue {
		t.Errorf("%d were kept, want at least the queue's %d", kept, queue)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := started(t, store.Options{})
	say(t, s, "x")
	wantHistory(t, s, "x")
	for range 2 { // the second does nothing
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}

// TestConfirmTwice: a session may be confirmed by each of its lines; what was
// read after the first confirmation is not outdated by the second.
func TestConfirmTwice(t *testing.T) {
	s := started(t, store.Options{})
	ctx := t.Context()
	first := auth.Token{Hash: [32]byte{1}, Account: "alice", Family: "f", Session: "s1", Expires: time.Now().Add(time.Hour)}
	second := first
	second.Hash, second.Session = [32]byte{2}, "s2"
	if err := s.IssueToken(ctx, first); err != nil {
		t.Fatal(err)
	}
	read := func() auth.Token {
		t.Helper()
		got, err := s.Token(ctx, first.Hash)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if err := s.SpendToken(ctx, read(), second); err != nil {
		t.Fatal(err)
	}
	confirm := func() {
		t.Helper()
		if err := s.ConfirmSession(ctx, "s2"); err != nil {
			t.Fatal(err)
		}
	}
	confirm()
	once := read()
	confirm()
	if twice := read(); !once.Confirmed || twice != once {
		t.Fatalf("confirmed once: %+v, twice: %+v", once, twice)
	}
}
