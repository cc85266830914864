package store_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// version4 is a new directory as a server of version 4 has left it that was killed: all of the database is in its write-ahead log
// still, and the last message in the journal alone.
func version4(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/version4.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(files)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wantVersion4 wants what that server had acknowledged: by number, but for what was taken back.
func wantVersion4(t *testing.T, s *store.Store) {
	t.Helper()
	for room, word := range map[string]string{"lobby": "lobby", "@alice@bob": "aside"} {
		list, err := s.History(t.Context(), room, chat.Range{Before: math.MaxInt64, Limit: 500})
		if err != nil || len(list) < 150 {
			t.Fatalf("%s: %d messages, %v", room, len(list), err)
		}
		for i, m := range list[:150] {
			want := fmt.Sprint(word, " number ", i)
			if m.ID == 13 {
				want = ""
			}
			if m.Text != want {
				t.Errorf("%s %d: %q, want %q", room, m.ID, m.Text, want)
			}
		}
		if last := list[len(list)-1].Text; room == "lobby" && last != "only in the journal" && !strings.HasPrefix(last, "run-") {
			t.Errorf("the last message is %q", last)
		}
	}
	state, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range state.Positions {
		if p.Account == "bob" && p.Room == "lobby" && p.Seen != 100 {
			t.Errorf("bob has read up to %d", p.Seen)
		}
	}
}

// copies are the names of what is kept of earlier versions.
func copies(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "parley.db.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		names = append(names, filepath.Base(n))
	}
	return names
}

// TestUpgrade: an older database is brought up to date with everything that was acknowledged, and a copy is kept of what it was.
func TestUpgrade(t *testing.T) {
	dir := version4(t)
	for _, old := range []string{"parley.db.v2", "parley.db.v4.123.part"} {
		if err := os.WriteFile(filepath.Join(dir, old), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	s := open(t, dir, store.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	wantVersion4(t, s)
	if got := copies(t, dir); len(got) != 1 || got[0] != "parley.db.v4" {
		t.Errorf("copies: %q", got)
	}
	if !strings.Contains(log.String(), "parley.db.v4") {
		t.Errorf("the log does not tell of the copy: %s", &log)
	}
	wantModes(t, dir, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The copy is a database that the old program can go on with.
	old := t.TempDir()
	if err := os.Rename(filepath.Join(dir, "parley.db.v4"), filepath.Join(old, "parley.db")); err != nil {
		t.Fatal(err)
	}
	var version, messages int
	var check string
	err := raw(t, old).QueryRow(`SELECT user_version, integrity_check, (SELECT count(*) FROM messages) FROM pragma_user_version, pragma_integrity_check`).
		Scan(&version, &check, &messages)
	if err != nil || version != 4 || check != "ok" || messages == 0 {
		t.Errorf("the copy: version %d, %q, %d rows, %v", version, check, messages, err)
	}
	s = open(t, dir, store.Options{})
	wantVersion4(t, s)
	if got := copies(t, dir); len(got) != 0 {
		t.Errorf("a database that is up to date was copied: %q", got)
	}
}

// TestCopyGoesWithWhatIsTakenBack: a copy that was kept for going back has the text that is taken back.
func TestCopyGoesWithWhatIsTakenBack(t *testing.T) {
	dir := version4(t)
	s := open(t, dir, store.Options{})
	s.Start(chattest.Each(func(chat.Entry) {}))
	if got := copies(t, dir); len(got) != 1 {
		t.Fatalf("copies: %q", got)
	}
	if _, err := try(t, s, chat.Entry{Kind: chat.Gone, Account: "alice", Room: "lobby", Message: 15}); err != nil {
		t.Fatal(err)
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := copies(t, dir); len(got) != 0 {
		t.Errorf("copies: %q", got)
	}
}

// TestNoRoomForCopy: without a copy nothing is migrated.
func TestNoRoomForCopy(t *testing.T) {
	dir := version4(t)
	var was, none unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	none = was
	none.Cur = 64 << 10
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), dir, store.Options{})
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err == nil || !strings.Contains(err.Error(), "is brought to 5 only when there is a copy of it") {
		t.Fatalf("open: %v", err)
	}
	if got := copies(t, dir); len(got) != 0 {
		t.Errorf("there is %q", got)
	}
	wantVersion4(t, open(t, dir, store.Options{}))
}

// TestKilledInMigration: a process that is killed at any write of an upgrade comes up again, with everything that was acknowledged.
func TestKilledInMigration(t *testing.T) {
	if parleytest.Race {
		t.Skip("it is about one goroutine, of a process that strace slows down already")
	}
	needs(t, "strace")
	for n := 1; ; n += max(1, n/3) {
		dir := version4(t)
		list, rest, _ := spawn(t, dir, "run", 10*time.Millisecond, "strace", "-f", "-qq", "-o", os.DevNull,
			"-e", "trace=pwrite64,fsync,fdatasync,rename", "-e", fmt.Sprintf("inject=pwrite64,fsync,fdatasync,rename:signal=KILL:when=%d", n))
		if len(rest) == 1 && strings.Contains(rest[0], "PTRACE") {
			missing(t, "strace may not trace here")
		}
		db, version := raw(t, dir), 0
		if err := db.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil {
			t.Fatal(err)
		}
		db.Close()
		s := open(t, dir, store.Options{})
		wantVersion4(t, s)
		// One that came to serve has removed it, since the server before it was killed after something was taken back.
		if got := copies(t, dir); version == 4 && (len(got) != 1 || got[0] != "parley.db.v4") {
			t.Errorf("killed at %d: copies %q", n, got)
		}
		s.Close()
		if len(list) > 0 {
			if n < 20 {
				t.Errorf("it was never killed in between: %d", n)
			}
			return
		}
		if n > 10000 {
			t.Fatal("it never came to serve", rest)
		}
	}
}

// TestNewerStays: what a later version wrote is left alone, its copies too.
func TestNewerStays(t *testing.T) {
	dir := version4(t)
	open(t, dir, store.Options{}).Close()
	runScript(t, raw(t, dir), `PRAGMA user_version = 999`)
	if _, err := store.Open(t.Context(), dir, store.Options{}); !errors.Is(err, store.ErrNewer) {
		t.Fatal(err)
	}
	if got := copies(t, dir); len(got) != 1 {
		t.Errorf("copies: %q", got)
	}
}
