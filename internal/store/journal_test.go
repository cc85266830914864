package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/store"
)

// quiet is a log that nobody reads.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// crashed copies what a store's directory holds now, as if the process had been killed.
func crashed(t *testing.T, dir string) string {
	return copied(t, dir, "parley.db", "parley.db-wal", "parley.journal")
}

func copied(t *testing.T, dir string, files ...string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// running opens and starts the store in dir.
func running(t *testing.T, dir string) *store.Store {
	t.Helper()
	return runningWith(t, dir, store.Options{Log: quiet})
}

func runningWith(t *testing.T, dir string, opts store.Options) *store.Store {
	t.Helper()
	s := open(t, dir, opts)
	s.Start(chattest.Each(func(chat.Entry) {}))
	return s
}

// texts are what is in the lobby.
func texts(t *testing.T, s *store.Store) (list []string) {
	t.Helper()
	all, err := s.History(t.Context(), "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		list = append(list, m.Text)
	}
	return list
}

func sayAll(t *testing.T, s *store.Store, prefix string, n int) (list []string) {
	t.Helper()
	for i := range n {
		list = append(list, fmt.Sprint(prefix, " ", i))
		say(t, s, list[i])
	}
	return list
}

// TestJournalComesBack: what was acknowledged, and is in the journal alone, is there after a
// crash: read as before, found, its keys known; and what is said then follows it.
func TestJournalComesBack(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir)
	want := sayAll(t, s, "before", 20)
	keyed := lobby("with a key")
	keyed.Key, keyed.KeyOwner = "k", "alice"
	first, err := try(t, s, keyed)
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, keyed.Text)
	talk := chat.Entry{Kind: chat.Said, Account: "bob", Room: chat.Conversation("alice", "bob"), Text: "only for you"}
	if _, err := try(t, s, talk); err != nil {
		t.Fatal(err)
	}
	dir = crashed(t, dir)
	for range 2 { // the second time, from what the first one has kept
		s = running(t, dir)
		if got := texts(t, s); !slices.Equal(got, want) {
			t.Fatalf("the lobby holds %q, want %q", got, want)
		}
		again, err := try(t, s, keyed)
		if err != nil || again.ID != first.ID || !again.Time.Equal(first.Time) {
			t.Fatalf("the key answers %d at %v, want %d at %v (%v)", again.ID, again.Time, first.ID, first.Time, err)
		}
		if list, err := s.Find(t.Context(), "lobby", []string{"before", "7"}, 50); err != nil || len(list) != 1 || list[0].Text != "before 7" {
			t.Fatalf("found %v, %v", list, err)
		}
		list, err := s.History(t.Context(), talk.Room, chat.Range{Before: math.MaxInt64, Limit: 5})
		if err != nil || len(list) != 1 || list[0].User != "bob" || list[0].Text != talk.Text {
			t.Fatalf("the conversation holds %v, %v", list, err)
		}
		if id := say(t, s, "after"); id <= first.ID {
			t.Fatalf("after the crash the ids go on with %d, the last was %d", id, first.ID)
		}
		want = append(want, "after")
		dir = crashed(t, dir)
	}
}

// TestJournalTorn: a journal that was being written to when the power failed counts as far as it
// is whole; what stood behind never comes back, wherever later records end.
func TestJournalTorn(t *testing.T) {
	t.Parallel()
	opts := store.Options{Log: quiet, JournalBytes: 64 << 10} // each life allocates one anew
	for _, at := range []int{0, 3, 40, 41, 200, 700} {
		dir := t.TempDir()
		want := sayAll(t, runningWith(t, dir, opts), "the same length", 9)
		dir = crashed(t, dir)
		file := filepath.Join(dir, "parley.journal")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b[at] ^= 1
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var got []string
		for range 12 { // more than there were, one a life
			s := runningWith(t, dir, opts)
			now := texts(t, s)
			if got == nil {
				got = now
			}
			if !slices.Equal(now, got) || len(got) < len(want) && !slices.Equal(got, want[:len(got)]) {
				t.Fatalf("torn at %d: the lobby holds %q, want %q", at, now, got)
			}
			text := fmt.Sprint("the same length ", len(got)%10)
			say(t, s, text)
			got = append(got, text)
			dir = crashed(t, dir)
		}
	}
}

// TestJournalOfAnother: a journal is refused beside any database that it does not follow.
func TestJournalOfAnother(t *testing.T) {
	put := func(from, name, to string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(what, dir string) {
		t.Helper()
		os.Remove(filepath.Join(dir, "parley.db-wal"))
		_, err := store.Open(context.Background(), dir, store.Options{Log: quiet})
		if err == nil || !strings.Contains(err.Error(), "move parley.journal away") {
			t.Fatalf("%s: %v", what, err)
		}
	}
	dir := t.TempDir()
	s := running(t, dir)
	sayAll(t, s, "old", 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "parley.journal")); err == nil {
		t.Fatal("a store that was closed left a journal")
	}
	old := t.TempDir()
	put(dir, "parley.db", old)
	s = running(t, dir)
	sayAll(t, s, "new", 3)
	if err := s.IssueToken(t.Context(), auth.Token{Session: "s"}); err != nil { // what goes into the database
		t.Fatal(err)
	}
	sayAll(t, s, "newer", 3)
	later := crashed(t, dir)
	put(old, "parley.db", later)
	refused("an older copy", later)

	other := t.TempDir()
	open(t, other, store.Options{Log: quiet}).Close()
	put(other, "parley.db", later)
	refused("another database", later)
}

// TestSmallJournal: a journal that is full begins anew, and one message may be larger than it.
func TestSmallJournal(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, store.Options{Log: quiet, JournalBytes: 300})
	s.Start(chattest.Each(func(chat.Entry) {}))
	want := append(sayAll(t, s, "small", 30), strings.Repeat("large ", 100)+".")
	say(t, s, want[30])
	want = append(want, sayAll(t, s, "more", 3)...)
	if got := texts(t, s); !slices.Equal(got, want) {
		t.Fatalf("the lobby holds %q, want %q", got, want)
	}
	if got := texts(t, running(t, crashed(t, dir))); !slices.Equal(got, want) {
		t.Fatalf("after a crash the lobby holds %q, want %q", got, want)
	}
}

// TestLateReads: reads are the same whether messages are in the backlog, in blocks, or in rows of their own.
func TestLateReads(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir)
	var ids []int64
	for i := range 400 {
		e := lobby(fmt.Sprint("number ", i, " word", i%7))
		if i%3 == 0 {
			e.Room = "tea"
		}
		s.Append(e, func(e chat.Entry, err error) {
			if err != nil {
				t.Error(err)
			}
			ids = append(ids, e.ID)
		})
	}
	say(t, s, "last")
	look := func(s *store.Store) string {
		t.Helper()
		var b bytes.Buffer
		for _, room := range []string{"lobby", "tea", "nowhere"} {
			for at := 0; at < len(ids); at += 13 {
				list, err := s.History(t.Context(), room, chat.Range{After: ids[at], Before: ids[min(at+90, 399)], Limit: 20})
				if err != nil {
					t.Fatal(err)
				}
				first, err := s.Newest(t.Context(), room, ids[at], 1+at%60)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintln(&b, room, at, first, list)
			}
			for _, words := range [][]string{{"word3"}, {"number", "word2"}, {"1"}, {"word"}, {"!"}} {
				list, err := s.Find(t.Context(), room, words, 9)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintln(&b, room, words, list)
			}
		}
		return b.String()
	}
	late := look(s)
	if !strings.Contains(late, "number 399") && !strings.Contains(late, "number 398") {
		t.Fatalf("nothing was read:\n%s", late)
	}
	s.Close()
	db := raw(t, dir)
	var rows, most int
	if err := db.QueryRow(`SELECT count(*), max(length(more)) FROM messages`).Scan(&rows, &most); err != nil {
		t.Fatal(err)
	}
	if rows >= 400 || most == 0 {
		t.Errorf("%d rows: there are no blocks", rows)
	}
	db.Close()
	if blocks := look(running(t, dir)); blocks != late {
		t.Errorf("from the database, reads differ:\n%s\nfrom the backlog:\n%s", blocks, late)
	}
}

// TestPowerCut: the journal keeps what was committed without a sync, also where a refused write comes after it.
func TestPowerCut(t *testing.T) {
	dir, cut := t.TempDir(), t.TempDir()
	s := running(t, dir)
	copies := func(names ...string) {
		t.Helper()
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(cut, name), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	join := chat.Entry{Kind: chat.Joined, Account: "alice", Room: "one", Limits: chat.Limits{Rooms: 1}}
	if _, err := try(t, s, join); err != nil {
		t.Fatal(err)
	}
	copies("parley.db", "parley.db-wal") // all of these that is on disk from here on
	want := sayAll(t, s, "said", 5)
	if _, err := s.State(t.Context()); err != nil { // brings them into the database, without a sync
		t.Fatal(err)
	}
	join.Room = "two"
	if _, err := try(t, s, join); !errors.Is(err, chat.ErrTooManyRooms) {
		t.Fatalf("a room too many: %v", err)
	}
	want = append(want, sayAll(t, s, "next", 1)...)
	copies("parley.journal")
	if got := texts(t, running(t, cut)); !slices.Equal(got, want) {
		t.Fatalf("after the cut the lobby holds %q, want %q", got, want)
	}
}
