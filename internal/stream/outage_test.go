package stream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/internal/stream"
)

// TestOutage: without a server appends are refused at once; when it is back,
// everything goes on by itself.
func TestOutage(t *testing.T) {
	node := newRevenant(t)
	s := node.open()
	entries, _ := follow(t, s, 1)
	must(t, s, "said", "before")
	wait(t, "it can't be reached before the outage", s.Reachable)
	node.stop()
	wait(t, "it can still be reached", func() bool { return !s.Reachable() })
	began := time.Now()
	for range 100 {
		if a := say(t, s, stream.Append{Subject: "said"}); !errors.Is(a.err, stream.ErrUnavailable) {
			t.Fatalf("%+v", a)
		}
	}
	if took := time.Since(began); took > time.Minute { // if they waited for an answer it would be eight
		t.Errorf("100 refusals took %v", took)
	}
	if _, _, err := s.Ends(context.Background()); !errors.Is(err, stream.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := s.Get(context.Background(), 2); !errors.Is(err, stream.ErrUnavailable) {
		t.Error(err)
	}
	node.start()
	wait(t, "it can't be reached again", s.Reachable)
	must(t, s, "said", "after")
	wait(t, "nothing is read again", func() bool { return len(entries()) == 2 })
	if all := entries(); string(all[0].Data) != "before" || string(all[1].Data) != "after" {
		t.Errorf("%+v", all)
	}
}

// TestWithoutQuorum: one server of three can't keep anything, and says so in time.
func TestWithoutQuorum(t *testing.T) {
	n := newNodes(t, 3)
	s := n.open(t, func(o *stream.Options) { o.Servers, o.Timeout = n[0].ClientURL(), time.Second })
	must(t, s, "said", "x")
	for _, other := range n[1:] {
		other.Shutdown()
		other.WaitForShutdown()
	}
	quickest := stream.MaxTimeout // of some, since this machine may stand still for a moment
	for range 3 {
		began := time.Now()
		a := say(t, s, stream.Append{Subject: "said", Data: []byte("y")})
		if !errors.Is(a.err, stream.ErrUnavailable) {
			t.Errorf("%+v", a)
		}
		quickest = min(quickest, time.Since(began))
	}
	if quickest > 3*time.Second {
		t.Errorf("nothing is refused before %v", quickest)
	}
	wait(t, "it can still be reached", func() bool { return !s.Reachable() })
	if got := read(t, s, 1, 1); string(got[0].Data) != "x" {
		t.Errorf("what is there can't be read: %+v", got)
	}
}

// TestNoAnswer: an append without an answer is given up, and those behind it are not held up.
func TestNoAnswer(t *testing.T) {
	s := newNodes(t, 1).open(t, func(o *stream.Options) { o.Timeout = 300 * time.Millisecond })
	setting := `{"name":"parley","subjects":["parley.log.>"],"storage":"file","num_replicas":1,"discard":"new","allow_direct":true,"no_ack":%v,
		"max_msg_size":65536,"metadata":{"parley":"1","parley-identity":"x"},"republish":{"src":"parley.log.>","dest":"parley.tail.>"}}`
	jetstream(t, s, "STREAM.UPDATE.parley", fmt.Sprintf(setting, true))
	began := time.Now()
	if a := say(t, s, stream.Append{Subject: "said", Data: []byte("x")}); !errors.Is(a.err, stream.ErrUnavailable) || time.Since(began) < 300*time.Millisecond {
		t.Errorf("%+v after %v", a, time.Since(began))
	}
	jetstream(t, s, "STREAM.UPDATE.parley", fmt.Sprintf(setting, false))
	must(t, s, "said", "y")
}

// TestPending: more appends than may wait wait for room, and none is lost.
func TestPending(t *testing.T) {
	s := newNodes(t, 1).open(t, func(o *stream.Options) { o.Pending = 2 })
	release, entered := make(chan struct{}), make(chan struct{}, 10)
	for range 2 {
		s.Append(stream.Append{Subject: "said"}, func(uint64, bool, error) { entered <- struct{}{}; <-release })
	}
	<-entered // the first is answered, and holds its room
	third := make(chan struct{})
	go func() {
		s.Append(stream.Append{Subject: "said"}, func(uint64, bool, error) { entered <- struct{}{} })
		close(third)
	}()
	select {
	case <-third:
		t.Error("a third append found room")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	<-third
	<-entered
	<-entered
}

// TestTakeEnds: the caller's error ends Read, also one that looks like the stream's own.
func TestTakeEnds(t *testing.T) {
	s := newNodes(t, 1).open(t)
	must(t, s, "said", "x")
	for _, want := range []error{errEnough, stream.ErrUnavailable, stream.ErrNotFound} {
		want = fmt.Errorf("mine: %w", want)
		if err := s.Read(context.Background(), 0, 10, func([]stream.Entry) error { return want }); err != want {
			t.Errorf("%v, not %v", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := s.Read(ctx, 0, 10, func([]stream.Entry) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCopyAhead: a copy that shows that others are missing is not handed over before them.
func TestCopyAhead(t *testing.T) {
	s := newNodes(t, 1).open(t)
	entries, _ := follow(t, s, 1)
	must(t, s, "said", "x")
	wait(t, "nothing is read", func() bool { return len(entries()) == 1 })
	err := s.Conn().PublishMsg(&nats.Msg{Subject: "parley.tail.said", Data: []byte("ahead"), Header: nats.Header{
		"Nats-Stream": {"parley"}, "Nats-Subject": {"parley.log.said"}, "Nats-Sequence": {"5"},
		"Nats-Time-Stamp": {time.Now().UTC().Format(time.RFC3339Nano)}, "Parley-Log": {s.Identity()}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		must(t, s, "said", "x")
	}
	wait(t, "not all is read", func() bool { return len(entries()) >= 5 })
	for i, e := range entries() {
		if e.Seq != uint64(i+2) || string(e.Data) != "x" {
			t.Fatalf("%d: %+v", i, e)
		}
	}
}

// TestSlowReader: copies beyond what waits for a reader are fetched.
func TestSlowReader(t *testing.T) {
	s := newNodes(t, 1).open(t)
	const n = 10000 // more than may wait
	held, release := make(chan struct{}), make(chan struct{})
	var seqs []uint64
	end := make(chan error, 1)
	must(t, s, "said", "x")
	go func() {
		end <- s.Read(context.Background(), 0, 100, func(es []stream.Entry) error {
			if len(seqs) == 0 {
				close(held)
				<-release
			}
			if len(es) > 100 {
				t.Errorf("a batch of %d", len(es))
			}
			for _, e := range es {
				seqs = append(seqs, e.Seq)
			}
			if len(seqs) > n {
				return errEnough
			}
			return nil
		})
	}()
	<-held
	for range n {
		s.Append(stream.Append{Subject: "said", Data: []byte("x")}, func(uint64, bool, error) {})
	}
	must(t, s, "said", "last")
	close(release)
	mustEnd(t, end, errEnough)
	for i, seq := range seqs {
		if seq != uint64(i+2) {
			t.Fatalf("%d at %d", seq, i)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("R%d", n), func(b *testing.B) {
			s := newNodes(b, n).open(b)
			data := make([]byte, 200)
			b.ReportAllocs()
			b.ResetTimer()
			failed := 0
			for range b.N {
				s.Append(stream.Append{Subject: "said", Origin: "node", Data: data}, func(_ uint64, _ bool, err error) {
					if err != nil {
						failed++
					}
				})
			}
			s.Close()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			if failed > 0 {
				b.Errorf("%d failed", failed)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	n := newNodes(b, 1)
	s := n.open(b)
	data := make([]byte, 200)
	const stored = 50000
	for range stored {
		s.Append(stream.Append{Subject: "said", Origin: "node", Data: data}, func(uint64, bool, error) {})
	}
	s.Close()
	s = n.open(b)
	b.ReportAllocs()
	b.ResetTimer()
	got := 0
	for got < b.N {
		want := min(stored, b.N-got)
		here := 0
		err := s.Read(context.Background(), 1, 1024, func(es []stream.Entry) error {
			if here += len(es); here >= want {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			b.Fatal(err)
		}
		got += here
	}
	b.ReportMetric(float64(got)/b.Elapsed().Seconds(), "entries/s")
}
