package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// A world is some nodes on one stream, at which many do all kinds of things at once.
type world struct {
	t     *testing.T
	name  string // of the stream
	nodes []*witness
	words atomic.Int64

	mu   sync.Mutex
	said []chat.Entry // kept
	gone map[int64]string
}

// A witness is a node, and what its tail was told.
type witness struct {
	*node
	w   *world
	dir string

	order sync.Mutex // of appends
	next  int

	inTail   atomic.Bool
	mu       sync.Mutex
	news     []chat.Entry
	answered int // the last append that was, of those that may not be sent twice
}

func newWorld(t *testing.T, nodes int) *world {
	w := &world{t: t, name: streamOf(t.TempDir()), gone: map[int64]string{}}
	for range nodes {
		w.start(t.TempDir())
	}
	return w
}

// start opens dir as a node.
func (w *world) start(dir string) *witness {
	w.t.Helper()
	return w.startAt(dir, time.Now)
}

// startAt is start with a clock of its own.
func (w *world) startAt(dir string, now func() time.Time) *witness {
	w.t.Helper()
	n := &witness{node: openNode(w.t, dir, w.name, store.Options{Log: quiet, Now: now}), w: w, dir: dir}
	n.Start(n.tail)
	w.nodes = append(w.nodes, n)
	return n
}

func (n *witness) tail(batch []chat.Outcome) {
	n.inTail.Store(true)
	defer n.inTail.Store(false)
	for _, o := range batch {
		if o.News {
			n.mu.Lock()
			n.news = append(n.news, o.Entry)
			n.mu.Unlock()
		}
		o.Done(o.Entry, o.Err)
	}
}

// do appends e, and wants its answer once, from the tail, and in its turn.
func (n *witness) do(e chat.Entry, done func(chat.Entry, error)) {
	n.order.Lock()
	defer n.order.Unlock()
	at := n.next
	n.next++
	var times atomic.Int32
	n.Append(e, func(got chat.Entry, err error) {
		if times.Add(1) != 1 || !n.inTail.Load() {
			n.w.t.Errorf("append %d is answered %d times, by the tail: %t, %v", at, times.Load(), n.inTail.Load(), err)
		}
		n.mu.Lock()
		if e.Key == "" {
			if at < n.answered {
				n.w.t.Errorf("append %d is answered after %d", at, n.answered)
			}
			n.answered = at
		}
		n.mu.Unlock()
		if err == nil {
			n.w.note(e, got)
		}
		done(got, err)
	})
}

// note is told of what was kept.
func (w *world) note(e, got chat.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Kind {
	case chat.Said:
		w.said = append(w.said, got)
	case chat.Gone:
		w.gone[e.Message] = ""
	}
}

// must is do for what can't be refused. What has a key is said again where a machine that stood still has cost the connection or the answer.
func (n *witness) must(e chat.Entry) chat.Entry {
	n.w.t.Helper()
	for give := time.Now().Add(parleytest.Patience); ; time.Sleep(50 * time.Millisecond) {
		got, err := n.try(e)
		if err == nil {
			return got
		}
		if e.Key == "" || !errors.Is(err, chat.ErrUnavailable) || time.Now().After(give) {
			n.w.t.Fatalf("%+v: %v", e, err)
		}
	}
}

func (n *witness) try(e chat.Entry) (got chat.Entry, err error) {
	n.w.t.Helper()
	answer := make(chan struct{})
	n.do(e, func(e chat.Entry, why error) {
		got, err = e, why
		close(answer)
	})
	select {
	case <-answer:
	case <-time.After(parleytest.Patience):
		n.w.t.Fatalf("never answered: %+v", e)
	}
	return got, err
}

var (
	worldPeople = []string{"alice", "bob", "carol", "~guest"}
	worldRooms  = []string{"lobby", "tea", "coffee", "@alice@bob", "@bob@carol"}
)

func (w *world) people() {
	for _, name := range append(worldPeople[:3:3], "dave.x") {
		w.change(w.nodes[0], auth.Change{Account: auth.Account{Name: name, Hash: []byte("x"), Made: now(), Admin: name == "alice"}})
	}
	for _, room := range worldRooms[1:3] { // a hub lets nobody speak in a room that is not there
		w.nodes[0].must(chat.Entry{Kind: chat.Joined, Account: "alice", Room: room})
	}
	w.settle()
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func (w *world) change(n *witness, c auth.Change) {
	_, err := n.Change(w.t.Context(), c)
	// A server that has much to do may not say in time where the stream ends.
	if err != nil && !errors.Is(err, auth.ErrConflict) && !errors.Is(err, chat.ErrUnavailable) {
		w.t.Error(err)
	}
}

// secret is a text of a word that nothing else has.
func (w *world) secret() string { return fmt.Sprintf("secret%06d and others", w.words.Add(1)) }

// op is something that somebody may do.
func (w *world) op(rnd *rand.Rand) chat.Entry {
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	w.mu.Lock()
	var some chat.Entry // that was said
	if n := len(w.said); n > 0 {
		some = w.said[n-1-rnd.IntN(min(n, 30))]
	}
	w.mu.Unlock()
	account := pick(worldPeople)
	e := chat.Entry{Account: account, Room: pick(worldRooms), Session: "s-" + account, Recheck: account != "~guest"}
	switch k := rnd.IntN(40); {
	case k == 0:
		e.Kind, e.User, e.Until = chat.Muted, pick(worldPeople[:3]), now().Add(time.Duration(rnd.IntN(40)-10)*time.Millisecond)
	case k == 1:
		e.Kind, e.Account, e.User, e.Room = chat.Expelled, "alice", pick(worldPeople[1:3]), pick(worldRooms[1:3])
	case k == 2:
		e.Kind, e.Room = chat.Left, pick(worldRooms[1:3])
	case k == 3:
		e.Kind, e.User, e.Room, e.Limits = chat.Invited, pick(worldPeople[:3]), pick(worldRooms[1:3]), chat.Limits{Invites: 1}
	case k == 4:
		e.Kind, e.Room = []chat.Kind{chat.Locked, chat.Opened}[rnd.IntN(2)], pick(worldRooms[1:3])
	case k == 5:
		e.Kind, e.Text = chat.TopicSet, w.secret()
	case k < 9:
		e.Kind, e.Room, e.Limits = chat.Joined, pick(worldRooms[:3]), chat.Limits{Members: 2 + rnd.IntN(3)}
	case k < 14 && some.ID > 0:
		e.Kind, e.Room, e.Message, e.Account = chat.Seen, some.Room, some.ID, pick(worldPeople[:3])
	case k < 18 && some.ID > 0:
		e = chat.Entry{Kind: chat.Gone, Account: "alice", Room: some.Room, User: some.Account, Message: some.ID}
	default:
		e.Kind, e.Text = chat.Said, w.secret()
		if rnd.IntN(3) == 0 {
			e.Key, e.KeyOwner = fmt.Sprint("key", rnd.IntN(60)), e.Account
		}
	}
	return e
}

// run does so many things at each node, many at once.
func (w *world) run(each int, seed uint64) {
	var all sync.WaitGroup
	for i, n := range w.nodes {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			window := make(chan struct{}, 20)
			for range each {
				window <- struct{}{}
				n.do(w.op(rnd), func(chat.Entry, error) { <-window })
			}
			for range cap(window) {
				window <- struct{}{}
			}
		})
		all.Go(func() { w.accounts(n, rand.New(rand.NewPCG(seed, uint64(100+i))), each/10) })
	}
	all.Wait()
}

// accounts changes accounts, and issues and spends tokens.
func (w *world) accounts(n *witness, rnd *rand.Rand, times int) {
	ctx := w.t.Context()
	token := func(k int) auth.Token {
		return auth.Token{Hash: [32]byte{byte(k), byte(k >> 8)}, Account: worldPeople[k%3], Family: fmt.Sprint("f", k%5),
			Session: fmt.Sprint("s-", worldPeople[k%3], k), Room: "lobby", Expires: now().Add(time.Hour)}
	}
	for range times {
		a, err := n.Account(ctx, append(worldPeople[:3:3], "dave.x", "dave.x")[rnd.IntN(5)])
		if err != nil {
			w.t.Error(err)
			return
		}
		switch a.Hash = fmt.Append(nil, rnd.IntN(100)); {
		case a.Name == "dave.x" && a.Removed:
			w.change(n, auth.Change{Account: auth.Account{Name: a.Name, Hash: a.Hash, Made: now(), Version: a.Version}})
		case a.Name == "dave.x" && rnd.IntN(2) == 0:
			a.Removed = true
			w.change(n, auth.Change{Account: a})
		default:
			w.change(n, auth.Change{Account: a, End: rnd.IntN(4) == 0, Reason: "changed"})
		}
		if rnd.IntN(3) == 0 {
			_ = n.EndFamily(ctx, a.Name, fmt.Sprint("f", rnd.IntN(5)), "ended")
		}
		k := rnd.IntN(1000)
		_ = n.IssueToken(ctx, token(k)) // one that is there already is refused
		if t, err := n.Token(ctx, token(k).Hash); err == nil {
			next := token(1000 + rnd.IntN(60000))
			if err := n.SpendToken(ctx, t, next); err == nil && rnd.IntN(2) == 0 {
				_ = n.ConfirmSession(ctx, next.Session)
			}
		}
	}
}

// settle waits until all nodes have what was appended before.
func (w *world) settle() {
	w.t.Helper()
	last := w.nodes[0].must(chat.Entry{Kind: chat.Said, Account: "alice", Room: "lobby", Text: "the last one",
		Key: fmt.Sprint("last", w.words.Add(1)), KeyOwner: "alice"})
	for _, n := range w.nodes {
		eventually(w.t, "a node comes to the end", func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.news) > 0 && n.news[len(n.news)-1].ID >= last.ID
		})
	}
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(parleytest.Patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
