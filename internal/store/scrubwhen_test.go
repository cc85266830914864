package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// holds says whether a file of dir has the text.
func holds(t *testing.T, dir, text string) (where []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(bytes.ToLower(b), []byte(strings.ToLower(text))) {
			where = append(where, f.Name())
		}
	}
	return where
}

const secret = "Hunter2-Correct-Horse"

// tellSecret says it among other things and takes it back, but scrubs nothing.
func tellSecret(t *testing.T, s *store.Store) {
	t.Helper()
	say(t, s, "before")
	e, err := try(t, s, lobby("my password is "+secret+" "+secret))
	if err != nil {
		t.Fatal(err)
	}
	say(t, s, "after")
	if _, err := s.State(t.Context()); err != nil { // brings them into the database
		t.Fatal(err)
	}
	if _, err := try(t, s, goneOf(e)); err != nil {
		t.Fatal(err)
	}
}

func wantNoSecret(t *testing.T, dir string) {
	t.Helper()
	for _, word := range []string{secret, "hunter2", "correct", "password"} {
		if where := holds(t, dir, word); len(where) > 0 {
			t.Fatalf("%q is in %q", word, where)
		}
	}
}

// TestScrubAfterKill: what was taken back but not scrubbed before a kill leaves the files at the next start, whether
// that serves or only looks.
func TestScrubAfterKill(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir)
	tellSecret(t, s)
	crash := crashed(t, dir)
	again := crashed(t, dir)
	if where := holds(t, crash, "hunter2"); len(where) == 0 {
		t.Fatal("there is nothing to scrub")
	}
	s = running(t, crash)
	for deadline := time.Now().Add(parleytest.Patience); len(holds(t, crash, "hunter2")) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nobody scrubbed: %q", holds(t, crash, "hunter2"))
		}
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, crash)
	s = open(t, again, store.Options{Log: quiet})
	if err := s.Scrub(t.Context()); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("scrub before the start: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, again)
}

// TestScrubAtClose: who closes the store before anybody scrubs leaves nothing.
func TestScrubAtClose(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir)
	tellSecret(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, dir)
}

// TestScrubWithReader: a reader of an old state holds up the scrub, but no write; when it is gone, the scrub that
// nobody waited for any more is made up for.
func TestScrubWithReader(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir)
	say(t, s, "first")
	if _, err := s.State(t.Context()); err != nil {
		t.Fatal(err)
	}
	held, err := s.HoldReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.ExecContext(t.Context(), `BEGIN`); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := held.QueryRowContext(t.Context(), `SELECT count(*) FROM messages`).Scan(&n); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	tellSecret(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if err := s.Scrub(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("scrub with a reader of an old state: %v", err)
		}
	})
	for i := byte(0); ctx.Err() == nil; i++ {
		if err := s.IssueToken(t.Context(), auth.Token{Hash: [32]byte{i}}); err != nil { // a write of the database
			t.Fatal(err)
		}
		say(t, s, "meanwhile")
		time.Sleep(5 * time.Millisecond)
	}
	waiting.Wait()
	if len(holds(t, dir, "hunter2")) == 0 {
		t.Error("the reader held nothing up")
	}
	if _, err := held.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	held.Close()
	for deadline := time.Now().Add(parleytest.Patience); len(holds(t, dir, "hunter2")) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody made up for it")
		}
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, dir)
}

// TestScrubTogether: many take back at once, while others talk and read; each finds what was theirs gone when
// their scrub returns.
func TestScrubTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := running(t, dir)
	var all sync.WaitGroup
	done := make(chan struct{})
	var talking sync.WaitGroup
	talking.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				say(t, s, "words that stay")
				texts(t, s)
			}
		}
	})
	for i := range 10 {
		all.Go(func() {
			for j := range 5 {
				word := "secret" + string(rune('a'+i)) + "x" + string(rune('a'+j)) + "tail"
				e, err := try(t, s, lobby(word))
				if err == nil {
					_, err = try(t, s, goneOf(e))
				}
				if err == nil {
					err = s.Scrub(t.Context())
				}
				if err != nil {
					t.Error(err)
					return
				}
				if where := holds(t, dir, word); len(where) > 0 {
					t.Errorf("%s is in %q", word, where)
				}
			}
		})
	}
	all.Wait()
	close(done)
	talking.Wait()
}

// testScrubOnFullDisk: a scrub that finds no room fails, and is made up for when there is some.
func testScrubOnFullDisk(t *testing.T) {
	dir := smallDisk(t, 16<<20)
	s := open(t, dir, store.Options{Log: quiet})
	s.Start(chattest.Each(func(chat.Entry) {}))
	tellSecret(t, s)
	filler := fill(t, dir, 0)
	if err := s.Scrub(t.Context()); err != nil && !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("scrub on a full disk: %v", err)
	} else if err == nil {
		wantNoSecret(t, dir)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, dir)
	if err := s.Err(); err != nil {
		t.Fatalf("a full disk was taken for a failed one: %v", err)
	}
}

// plant leaves a text behind on a page of the database, as SQLite itself does.
func plant(t *testing.T, dir, text string) {
	t.Helper()
	db := raw(t, dir)
	defer db.Close()
	db.SetMaxOpenConns(1)
	runScript(t, db, `PRAGMA wal_autocheckpoint = 0; PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE`)
	rows, err := db.Query(`SELECT pgno, data FROM sqlite_dbpage`)
	if err != nil {
		t.Fatal(err)
	}
	number, into := 0, []byte(nil)
	for rows.Next() && into == nil {
		var n int
		var page []byte
		if err := rows.Scan(&n, &page); err != nil {
			t.Fatal(err)
		}
		if page[0] == 13 && page[3] == 0 && page[4] == 0 { // an empty table's
			copy(page[1000:], text)
			number, into = n, page
		}
	}
	rows.Close()
	if _, err := db.Exec(`UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`, into, number); err != nil || into == nil {
		t.Fatal(number, err)
	}
	runScript(t, db, `COMMIT`)
}

// TestScrubFollowsTheLog: what SQLite leaves behind after the first scrub is found by what the write-ahead log has
// changed, also where a checkpoint came between and the log has begun anew.
func TestScrubFollowsTheLog(t *testing.T) {
	t.Parallel()
	for _, checkpointed := range []bool{false, true} {
		dir := t.TempDir()
		s := open(t, dir, store.Options{Log: quiet, CheckpointPages: 1})
		s.Start(chattest.Each(func(chat.Entry) {}))
		for range 2 { // the second looks only at what is new
			tellSecret(t, s)
			if err := s.Scrub(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		plant(t, dir, secret)
		if checkpointed {
			// The applier brings what is said into the database in a while, and has a checkpoint.
			eventually(t, "a checkpoint moves it into the database's file alone", func() bool {
				say(t, s, "more")
				where := holds(t, dir, secret)
				return len(where) == 1 && where[0] == "parley.db"
			})
		}
		if where := holds(t, dir, secret); len(where) == 0 {
			t.Fatal("nothing was planted")
		}
		e, err := try(t, s, lobby("another"))
		if err == nil {
			_, err = try(t, s, goneOf(e))
		}
		if err == nil {
			err = s.Scrub(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		wantNoSecret(t, dir)
		s.Close()
	}
}
