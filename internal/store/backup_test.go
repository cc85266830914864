package store_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/store"
)

// TestRestoreForeign: what this program never makes is not run, what lacks something is not taken, and nothing is left of either.
func TestRestoreForeign(t *testing.T) {
	for _, tt := range []struct{ done, says string }{
		{`CREATE TRIGGER t AFTER UPDATE ON log BEGIN UPDATE accounts SET admin = 1; END`, "not a database of this program"},
		{`CREATE VIEW v AS SELECT 1`, "not a database of this program"},
		{`DROP TABLE tokens`, "damaged, and nothing was restored: it lacks the table tokens"},
		{`DROP TABLE log`, "it lacks the table log"},
		{`ALTER TABLE accounts DROP COLUMN admin`, "it lacks the column accounts.admin"},
	} {
		dir, place := t.TempDir(), t.TempDir()
		if err := open(t, dir, store.Options{}).Close(); err != nil {
			t.Fatal(err)
		}
		file, restored := filepath.Join(place, "backup"), filepath.Join(place, "restored")
		if err := store.Backup(t.Context(), dir, file, false); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(tt.done); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Restore(t.Context(), file, restored); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.done, err)
		}
		if left, _ := filepath.Glob(filepath.Join(restored, "parley*")); len(left) != 0 {
			t.Errorf("%s: %q is left", tt.done, left)
		}
		if err := os.Rename(file, filepath.Join(dir, "parley.db")); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(tt.says, "not a") {
			continue
		}
		if found := inspect(t, dir); len(found.Faults) == 0 || !strings.Contains(tt.says, found.Faults[0]) {
			t.Errorf("%s: %q", tt.done, found.Faults)
		}
	}
}

// TestBackupOfNode: the backup of a cluster's node is that node again, and fetches what it lacks; it is no single server's database.
func TestBackupOfNode(t *testing.T) {
	stream := streamOf(t.Name())
	dir, place := t.TempDir(), t.TempDir()
	n := openNode(t, dir, stream, store.Options{})
	n.Start(ignored())
	n.say(t, "before")
	if err := n.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	file, restored := filepath.Join(place, "backup"), filepath.Join(place, "restored")
	if err := store.Backup(t.Context(), dir, file, false); err != nil {
		t.Fatal(err)
	}
	n.say(t, "after")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := store.Restore(t.Context(), file, restored)
	if err != nil || !r.Clustered {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := store.Open(t.Context(), restored, store.Options{}); !errors.Is(err, store.ErrClustered) {
		t.Errorf("as a single server's: %v", err)
	}
	n = openNode(t, restored, stream, store.Options{})
	wantHistory(t, n.Store, "before", "after")
}

// TestBackupOfMoved: what was brought into a stream has nothing to be restored.
func TestBackupOfMoved(t *testing.T) {
	dir, place := t.TempDir(), t.TempDir()
	s := open(t, dir, store.Options{})
	s.Start(ignored())
	say(t, s, "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	runScript(t, raw(t, dir), `UPDATE log SET seq = -1`)
	file := filepath.Join(place, "backup")
	if err := store.Backup(t.Context(), dir, file, false); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), file, filepath.Join(place, "restored")); !errors.Is(err, store.ErrMoved) {
		t.Errorf("restored: %v", err)
	}
}

// TestBackupInterrupted leaves nothing, and the earlier one as it was.
func TestBackupInterrupted(t *testing.T) {
	dir, place := t.TempDir(), t.TempDir()
	s := open(t, dir, store.Options{})
	s.Start(ignored())
	say(t, s, "x")
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(place, "backup")
	if err := os.WriteFile(file, []byte("the earlier one"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := store.Backup(ctx, dir, file, true); !errors.Is(err, context.Canceled) {
		t.Errorf("backup: %v", err)
	}
	names, err := os.ReadDir(place)
	if err != nil || len(names) != 1 {
		t.Errorf("there is %v, %v", names, err)
	}
	if b, err := os.ReadFile(file); string(b) != "the earlier one" {
		t.Errorf("it is %q, %v", b, err)
	}
}

// TestBackupWhileWritten: writers do not have a backup begin anew, and it is of one moment: of messages said one after another, it has
// the first ones and no later ones.
func TestBackupWhileWritten(t *testing.T) {
	dir, place := t.TempDir(), t.TempDir()
	s := open(t, dir, store.Options{CheckpointPages: 50, Log: quiet})
	s.Start(ignored())
	var last int64
	for range 3000 {
		s.Append(lobby("a text that takes some room, so that there are many pages to be copied, and one step is not enough for all of them"),
			func(e chat.Entry, err error) {
				if err != nil {
					t.Error(err)
				}
			})
	}
	last = say(t, s, "the last one before")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default: // a transaction each
				s.Append(chat.Entry{Kind: chat.TopicSet, Account: "alice", Room: "lobby", Text: time.Now().String()}, func(chat.Entry, error) {})
				s.Append(lobby("meanwhile"), func(chat.Entry, error) {})
				time.Sleep(time.Millisecond)
			}
		}
	}()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(place, "backup")
	err := store.Backup(t.Context(), dir, file, false)
	close(stop)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(place, "restored")
	if _, err := store.Restore(t.Context(), file, restored); err != nil {
		t.Fatal(err)
	}
	r := open(t, restored, store.Options{})
	list, err := r.History(t.Context(), "lobby", chat.Range{After: last - 1, Before: math.MaxInt64, Limit: 500})
	if err != nil || len(list) == 0 || list[0].Text != "the last one before" {
		t.Fatalf("%d, %v", len(list), err)
	}
	all, err := s.History(t.Context(), "lobby", chat.Range{After: last - 1, Before: math.MaxInt64, Limit: len(list)})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range list {
		if all[i] != m {
			t.Fatalf("%d: %+v, in the server %+v", i, m, all[i])
		}
	}
}

func ignored() func([]chat.Outcome) { return chattest.Each(func(chat.Entry) {}) }
