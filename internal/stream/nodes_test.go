package stream_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

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
	wait(t, 20*time.Second, "no leader of JetStream", func() bool {
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
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server is not ready")
	}
	return s
}

// freePort is one for a node that is stopped and started again. It lies below those that connections are given, which would
// take it meanwhile.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func wait(t testing.TB, long time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
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
	o := stream.Options{Servers: n.urls(), Replicas: len(n), Wait: 20 * time.Second}
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
	case <-time.After(10 * time.Second):
		t.Fatal("an append has no answer")
		panic("unreachable")
	}
}

// must says something that has to be kept.
func must(t testing.TB, s *stream.Stream, subject, data string) uint64 {
	t.Helper()
	a := say(t, s, stream.Append{Subject: subject, Data: []byte(data)})
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a.seq
}

// nobodyLeft wants no goroutine of a stream or its connection; the servers in this process have theirs.
func nobodyLeft(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 4<<20)
	wait(t, 5*time.Second, "a goroutine is left", func() bool {
		all := stacks[:runtime.Stack(stacks, true)]
		return !bytes.Contains(all, []byte("/nats%2ego.(*Conn)")) && !bytes.Contains(all, []byte("parley/internal/stream.("))
	})
}
