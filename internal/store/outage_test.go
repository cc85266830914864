package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
	"parley/internal/stream"
)

// A line is the way to a NATS server of its own, that may be cut, be silent, or lead to nothing.
type line struct {
	t      *testing.T
	dir    string
	server *server.Server
	listen net.Listener
	silent atomic.Bool
	mu     sync.Mutex
	open   map[net.Conn]bool
}

func newLine(t *testing.T) *line {
	l := &line{t: t, dir: t.TempDir(), open: map[net.Conn]bool{}}
	var err error
	if l.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.startServer()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.listen.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { l.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.listen.Close()
		l.stopServer()
		l.cut()
		serving.Wait()
	})
	return l
}

func (l *line) startServer() {
	l.t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: l.dir, NoLog: true, NoSigs: true})
	if err != nil {
		l.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(parleytest.Patience) {
		l.t.Fatal("nats-server does not start")
	}
	l.mu.Lock()
	l.server = s
	l.mu.Unlock()
}

func (l *line) stopServer() {
	l.mu.Lock()
	s := l.server
	l.server = nil
	l.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

func (l *line) serve(c net.Conn) {
	defer c.Close()
	l.mu.Lock()
	s := l.server
	l.mu.Unlock()
	if s == nil {
		return
	}
	to, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		return
	}
	l.mu.Lock()
	l.open[c], l.open[to] = true, true
	l.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { l.pass(to, c) })
	both.Go(func() { l.pass(c, to) })
	both.Wait()
}

func (l *line) pass(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if l.silent.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut ends all connections; new ones may come.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.Close()
	}
	clear(l.open)
}

func (l *line) stream(o stream.Options) *stream.Stream {
	l.t.Helper()
	o.Servers, o.Replicas, o.Wait = "nats://"+l.listen.Addr().String(), 1, parleytest.Patience
	s, err := stream.Open(context.Background(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.Close() })
	return s
}

func (l *line) node(dir string) *node {
	l.t.Helper()
	n := &node{stream: l.stream(stream.Options{Pending: 8})}
	n.come(l.t, dir, store.Options{Stream: n.stream, Log: quiet})
	n.Start(chattest.Each(func(chat.Entry) {}))
	return n
}

// TestOutOfReach has the stream out of reach in each way there is: what is said meanwhile is refused within 5 s, however much it is
// and though the stream takes no more than a few at once; what is there can be read; and all goes on by itself.
func TestOutOfReach(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		away, back func(*line)
	}{
		{"stopped", (*line).stopServer, (*line).startServer},
		{"silent", func(l *line) { l.silent.Store(true) }, func(l *line) { l.silent.Store(false); l.cut() }},
		{"cut", func(l *line) { l.silent.Store(true); l.cut() }, func(l *line) { l.silent.Store(false); l.cut() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t)
			n := l.node(t.TempDir())
			first := n.say(t, "before")
			c.away(l)
			began := time.Now()
			const many = 300
			errs := make(chan error, many)
			message := func(i int) chat.Entry {
				return chat.Entry{Kind: chat.Said, Account: "alice", Room: "lobby", Text: fmt.Sprint("meanwhile ", i), Key: fmt.Sprint(i), KeyOwner: "alice"}
			}
			for i := range many {
				n.Append(message(i), func(_ chat.Entry, err error) { errs <- err })
			}
			for range many {
				select {
				case err := <-errs:
					if !errors.Is(err, chat.ErrUnavailable) {
						t.Fatalf("said while the stream is out of reach: %v", err)
					}
				case <-time.After(parleytest.Patience):
					t.Fatal("no answer")
				}
			}
			if took := time.Since(began); took > parleytest.Patience/2 { // if one waited for the other it would be minutes
				t.Errorf("the last was refused after %v", took)
			}
			if _, err := n.Token(t.Context(), [32]byte{1}); !errors.Is(err, chat.ErrUnavailable) {
				t.Errorf("a token that nobody can look for: %v", err)
			}
			if m, ok, err := n.Message(t.Context(), first); !ok || err != nil || m.Text != "before" {
				t.Fatalf("reading: %v, %t, %v", m, ok, err)
			}
			c.back(l)
			for i := range many {
				eventually(t, "said again", func() bool { _, err := try(t, n.Store, message(i)); return err == nil })
			}
			list, err := n.History(t.Context(), "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
			if err != nil || len(list) != 1+many {
				t.Fatalf("%d messages, %v", len(list), err)
			}
			c.away(l)
			n.Append(message(many), func(chat.Entry, error) { errs <- nil })
			began = time.Now()
			if err := n.Store.Close(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > parleytest.Patience/2 {
				t.Errorf("closing took %v", took)
			}
			select {
			case <-errs:
			default:
				t.Error("closing left an append without an answer")
			}
		})
	}
}

// TestCloseOfNode: a node that was closed has left nothing running.
func TestCloseOfNode(t *testing.T) {
	name := streamOf(t.TempDir())
	openStream(t, name, 0) // with what the server runs for a stream
	ignore := goleak.IgnoreCurrent()
	n := startedNode(t, name, store.Options{Log: quiet})
	message := n.say(t, "something")
	if _, err := try(t, n.Store, chat.Entry{Kind: chat.Gone, Account: "alice", User: "alice", Room: "lobby", Message: message}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		n.Append(lobby(fmt.Sprint(i)), func(chat.Entry, error) {})
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all goroutines to end", func() bool { return goleak.Find(ignore) == nil })
}

// TestMovingEnd has a node catch up while others go on.
func TestMovingEnd(t *testing.T) {
	w := newWorld(t, 1)
	stop, stopped := make(chan struct{}), make(chan int)
	first := w.nodes[0]
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- i
				return
			default:
				first.must(chat.Entry{Kind: chat.Said, Account: "alice", Room: "lobby", Text: fmt.Sprint(i)})
			}
		}
	}()
	for range 5 {
		w.start(t.TempDir())
	}
	close(stop)
	t.Logf("%d said meanwhile", <-stopped)
	w.settle()
	w.wantSame()
}

// TestFullDiskOfNode runs testFullDiskOfNode where a small file system can be mounted.
func TestFullDiskOfNode(t *testing.T) {
	if os.Getenv("PARLEY_TEST_MOUNT") == "1" {
		testFullDiskOfNode(t)
		return
	}
	inNamespace(t)
}

// testFullDiskOfNode fills the disk under a node: who appends is told so, and when there is room the node has everything.
func testFullDiskOfNode(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	name := streamOf(dir)
	n := openNode(t, dir, name, store.Options{Log: quiet})
	n.Start(chattest.Each(func(chat.Entry) {}))
	other := startedNode(t, name, store.Options{Log: quiet})
	n.say(t, "before")
	filler := fill(t, dir, 64<<10)
	refused := 0
	for i := range 60 {
		e := lobby(fmt.Sprint(i, strings.Repeat(" much", 1000)))
		e.Key, e.KeyOwner = fmt.Sprint(i), "alice"
		if _, err := try(t, n.Store, e); errors.Is(err, chat.ErrUnavailable) {
			if refused++; refused == 3 {
				break
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 3 {
		t.Fatalf("%d were refused on a full disk", refused)
	}
	if _, err := n.History(t.Context(), "lobby", chat.Range{Before: math.MaxInt64, Limit: 500}); err != nil {
		t.Fatalf("reading on a full disk: %v", err)
	}
	id := other.say(t, "the other has room")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node to go on", func() bool { _, ok, err := n.Message(t.Context(), id); return ok && err == nil })
	n.say(t, "after")
	for _, n := range []*node{n, other} {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
