package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/store"
)

func inspect(t *testing.T, dir string) *store.Inspection {
	t.Helper()
	found, err := store.Inspect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestInspect: a database is looked at while it is in use, and afterwards; nothing is made where there is none.
func TestInspect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := store.Inspect(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("the directory was made")
	}
	s := open(t, dir, store.Options{})
	s.Start(chattest.Each(func(chat.Entry) {}))
	fresh := inspect(t, dir)
	if fresh.LastID != 0 || !fresh.LastTime.IsZero() || fresh.Version == 0 || fresh.Version != fresh.Newest {
		t.Errorf("of a fresh one: %+v", fresh)
	}
	id := say(t, s, "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	found := inspect(t, dir)
	if found.LastID != id || time.Since(found.LastTime) > time.Hour || len(found.Faults) > 0 {
		t.Errorf("after the message %d: %+v", id, found)
	}
	if err := found.GoesWith(t.Context(), nil); err != nil {
		t.Errorf("a single server's does not go with no stream: %v", err)
	}
}

// TestInspectFaults: what is wrong is found, and what no server would open is refused as it would be there.
func TestInspectFaults(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	s.Start(chattest.Each(func(chat.Entry) {}))
	for range 200 {
		say(t, s, strings.Repeat("long ", 200))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	runScript(t, db, `PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version = 999`)
	if _, err := store.Inspect(t.Context(), dir); !errors.Is(err, store.ErrNewer) {
		t.Errorf("of a newer one: %v", err)
	}
	runScript(t, db, `PRAGMA user_version = 5; PRAGMA wal_checkpoint(TRUNCATE)`)
	db.Close()
	if found := inspect(t, dir); len(found.Faults) > 0 {
		t.Fatalf("it is whole: %q", found.Faults)
	}
	file := filepath.Join(dir, "parley.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for page := 1; (page+1)*4096 <= len(whole); page++ {
		damaged := bytes.Clone(whole)
		damaged[page*4096] ^= 0xff // the kind of page
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := store.Inspect(t.Context(), dir); err == nil && len(found.Faults) > 0 {
			told++
		}
	}
	if told < 3 {
		t.Errorf("of %d damaged pages %d were found", len(whole)/4096-1, told)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("not SQLite ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Inspect(t.Context(), dir); err == nil {
		t.Error("a file that is no database was found whole")
	}
}

// TestInspectOld: a database of the first version is looked at, and stays of that version.
func TestInspectOld(t *testing.T) {
	dir := t.TempDir()
	script, err := os.ReadFile("testdata/first.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	runScript(t, db, string(script))
	db.Close()
	for range 2 {
		if found := inspect(t, dir); found.Version != 1 || len(found.Faults) > 0 || found.GoesWith(t.Context(), nil) != nil {
			t.Errorf("%+v", found)
		}
	}
}

// TestInspectStream: a database goes with its own stream only, as for Open.
func TestInspectStream(t *testing.T) {
	w := newWorld(t, 1)
	node := w.nodes[0]
	node.say(t, "x")
	own, other := node.stream, openStream(t, streamOf(t.TempDir()), 0)
	if err := inspect(t, node.dir).GoesWith(t.Context(), own); err != nil {
		t.Errorf("with its own: %v", err)
	}
	for what, err := range map[string]error{
		"another's": unless(inspect(t, node.dir).GoesWith(t.Context(), other), store.ErrReplaced),
		"none":      unless(inspect(t, node.dir).GoesWith(t.Context(), nil), store.ErrClustered),
	} {
		if err != nil {
			t.Errorf("with %s stream: %v", what, err)
		}
	}
	single := t.TempDir()
	s := open(t, single, store.Options{})
	s.Start(chattest.Each(func(chat.Entry) {}))
	say(t, s, "x")
	if err := unless(inspect(t, single).GoesWith(t.Context(), own), store.ErrSingle); err != nil {
		t.Errorf("a single server's with a stream: %v", err)
	}
}

// unless is what is wrong about err, which should be want.
func unless(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return errors.Join(errors.New("not refused as it should be"), err)
}
