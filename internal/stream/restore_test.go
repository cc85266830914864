package stream_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"parley/internal/stream"
)

// TestRestored: a stream that was put back to what it was, and went on another
// way from there, is not read on, however far it has got.
func TestRestored(t *testing.T) {
	for _, more := range []int{0, 5, 100} {
		t.Run(fmt.Sprint(more), func(t *testing.T) {
			dir := t.TempDir()
			store, backup := filepath.Join(dir, "store"), filepath.Join(dir, "backup")
			o := &natsserver.Options{Host: "127.0.0.1", Port: freePort(t), NoSigs: true, NoLog: true, JetStream: true, StoreDir: store}
			node := startNode(t, o)
			stop := func() { node.Shutdown(); node.WaitForShutdown() }
			s := nodes{node}.open(t)
			for range 10 {
				must(t, s, "said", "both")
			}
			stop()
			if err := os.CopyFS(backup, os.DirFS(store)); err != nil {
				t.Fatal(err)
			}
			node = startNode(t, o)
			wait(t, 30*time.Second, "no leader", func() bool { _, _, err := s.Ends(t.Context()); return err == nil })
			entries, ended := follow(t, s, 1)
			for range 5 {
				must(t, s, "said", "old")
			}
			wait(t, 10*time.Second, "the end is not read", func() bool { return len(entries()) == 15 })
			stop()
			if err := os.RemoveAll(store); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(store, os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			node = startNode(t, o)
			if more > 0 {
				other := nodes{node}.open(t)
				for range more {
					other.Append(stream.Append{Subject: "said", Data: []byte("new")}, func(uint64, bool, error) {})
				}
				must(t, other, "said", "new")
			}
			mustEnd(t, ended, stream.ErrTruncated)
			for _, e := range entries() {
				if string(e.Data) == "new" {
					t.Fatalf("%+v was merged in", e)
				}
			}
		})
	}
}
