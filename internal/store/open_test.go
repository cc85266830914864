package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/store"
)

func TestModes(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o277} {
		t.Run(fmt.Sprintf("umask %03o", umask), func(t *testing.T) {
			parent := t.TempDir()
			defer syscall.Umask(syscall.Umask(umask))
			dir := filepath.Join(parent, "data")
			s := open(t, dir, store.Options{})
			s.Start(chattest.Each(func(chat.Entry) {}))
			say(t, s, "x") // makes the write-ahead log
			wantModes(t, dir, 4)
		})
	}
}

// wantModes wants dir to be 0700 and the files in it, at least n, 0600.
func wantModes(t *testing.T, dir string, n int) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		} else {
			files++
		}
		if err == nil && info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < n {
		t.Errorf("%d files, want at least %d", files, n)
	}
}

func TestModesAreTightened(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	open(t, dir, store.Options{}).Close()
	for _, name := range []string{"lock", "parley.db"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir, store.Options{}).Close()
	wantModes(t, dir, 2)
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, store.Options{})
	_, err := store.Open(t.Context(), dir, store.Options{})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("a second Open: %v, want ErrLocked that names the directory", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, store.Options{})
}

// TestOddNames: what a directory is called can't change which database is opened, or how.
func TestOddNames(t *testing.T) {
	for _, name := range []string{"a b", "a?mode=memory", "a#b", "50%41", "a&_pragma=synchronous(OFF)", "ü'\";"} {
		dir := filepath.Join(t.TempDir(), name)
		s := open(t, dir, store.Options{})
		s.Start(chattest.Each(func(chat.Entry) {}))
		say(t, s, "kept")
		s.Close()
		if _, err := os.Stat(filepath.Join(dir, "parley.db")); err != nil {
			t.Error(err)
		}
		wantHistory(t, open(t, dir, store.Options{}), "kept")
	}
}

// raw opens the database file behind the store's back.
func raw(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func runScript(t *testing.T, db *sql.DB, script string) {
	t.Helper()
	if _, err := db.Exec(script); err != nil {
		t.Fatal(err)
	}
}

func TestNewerIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, store.Options{}).Close()
	db := raw(t, dir)
	runScript(t, db, `PRAGMA user_version = 999`)
	db.Close()
	_, err := store.Open(t.Context(), dir, store.Options{})
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "999") {
		t.Fatalf("open: %v, want ErrNewer that says 999", err)
	}
	if _, err := store.Open(t.Context(), dir, store.Options{}); errors.Is(err, store.ErrLocked) {
		t.Fatal("a failed Open kept the lock")
	}
}

func TestForeignIsRefused(t *testing.T) {
	dir := t.TempDir()
	db := raw(t, dir)
	runScript(t, db, `CREATE TABLE log (x); PRAGMA user_version = 1`)
	db.Close()
	if _, err := store.Open(t.Context(), dir, store.Options{}); err == nil || !strings.Contains(err.Error(), "not a database of this program") {
		t.Fatalf("open of another program's database: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "parley.db"), []byte(strings.Repeat("not SQLite ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), dir, store.Options{}); err == nil {
		t.Fatal("a file that is no database was opened")
	}
}

// TestFirstSchema opens a database as the first version made it, with what it
// held, and wants everything there and new writes to work.
func TestFirstSchema(t *testing.T) {
	script, err := os.ReadFile("testdata/first.sql")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	db := raw(t, dir)
	runScript(t, db, string(script))
	db.Close()

	s := open(t, dir, store.Options{})
	s.Start(chattest.Each(func(chat.Entry) {}))
	state, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(state), "{[alice bob] [{lobby 8 1 []   false []} {tea 9 1 [alice]   false []} {@alice@bob 10 1 [alice bob]   false []}] "+
		// What was said before there were positions is unread to nobody.
		"[{alice lobby 8 1} {alice tea 9 1} {alice @alice@bob 10 1} {bob lobby 8 1} {bob @alice@bob 10 1}] map[]}"; got != want {
		t.Errorf("state %s, want %s", got, want)
	}
	a, err := s.Account(t.Context(), "alice")
	if err != nil || !a.Admin || string(a.Hash) != "$2a$04$alice" || a.Version != 1 || a.Made.UnixMilli() != 1767225600000 {
		t.Errorf("alice is %+v, %v", a, err)
	}
	tok, err := s.Token(t.Context(), [32]byte{1})
	if err != nil || tok.Account != "alice" || tok.Room != "tea" || tok.Session == "" || tok.Version != 4 {
		t.Errorf("her token is %+v, %v", tok, err)
	}
	wantHistory(t, s, "hello from the first version")
	for _, words := range []string{"FIRST version", "hello"} {
		list, err := s.Find(t.Context(), "lobby", strings.Fields(words), 50)
		if err != nil || len(list) != 1 || list[0].ID != 8 {
			t.Errorf("find %q: %v, %v", words, list, err)
		}
	}
	if id := say(t, s, "new"); id <= 10 {
		t.Errorf("the next id is %d, want one above 10", id)
	}
	wantHistory(t, s, "hello from the first version", "new")
}

// TestLinksAreNotFollowed: who could put a link where the store keeps a file must not
// have it write to another file, or change that one's mode.
func TestLinksAreNotFollowed(t *testing.T) {
	for _, name := range []string{"lock", "parley.db", "parley.journal"} {
		for _, target := range []string{"there", "missing"} {
			t.Run(name+" "+target, func(t *testing.T) {
				dir := t.TempDir()
				file := filepath.Join(t.TempDir(), target)
				if target == "there" {
					if err := os.WriteFile(file, nil, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				_, err := store.Open(t.Context(), dir, store.Options{})
				if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)+" is a symbolic link") {
					t.Errorf("open: %v", err)
				}
				info, err := os.Stat(file)
				if target == "missing" && err == nil || target == "there" && (err != nil || info.Mode() != 0o644 || info.Size() != 0) {
					t.Errorf("the file that it leads to: %v, %v", info, err)
				}
			})
		}
	}
}

func TestDirectoryOpenToEverybody(t *testing.T) {
	dir := t.TempDir()
	for mode, refused := range map[os.FileMode]bool{0o777: true, 0o777 | os.ModeSticky: true, 0o702: true, 0o775: false, 0o755: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), dir, store.Options{})
		if refused && (err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "chmod o-w")) || !refused && err != nil {
			t.Errorf("mode %v: %v", mode, err)
		}
		if err == nil {
			s.Close()
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if refused {
				t.Errorf("mode %v: %s was made", mode, f.Name())
			}
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
}
