package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"parley/auth"
	"parley/auth/authtest"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
	"parley/internal/store/storetest"
	"parley/internal/stream"
)

// nats is a server for all tests, each with a stream of its own.
var nats = sync.OnceValues(func() (*server.Server, error) {
	dir, err := os.MkdirTemp("", "parley-nats-")
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(parleytest.Patience) {
		return nil, errors.New("nats-server does not start")
	}
	natsRuns.Store(true)
	return s, nil
})

// stopNATS ends the server, if a test has started it.
func stopNATS() {
	if natsRuns.Load() {
		s, _ := nats()
		dir := s.StoreDir()
		s.Shutdown()
		os.RemoveAll(filepath.Dir(dir))
	}
}

var natsRuns atomic.Bool

func openStream(t testing.TB, name string, first uint64) *stream.Stream {
	t.Helper()
	server, err := nats()
	if err != nil {
		t.Fatal(err)
	}
	s, err := stream.Open(context.Background(), stream.Options{Servers: server.ClientURL(), Name: name, Replicas: 1, First: first, Wait: parleytest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// node is a store that follows a stream.
type node struct {
	*store.Store
	stream *stream.Stream
}

func (n *node) Close() error { return errors.Join(n.Store.Close(), n.stream.Close()) }

// streamOf names a stream by what it is for.
func streamOf(of string) string { return fmt.Sprintf("t%x", sha256.Sum256([]byte(of)))[:16] }

// openNode opens dir as a node of the stream, and brings it to the stream's end.
func openNode(t testing.TB, dir, name string, opts store.Options) *node {
	t.Helper()
	n := &node{stream: openStream(t, name, 0)}
	opts.Stream = n.stream
	n.come(t, dir, opts)
	return n
}

// come opens the store and brings it to the stream's end: again, where a machine that stood still has cost the connection.
func (n *node) come(t testing.TB, dir string, opts store.Options) {
	t.Helper()
	for give := time.Now().Add(parleytest.Patience); ; time.Sleep(50 * time.Millisecond) {
		var err error
		if n.Store, err = store.Open(context.Background(), dir, opts); err == nil {
			if err = n.CatchUp(t.Context(), func(uint64, uint64) {}); err == nil {
				break
			}
			n.Store.Close()
		}
		if !errors.Is(err, stream.ErrUnavailable) || time.Now().After(give) {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { n.Close() })
}

// say says text in the lobby, which must work: again, where a machine that stood still has cost the connection or the answer.
func (n *node) say(t testing.TB, text string) int64 {
	t.Helper()
	e := lobby(text)
	e.Key, e.KeyOwner = fmt.Sprint("say", saidKeys.Add(1)), e.Account
	for give := time.Now().Add(parleytest.Patience); ; time.Sleep(50 * time.Millisecond) {
		got, err := try(t, n.Store, e)
		if err == nil {
			return got.ID
		}
		if !errors.Is(err, chat.ErrUnavailable) || time.Now().After(give) {
			t.Fatal(err)
		}
	}
}

var saidKeys atomic.Int64

func startedNode(t testing.TB, name string, opts store.Options) *node {
	t.Helper()
	n := openNode(t, t.TempDir(), name, opts)
	n.Start(chattest.Each(func(chat.Entry) {}))
	return n
}

func TestLogOfCluster(t *testing.T) {
	t.Parallel()
	storetest.TestLog(t, func(t *testing.T, dir string) storetest.Log { return openNode(t, dir, streamOf(dir), store.Options{}) })
}

func TestAuthStoreOfCluster(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 3, 4, 6, 0, 0, 0, time.UTC) }
	authtest.TestStore(t, func(t *testing.T) auth.Store { return startedNode(t, streamOf(t.TempDir()), store.Options{Now: now}) })
}
