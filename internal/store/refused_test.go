package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
	"parley/internal/stream"
)

// manage is JetStream for an operator.
func manage(t *testing.T, s *stream.Stream) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	is, err := js.Stream(t.Context(), s.Name())
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// follows opens dir as a node, and says why it can't be one.
func follows(t *testing.T, dir string, s *stream.Stream) error {
	t.Helper()
	n, err := store.Open(t.Context(), dir, store.Options{Stream: s, Log: quiet})
	if err == nil {
		ctx, stop := context.WithTimeout(t.Context(), parleytest.Patience)
		defer stop()
		err = n.CatchUp(ctx, func(uint64, uint64) {})
		n.Close()
	}
	return err
}

// TestRefusedStreams has databases and streams that do not go together: each is refused, and nothing changes.
func TestRefusedStreams(t *testing.T) {
	remake := func(t *testing.T, s *stream.Stream, purged bool) *stream.Stream {
		is := manage(t, s)
		if purged {
			if err := is.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			return s
		}
		js, _ := jetstream.New(s.Conn())
		if err := js.DeleteStream(t.Context(), s.Name()); err != nil {
			t.Fatal(err)
		}
		return openStream(t, s.Name(), 0)
	}
	add := func(t *testing.T, s *stream.Stream, subject, data string) {
		acked := make(chan error, 1)
		s.Append(stream.Append{Subject: subject, Data: []byte(data)}, func(_ uint64, _ bool, err error) { acked <- err })
		if err := <-acked; err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream)
		want    error
		says    string
	}{
		{"another stream", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			return dir, openStream(t, s.Name()+"b", 0)
		}, store.ErrReplaced, "is not the one that the database follows"},
		{"made anew", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			s = remake(t, s, false)
			for range 20 {
				add(t, s, "said", `{"account":"alice","room":"lobby","text":"x"}`)
			}
			return dir, s
		}, store.ErrReplaced, "is not the one that the database follows"},
		{"purged", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			s = remake(t, s, true)
			return t.TempDir(), s
		}, store.ErrCut, "does not go back far enough"},
		{"purged while away", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			for range 3 {
				add(t, s, "said", `{"account":"alice","room":"lobby","text":"x"}`)
			}
			return dir, remake(t, s, true)
		}, store.ErrCut, "does not go back far enough"},
		{"put back", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			runScript(t, raw(t, dir), `UPDATE log SET seq = seq + 1, last_id = last_id + 1`)
			return dir, s
		}, store.ErrReplaced, "put back to an earlier state"},
		{"put back and gone on", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			runScript(t, raw(t, dir), `UPDATE log SET digest = x'00'`)
			return dir, s
		}, store.ErrReplaced, "put back to an earlier state"},
		{"single", func(t *testing.T, _ string, s *stream.Stream) (string, *stream.Stream) {
			single := t.TempDir()
			say(t, running(t, single), "alone")
			return crashed(t, single), s // the message is in the journal alone
		}, store.ErrSingle, "is a single server's"},
		{"without a stream", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) { return dir, nil },
			store.ErrClustered, "start with --nats"},
		{"an unknown kind", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			add(t, s, "said", `{"account":"alice","room":"lobby","text":"x"}`)
			add(t, s, "wonder", `{}`)
			return dir, s
		}, store.ErrNewer, `entries of the kind "wonder"`},
		{"an unknown part", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			add(t, s, "said", `{"account":"alice","room":"lobby","text":"x","colour":"red"}`)
			return dir, s
		}, store.ErrNewer, `newer version`},
		{"unknown rows", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			add(t, s, "rows", `{"table":"wonders","rows":[[1]]}`)
			return dir, s
		}, store.ErrNewer, `newer version`},
		{"half of a database", func(t *testing.T, dir string, s *stream.Stream) (string, *stream.Stream) {
			add(t, s, "moving", `{"identity":1,"id":1,"time":1}`)
			return dir, s
		}, store.ErrMigrating, "parleyd migrate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			n := openNode(t, dir, streamOf(dir), store.Options{Log: quiet})
			n.Start(chattest.Each(func(chat.Entry) {}))
			for i := range 5 {
				n.say(t, fmt.Sprint(i))
			}
			if err := n.Store.Close(); err != nil {
				t.Fatal(err)
			}
			at, s := c.prepare(t, dir, n.stream)
			var before []string
			_, err := os.Stat(filepath.Join(at, "parley.db"))
			if there := err == nil; there {
				before = tables(t, at)
			}
			err = follows(t, at, s)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("it says %q, want %q: %q", err, c.want, c.says)
			}
			if before != nil && c.name != "single" {
				wantLines(t, "tables", tables(t, at), before)
			}
		})
	}
}

// TestReplacedUnderNode: a node that runs, and whose stream is deleted or begins to be filled from a database, ends.
func TestReplacedUnderNode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(*testing.T, *node)
		want error
	}{
		{"made anew", func(t *testing.T, n *node) {
			js, _ := jetstream.New(n.stream.Conn())
			if err := js.DeleteStream(t.Context(), n.stream.Name()); err != nil {
				t.Fatal(err)
			}
			openStream(t, n.stream.Name(), 0)
		}, store.ErrReplaced},
		{"deleted", func(t *testing.T, n *node) {
			js, _ := jetstream.New(n.stream.Conn())
			if err := js.DeleteStream(t.Context(), n.stream.Name()); err != nil {
				t.Fatal(err)
			}
		}, store.ErrReplaced},
		{"filled", func(t *testing.T, n *node) {
			n.stream.Append(stream.Append{Subject: "moving", Data: []byte(`{"identity":1,"id":1,"time":1}`)}, func(uint64, bool, error) {})
		}, store.ErrMigrating},
		{"newer", func(t *testing.T, n *node) {
			n.stream.Append(stream.Append{Subject: "wonder", Data: []byte(`{}`)}, func(uint64, bool, error) {})
		}, store.ErrNewer},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := startedNode(t, streamOf(t.TempDir()), store.Options{Log: quiet})
			c.do(t, n)
			answers := make(chan error, 20)
			for i := range 20 {
				n.Append(lobby(fmt.Sprint(i)), func(_ chat.Entry, err error) { answers <- err })
			}
			select {
			case <-n.Failed():
			case <-time.After(parleytest.Patience):
				t.Fatal("it goes on")
			}
			if err := n.Err(); !errors.Is(err, c.want) {
				t.Fatalf("it ended because of %v, want %v", err, c.want)
			}
			for range 20 {
				select {
				case <-answers:
				case <-time.After(parleytest.Patience):
					t.Fatal("an append was left without an answer")
				}
			}
			if _, err := try(t, n.Store, lobby("late")); !errors.Is(err, chat.ErrUnavailable) {
				t.Fatalf("after the end: %v", err)
			}
		})
	}
}

// TestStrangers: what others put into the stream's subjects is passed over, also as the last entry.
func TestStrangers(t *testing.T) {
	w := newWorld(t, 1)
	w.people()
	for range 3 {
		if err := w.nodes[0].stream.Conn().Publish(w.name+".log.said", []byte("hello?")); err != nil {
			t.Fatal(err)
		}
	}
	w.nodes[0].stream.Conn().Flush()
	began := time.Now()
	if _, err := w.nodes[0].Token(t.Context(), [32]byte{7}); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("an unknown token: %v after %v", err, time.Since(began))
	}
	w.start(t.TempDir())
	w.settle()
	w.wantSame()
}

// TestRegistry changes accounts by the stream alone, beside nodes.
func TestRegistry(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, 1)
	r, err := store.NewRegistry(ctx, w.nodes[0].stream)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := r.Accounts(ctx); err != nil || len(list) > 0 {
		t.Fatalf("nobody is there: %v, %v", list, err)
	}
	var want []auth.Account
	for _, name := range []string{"a.b", "a", "a-b", "a.b.c"} {
		a := auth.Account{Name: name, Hash: []byte("x$"), Made: now(), Admin: name == "a"}
		if a.Version, err = r.Change(ctx, auth.Change{Account: a}); err != nil {
			t.Fatal(err)
		}
		want = append(want, a)
		if _, err = r.Change(ctx, auth.Change{Account: auth.Account{Name: name}}); !errors.Is(err, auth.ErrConflict) {
			t.Fatalf("made once more: %v", err)
		}
	}
	slices.SortFunc(want, func(a, b auth.Account) int { return strings.Compare(a.Name, b.Name) })
	same := func(when string) {
		t.Helper()
		for _, s := range []auth.Store{r, w.nodes[0]} {
			eventually(t, when, func() bool {
				list, err := s.Accounts(ctx)
				return err == nil && slices.EqualFunc(list, want, func(a, b auth.Account) bool { return fmt.Sprint(a) == fmt.Sprint(b) && a.Version == b.Version })
			})
		}
	}
	same("accounts that were made")
	for i := range want { // at the node and beside it in turn
		s := []auth.Store{r, w.nodes[0]}[i%2]
		a, err := s.Account(ctx, want[i].Name)
		if err != nil {
			t.Fatal(err)
		}
		a.Disabled, a.Hash = true, []byte("y")
		if a.Version, err = s.Change(ctx, auth.Change{Account: a, End: true, Reason: "disabled"}); err != nil {
			t.Fatal(err)
		}
		want[i] = a
	}
	same("accounts that were disabled")
	old := want[0]
	old.Version = 1
	for _, s := range []auth.Store{r, w.nodes[0]} {
		if _, err := s.Change(ctx, auth.Change{Account: old}); !errors.Is(err, auth.ErrConflict) {
			t.Fatalf("a change of an old state: %v", err)
		}
	}
	want[0].Removed = true
	if want[0].Version, err = r.Change(ctx, auth.Change{Account: want[0]}); err != nil {
		t.Fatal(err)
	}
	same("an account that was removed")
	if _, err := r.Account(ctx, "nobody"); !errors.Is(err, auth.ErrNotFound) {
		t.Fatalf("an account that is not there: %v", err)
	}
	w.settle()
	w.start(t.TempDir())
	w.settle()
	w.wantSame()
}
