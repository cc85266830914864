package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/parleytest"
	"parley/internal/stream"
)

func ptr(n uint64) *uint64 { return &n }

func TestConflictAndDuplicates(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newNodes(t, n).open(t)
			made := say(t, s, stream.Append{Subject: "account.bob", ID: "a", Expect: ptr(0), Data: []byte("1")})
			if made.err != nil || made.dup {
				t.Fatal(made)
			}
			again := acked{made.seq, true, nil}
			if got := say(t, s, stream.Append{Subject: "account.bob", ID: "a", Data: []byte("1")}); got != again {
				t.Errorf("the same again is %+v, not %+v", got, again)
			}
			if n == 1 { // a single server asks for the expectation first, a cluster for the ID
				again = acked{err: stream.ErrConflict}
			}
			if got := say(t, s, stream.Append{Subject: "account.bob", ID: "a", Expect: ptr(0), Data: []byte("1")}); got != again {
				t.Errorf("the same again with its expectation is %+v, not %+v", got, again)
			}
			for _, expect := range []uint64{0, made.seq - 1, made.seq + 1} {
				if a := say(t, s, stream.Append{Subject: "account.bob", Expect: &expect}); !errors.Is(a.err, stream.ErrConflict) {
					t.Errorf("expecting %d: %+v", expect, a)
				}
			}
			if a := say(t, s, stream.Append{Subject: "account.alice", Expect: ptr(0)}); a.err != nil {
				t.Error("another subject is in the way:", a.err)
			}
			if a := say(t, s, stream.Append{Subject: "account.bob", Expect: &made.seq}); a.err != nil {
				t.Error(a.err)
			}
			if got := read(t, s, 1, 3); len(got) != 3 {
				t.Errorf("%d entries were kept", len(got))
			}
		})
	}
}

// TestRacingExpectations: of many at once with one expectation one is kept.
func TestRacingExpectations(t *testing.T) {
	n := newNodes(t, 3)
	all := []*stream.Stream{n.open(t), n.open(t), n.open(t)}
	var mu sync.Mutex
	results := map[error]int{}
	var waiting sync.WaitGroup
	for i := range 30 {
		waiting.Add(1)
		all[i%3].Append(stream.Append{Subject: "one", Expect: ptr(0)}, func(_ uint64, _ bool, err error) {
			mu.Lock()
			results[err]++
			mu.Unlock()
			waiting.Done()
		})
	}
	waiting.Wait()
	if results[nil] != 1 || results[stream.ErrConflict] != 29 {
		t.Error(results)
	}
}

func TestTooLarge(t *testing.T) {
	s := newNodes(t, 1).open(t)
	for _, size := range []int{stream.MaxEntry - 10, stream.MaxEntry + 1, 2 << 20} {
		if a := say(t, s, stream.Append{Subject: "x", Data: make([]byte, size)}); !errors.Is(a.err, stream.ErrTooLarge) {
			t.Errorf("%d bytes: %+v", size, a)
		}
	}
	must(t, s, "x", string(make([]byte, stream.MaxEntry-1024)))
}

func TestGetLastDelete(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newNodes(t, n).open(t)
			ctx := context.Background()
			if first, last, err := s.Ends(ctx); first != 2 || last != 0 || err != nil {
				t.Errorf("of nothing: from %d to %d, %v", first, last, err)
			}
			one, two := must(t, s, "account.a", "1"), must(t, s, "account.a", "2")
			must(t, s, "account.b", "3")
			other := must(t, s, "said", "4")
			if e, err := s.Get(ctx, one); err != nil || string(e.Data) != "1" || e.Subject != "account.a" || e.Seq != one || e.Time.IsZero() {
				t.Errorf("%+v, %v", e, err)
			}
			if e, err := s.Last(ctx, "account.a"); err != nil || e.Seq != two || string(e.Data) != "2" {
				t.Errorf("%+v, %v", e, err)
			}
			for _, get := range []func() (stream.Entry, error){
				func() (stream.Entry, error) { return s.Last(ctx, "account.c") },
				func() (stream.Entry, error) { return s.Get(ctx, 0) },
				func() (stream.Entry, error) { return s.Get(ctx, 1) },
				func() (stream.Entry, error) { return s.Get(ctx, other+1) },
			} {
				if e, err := get(); !errors.Is(err, stream.ErrNotFound) {
					t.Errorf("%+v, %v", e, err)
				}
			}
			var each []string
			note := func(e stream.Entry) error { each = append(each, e.Subject+"="+string(e.Data)); return nil }
			if err := s.LastEach(ctx, "account.*", note); err != nil || !slices.Equal(each, []string{"account.a=2", "account.b=3"}) {
				t.Error(each, err)
			}
			if err := s.LastEach(ctx, ">", func(stream.Entry) error { return errEnough }); !errors.Is(err, errEnough) {
				t.Error(err)
			}
			for range 2 {
				if err := s.Delete(ctx, two); err != nil {
					t.Error(err)
				}
			}
			if err := s.Delete(ctx, 1); !errors.Is(err, stream.ErrNotFound) {
				t.Error("the mark can be deleted:", err)
			}
			if _, err := s.Get(ctx, two); !errors.Is(err, stream.ErrNotFound) {
				t.Error("what was deleted is there:", err)
			}
			rubbish, err := s.Conn().Request("parley.log.said", []byte("of somebody else"), parleytest.Patience)
			if err != nil || bytes.Contains(rubbish.Data, []byte(`"error"`)) {
				t.Fatal(rubbish, err)
			}
			gone := must(t, s, "said", "5")
			if err := s.Delete(ctx, gone); err != nil {
				t.Error(err)
			}
			if first, last, err := s.Ends(ctx); first != one || last != other || err != nil {
				t.Errorf("from %d to %d, %v", first, last, err)
			}
			must(t, s, "said", "6")
			var seqs []uint64
			for _, e := range read(t, s, one, 4) {
				seqs = append(seqs, e.Seq)
			}
			if !slices.Equal(seqs, []uint64{one, two + 1, other, gone + 1}) {
				t.Error(seqs)
			}
		})
	}
}

// follow reads in the background until Read ends, and calls each for each batch.
func follow(t testing.TB, s *stream.Stream, from uint64, each ...func()) (entries func() []stream.Entry, ended <-chan error) {
	var mu sync.Mutex
	var all []stream.Entry
	end := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		end <- s.Read(ctx, from, 64, func(es []stream.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, es...)
			for _, f := range each {
				f()
			}
			return nil
		})
	}()
	return func() []stream.Entry {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}, end
}

func mustEnd(t testing.TB, ended <-chan error, want error) {
	t.Helper()
	select {
	case err := <-ended:
		if !errors.Is(err, want) {
			t.Errorf("reading ended with %v, not %v", err, want)
		}
	case <-time.After(parleytest.Patience):
		t.Errorf("reading goes on; it should end with %v", want)
	}
}

// jetstream asks the API of JetStream as an operator would.
func jetstream(t testing.TB, s *stream.Stream, subject, body string) {
	t.Helper()
	m, err := s.Conn().Request("$JS.API."+subject, []byte(body), parleytest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(m.Data, []byte(`"error"`)) {
		t.Fatalf("%s", m.Data)
	}
}

// TestDeletedFromTheFront: single deletes are no purge, also of all that came first.
func TestDeletedFromTheFront(t *testing.T) {
	s := newNodes(t, 1).open(t)
	for range 5 {
		must(t, s, "said", "x")
	}
	for seq := uint64(2); seq < 5; seq++ {
		if err := s.Delete(context.Background(), seq); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, s, 1, 2); got[0].Seq != 5 {
		t.Errorf("%+v", got)
	}
}

func TestTruncated(t *testing.T) {
	s := newNodes(t, 1).open(t)
	for range 10 {
		must(t, s, "said", "x")
	}
	_, beyond := follow(t, s, 20)
	mustEnd(t, beyond, stream.ErrTruncated)
	entries, atEnd := follow(t, s, 1)
	wait(t, "nothing is read", func() bool { return len(entries()) == 10 })
	jetstream(t, s, "STREAM.PURGE.parley", `{"seq":6}`)
	_, behind := follow(t, s, 3)
	mustEnd(t, behind, stream.ErrTruncated)
	if got := read(t, s, 6, 6-1); got[0].Seq != 6 {
		t.Errorf("%+v", got)
	}
	must(t, s, "said", "y")
	wait(t, "what comes after a purge is not read", func() bool { return len(entries()) == 11 })
	if len(atEnd) > 0 {
		t.Error("a purge behind a reader ends it:", <-atEnd)
	}
}

func TestReplaced(t *testing.T) {
	for _, loaded := range []bool{false, true} {
		t.Run(fmt.Sprint(loaded), func(t *testing.T) {
			n := newNodes(t, 1)
			s := n.open(t)
			for range 10 {
				must(t, s, "said", "old")
			}
			entries, ended := follow(t, s, 1)
			wait(t, "nothing is read", func() bool { return len(entries()) == 10 })
			jetstream(t, s, "STREAM.DELETE.parley", "")
			second := n.open(t)
			if second.Identity() == s.Identity() {
				t.Error("two streams have one identity")
			}
			if loaded { // beyond what was read, before anybody looks
				for range 30 {
					must(t, second, "said", "new")
				}
			}
			if a := say(t, s, stream.Append{Subject: "said", Data: []byte("old")}); a.err == nil {
				must(t, second, "said", "new") // kept, but read by nobody
			}
			mustEnd(t, ended, stream.ErrReplaced)
			if got := entries(); len(got) != 10 {
				t.Errorf("%d entries were handed over: the other stream's were merged in", len(got))
			}
			if _, _, err := s.Ends(context.Background()); !errors.Is(err, stream.ErrReplaced) {
				t.Error(err)
			}
			if loaded {
				for _, e := range read(t, second, 1, 31) {
					if string(e.Data) != "new" {
						t.Errorf("%+v", e)
					}
				}
			}
		})
	}
}

// TestRacingOpens: nodes that make the stream at once agree on one.
func TestRacingOpens(t *testing.T) {
	n := newNodes(t, 3)
	var opening sync.WaitGroup
	all := make([]*stream.Stream, 4)
	for i := range all {
		opening.Go(func() {
			s, err := stream.Open(context.Background(), stream.Options{Servers: n.urls(), First: 1000, Wait: parleytest.Patience})
			if err != nil {
				t.Error(err)
				return
			}
			all[i] = s
			t.Cleanup(func() { s.Close() })
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	for _, s := range all[1:] {
		if s.Identity() != all[0].Identity() {
			t.Errorf("%s and %s", s.Identity(), all[0].Identity())
		}
	}
	if seq := must(t, all[0], "said", "x"); seq != 1002 {
		t.Errorf("the first entry has the sequence %d", seq)
	}
	if got := read(t, all[1], 1, 1); got[0].Seq != 1002 {
		t.Errorf("%+v", got)
	}
}

// TestStepdown has the leader change under load: what one connection appends
// keeps its order, and is handed over once.
func TestStepdown(t *testing.T) {
	n := newNodes(t, 3)
	a, b := n.open(t), n.open(t)
	entries, _ := follow(t, b, 1)
	var mu sync.Mutex
	kept := map[uint64]string{}
	var answers []int
	var down atomic.Bool
	var appending sync.WaitGroup
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	defer end()
	appending.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			data := fmt.Sprintf("%08d", i)
			a.Append(stream.Append{Subject: "said", ID: data, Data: []byte(data)}, func(seq uint64, dup bool, err error) {
				mu.Lock()
				defer mu.Unlock()
				answers = append(answers, i)
				down.Store(err != nil)
				if err == nil {
					kept[seq] = data
				}
			})
			if down.Load() {
				time.Sleep(time.Millisecond)
			}
		}
	})
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(kept) }
	for range 4 {
		before := count()
		wait(t, "appends are not kept again", func() bool { return count() > before+500 })
		wait(t, "no leader steps down", func() bool {
			m, err := a.Conn().Request("$JS.API.STREAM.LEADER.STEPDOWN.parley", nil, time.Second)
			return err == nil && bytes.Contains(m.Data, []byte(`"success":true`))
		})
	}
	before := count()
	wait(t, "appends are not kept again", func() bool { return count() > before+500 })
	end()
	appending.Wait()
	a.Close()
	if !slices.IsSorted(answers) {
		t.Error("answers are out of order")
	}
	last := slices.Max(slices.Collect(func(yield func(uint64) bool) {
		for seq := range kept {
			if !yield(seq) {
				return
			}
		}
	}))
	wait(t, "the end is not read", func() bool { all := entries(); return len(all) > 0 && all[len(all)-1].Seq >= last })
	at, seq, data := map[uint64]string{}, uint64(0), ""
	for _, e := range entries() {
		if e.Seq <= seq || string(e.Data) <= data {
			t.Fatalf("%d %s comes after %d %s", e.Seq, e.Data, seq, data)
		}
		seq, data = e.Seq, string(e.Data)
		at[seq] = data
	}
	for seq, data := range kept {
		if at[seq] != data {
			t.Errorf("%d was %s when it was kept, and is %q", seq, data, at[seq])
		}
	}
	t.Logf("%d read, %d acknowledged", len(at), len(kept))
}

// TestClose: appends are answered, readers end, and nobody is left.
func TestClose(t *testing.T) {
	log := new(logged)
	s := newNodes(t, 1).open(t, func(o *stream.Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	_, ended := follow(t, s, 1)
	answered, kept := 0, 0
	for range 2000 {
		s.Append(stream.Append{Subject: "said", Data: []byte("x")}, func(_ uint64, _ bool, err error) {
			if answered++; err == nil {
				kept++
			}
		})
	}
	s.Close()
	if answered != 2000 || kept != 2000 && log.count("nats.lost") == 0 { // by a server that stood still
		t.Errorf("%d of 2000 appends were answered, %d kept\n%s", answered, kept, log.text.String())
	}
	mustEnd(t, ended, stream.ErrUnavailable)
	if a := say(t, s, stream.Append{Subject: "said"}); !errors.Is(a.err, stream.ErrUnavailable) {
		t.Error(a)
	}
	nobodyLeft(t)
}
