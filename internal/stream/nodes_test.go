package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"parley/internal/parleytest"
	"parley/internal/stream"
)

// nodes are NATS servers in this process.
type nodes []*natsserver.Server

// newNodes starts a server, or a cluster of so many, with JetStream, and waits until it has a leader.
func newNodes(t testing.TB, n int) nodes {
	t.Helper()
	var all nodes
	var routes []string // to those that are there; they tell each other of the others
	for i := range n {
		o := &natsserver.Options{
			ServerName: fmt.Sprintf("n%d", i+1), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30,
		}
		if n > 1 {
			o.Cluster = natsserver.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: -1}
			o.Routes = natsserver.RoutesFromStr(strings.Join(append(routes, "nats://127.0.0.1:1"), ",")) // one at least, where none is
		}
		s := startNode(t, o)
		all = append(all, s)
		if n > 1 {
			routes = append(routes, "nats://"+s.ClusterAddr().String())
		}
	}
	wait(t, "no leader of JetStream", func() bool {
		for _, s := range all {
			if n == 1 || s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == n {
				return true
			}
		}
		return false
	})
	return all
}

func startNode(t testing.TB, o *natsserver.Options) *natsserver.Server {
	t.Helper()
	s, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(parleytest.Patience) {
		t.Fatal("the NATS server is not ready")
	}
	return s
}

// revenant is a node that is stopped and started again with what it keeps in store; there is one way to it, wherever it listens then.
type revenant struct {
	t     testing.TB
	store string
	url   string
	addr  atomic.Value // a string
	node  *natsserver.Server
}

func newRevenant(t testing.TB) *revenant {
	t.Helper()
	r := &revenant{t: t, store: filepath.Join(t.TempDir(), "store")}
	r.url = "nats://" + parleytest.NewLink(t, func() string { return r.addr.Load().(string) }).Addr
	r.start()
	return r
}

func (r *revenant) start() {
	r.t.Helper()
	r.node = startNode(r.t, &natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: r.store})
	r.addr.Store(r.node.Addr().String())
}

func (r *revenant) stop() {
	r.addr.Store("127.0.0.1:1") // nobody listens there
	r.node.Shutdown()
	r.node.WaitForShutdown()
}

func (r *revenant) open() *stream.Stream {
	r.t.Helper()
	return nodes{r.node}.open(r.t, func(o *stream.Options) { o.Servers = r.url })
}

func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(parleytest.Patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: %s", parleytest.Patience, what)
		}
	}
}

func (n nodes) urls() string {
	var urls []string
	for _, s := range n {
		urls = append(urls, s.ClientURL())
	}
	return strings.Join(urls, ",")
}

// open opens the stream on these nodes, with as many replicas.
func (n nodes) open(t testing.TB, change ...func(*stream.Options)) *stream.Stream {
	t.Helper()
	o := stream.Options{Servers: n.urls(), Replicas: len(n), Wait: parleytest.Patience}
	for _, c := range change {
		c(&o)
	}
	s, err := stream.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

type acked struct {
	seq uint64
	dup bool
	err error
}

// say appends and waits for the answer.
func say(t testing.TB, s *stream.Stream, a stream.Append) acked {
	t.Helper()
	answer := make(chan acked, 1)
	s.Append(a, func(seq uint64, dup bool, err error) { answer <- acked{seq, dup, err} })
	select {
	case a := <-answer:
		return a
	case <-time.After(parleytest.Patience):
		t.Fatal("an append has no answer")
		panic("unreachable")
	}
}

// must says something that has to be kept: again, where a server that stood still has cost the connection or the answer.
func must(t testing.TB, s *stream.Stream, subject, data string) uint64 {
	t.Helper()
	entry := stream.Append{Subject: subject, ID: fmt.Sprint("must ", musts.Add(1)), Data: []byte(data)}
	for give := time.Now().Add(parleytest.Patience); ; time.Sleep(50 * time.Millisecond) {
		a := say(t, s, entry)
		if a.err == nil {
			return a.seq
		}
		if !errors.Is(a.err, stream.ErrUnavailable) || time.Now().After(give) {
			t.Fatal(a.err)
		}
		t.Logf("%q is said again, after %v", data, a.err)
	}
}

var musts atomic.Int64

// nobodyLeft wants no goroutine of a stream or its connection; the servers in this process have theirs.
func nobodyLeft(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 4<<20)
	wait(t, "a goroutine is left", func() bool {
		all := stacks[:runtime.Stack(stacks, true)]
		return !bytes.Contains(all, []byte("/nats%2ego.(*Conn)")) && !bytes.Contains(all, []byte("parley/internal/stream.("))
	})
}
