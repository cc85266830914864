package stream_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"parley/internal/stream"
)

// TestRestored: a stream that was put back to what it was, and went on another
// way from there, is not read on, however far it has got.
func TestRestored(t *testing.T) {
	for _, more := range []int{0, 5, 100} {
		t.Run(fmt.Sprint(more), func(t *testing.T) {
			node, backup := newRevenant(t), filepath.Join(t.TempDir(), "backup")
			s := node.open()
			for range 10 {
				must(t, s, "said", "both")
			}
			node.stop()
			if err := os.CopyFS(backup, os.DirFS(node.store)); err != nil {
				t.Fatal(err)
			}
			node.start()
			wait(t, "no leader", func() bool { _, _, err := s.Ends(t.Context()); return err == nil })
			entries, ended := follow(t, s, 1)
			for range 5 {
				must(t, s, "said", "old")
			}
			wait(t, "the end is not read", func() bool { return len(entries()) == 15 })
			node.stop()
			if err := os.RemoveAll(node.store); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(node.store, os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			node.start()
			if more > 0 {
				other := node.open()
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
