package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// childDir, where set, makes the test binary a process that keeps messages in
// that directory and prints "ID TEXT" for each that was acknowledged.
const childDir = "PARLEY_TEST_STORE"

// exitFailed is the child's exit status after Failed.
const exitFailed = 3

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir, os.Getenv("PARLEY_TEST_RUN")))
	}
	code := m.Run()
	stopNATS()
	os.Exit(code)
}

// child says messages until it is killed or the store has failed; then it
// tries some more, all of which must be refused.
func child(dir, run string) int {
	s, err := store.Open(context.Background(), dir, store.Options{CheckpointPages: 20})
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	s.Start(chattest.Each(func(chat.Entry) {}))
	window := make(chan struct{}, 50)
	var wg sync.WaitGroup
	add := func(i int) {
		text := fmt.Sprint(run, "-", i)
		window <- struct{}{}
		wg.Add(1)
		s.Append(chat.Entry{Kind: chat.Said, Room: "lobby", Account: "alice", Text: text, Key: text, KeyOwner: "alice"},
			func(e chat.Entry, err error) {
				defer wg.Done()
				if err == nil {
					fmt.Println(e.ID, e.Text)
				}
				<-window
			})
	}
	for i := 0; ; i++ {
		select {
		case <-s.Failed():
			wg.Wait()
			fmt.Println("failed", s.Err())
			for j := range 100 {
				add(i + j)
			}
			wg.Wait()
			if s.Close() == nil {
				fmt.Println("close hid the failure")
			}
			return exitFailed
		default:
			add(i)
		}
	}
}

// acked is what a child acknowledged.
type acked struct {
	id   int64
	text string
}

// forks is held for reading while a store is open in this process that a child is to open later, or another has opened before: what is
// forked meanwhile has the locked file too, until it runs its program. A test that closes a store and opens it again is not run beside one
// that spawns.
var forks sync.RWMutex

// spawn runs the child under the given command words, until it ends or, where
// life is not 0, for that long after the first acknowledgement, then kill -9.
func spawn(t *testing.T, dir, run string, life time.Duration, words ...string) (list []acked, rest []string, code int) {
	t.Helper()
	return spawnUntil(t, dir, run, 1, life, words...)
}

// spawnUntil is spawn whose child lives for that long after so many acknowledgements.
func spawnUntil(t *testing.T, dir, run string, most int, life time.Duration, words ...string) (list []acked, rest []string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	words = append(words, self)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), childDir+"="+dir, "PARLEY_TEST_RUN="+run)
	// A group of its own: kill -9 of the words' program alone would let the child live on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	forks.Lock()
	err = cmd.Start()
	forks.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	kill := func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	limit := time.AfterFunc(2*parleytest.Patience, kill)
	defer limit.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var a acked
		if _, err := fmt.Sscanf(lines.Text(), "%d %s", &a.id, &a.text); err != nil {
			rest = append(rest, lines.Text())
			continue
		}
		if len(rest) > 0 {
			t.Errorf("%d was acknowledged after %q", a.id, rest)
		}
		if list = append(list, a); len(list) == most && life > 0 {
			defer time.AfterFunc(life, kill).Stop()
		}
	}
	cmd.Wait()
	return list, rest, cmd.ProcessState.ExitCode()
}

// wantKept wants what was acknowledged to be in the lobby's history, once, in
// order, with its id. What was not acknowledged may be there.
func wantKept(t *testing.T, dir string, want []acked) {
	t.Helper()
	forks.RLock()
	defer forks.RUnlock()
	s := open(t, dir, store.Options{})
	defer s.Close()
	texts := map[string]bool{}
	from, next := int64(0), 0
	for {
		list, err := s.History(t.Context(), "lobby", chat.Range{After: from, Before: math.MaxInt64, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, m := range list {
			if m.ID <= from {
				t.Fatalf("id %d after %d", m.ID, from)
			}
			from = m.ID
			if texts[m.Text] {
				t.Fatalf("%q is there twice", m.Text)
			}
			texts[m.Text] = true
			if next < len(want) && want[next].id == m.ID {
				if m.Text != want[next].text {
					t.Fatalf("%d is %q, was acknowledged as %q", m.ID, m.Text, want[next].text)
				}
				next++
			}
		}
	}
	if next != len(want) {
		t.Fatalf("%d of %d acknowledged messages are there, in order; the first missing: %+v", next, len(want), want[next])
	}
	db := raw(t, dir)
	defer db.Close()
	var check string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
		t.Fatalf("integrity: %q, %v", check, err)
	}
}

// soak returns the count for a short run, or the long one with PARLEY_SOAK=1.
func soak(short, long int) int {
	if os.Getenv("PARLEY_SOAK") == "1" {
		return long
	}
	return short
}

func TestKill(t *testing.T) {
	var dir string
	var all []acked
	for i := range soak(5, 200) {
		if i%20 == 0 { // what is there is read after each kill, so it must not grow too long
			dir, all = t.TempDir(), nil
		}
		life := time.Duration(rand.Int64N(int64(200 * time.Millisecond)))
		list, rest, _ := spawn(t, dir, fmt.Sprint("run", i), life+1)
		if len(list) == 0 || len(rest) > 0 {
			t.Fatalf("the child acknowledged %d messages and said %q", len(list), rest)
		}
		if n := len(all); n > 0 && list[0].id <= all[n-1].id {
			t.Fatalf("after a kill the ids go on with %d, the last was %d", list[0].id, all[n-1].id)
		}
		all = append(all, list...)
		wantKept(t, dir, all)
	}
}

// needs skips the test where a program is missing, and fails it in CI.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program+" is not installed")
	}
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// The journal, when the kernel's worker syncs it, and where there is none. SQLite has fsync.
const (
	byWorker = "io_submit"
	bySelf   = "fdatasync"
)

// TestFailedSync lets an fsync fail, once or from then on: of the journal (while something is said), of the
// write-ahead log (when the database is to keep what the journal has) or of the database (at a checkpoint).
func TestFailedSync(t *testing.T) {
	if parleytest.Race {
		t.Skip("it is about one goroutine, of a process that strace slows down already")
	}
	needs(t, "strace")
	for _, file := range []string{byWorker, bySelf, "parley.db-wal", "parley.db"} {
		for _, when := range []string{"1+", "5", "5+"} {
			t.Run(file+" "+when, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				before, rest, code := spawn(t, dir, "before", 50*time.Millisecond)
				if len(before) == 0 || len(rest) > 0 {
					t.Fatalf("without faults: %d acknowledged, %q, status %d", len(before), rest, code)
				}
				faults := []string{"-P", filepath.Join(dir, file), "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=" + when}
				switch file {
				case byWorker:
					faults = []string{"-e", "trace=io_submit", "-e", "inject=io_submit:error=EIO:when=" + when}
				case bySelf:
					faults = []string{"-e", "trace=io_setup,fdatasync", "-e", "inject=io_setup:error=ENOSYS", "-e", "inject=fdatasync:error=EIO:when=" + when}
				}
				list, rest, code := spawn(t, dir, "faulty", 0, append([]string{"strace", "-f", "-qq", "-o", os.DevNull}, faults...)...)
				if len(rest) == 1 && strings.Contains(rest[0], "PTRACE") {
					missing(t, "strace may not trace here")
				}
				// The first syncs of the log are of what the journal still had, before anything is said: as
				// many as that is long. Then the log that was left is moved into the database, and emptied; if one was.
				database := strings.HasPrefix(file, "parley.db")
				early := database && len(rest) == 1 && strings.HasPrefix(rest[0], "open: store: disk I/O error")
				said, want := "failed store: the disk", exitFailed
				if early {
					said, want = "open: store: disk I/O error", 1
				}
				if code != want || len(rest) != 1 || !strings.HasPrefix(rest[0], said) || file == "parley.db-wal" && when == "1+" && !early {
					t.Fatalf("status %d, want %d; it said %q", code, want, rest)
				}
				// Without a sync that succeeds, nothing is acknowledged.
				if none := early || when == "1+" && (file == byWorker || file == bySelf); none != (len(list) == 0) {
					t.Fatalf("%d were acknowledged before the fault", len(list))
				}
				wantKept(t, dir, append(before, list...))
				after, _, _ := spawn(t, dir, "after", 50*time.Millisecond)
				all := append(before, list...)
				if len(after) == 0 || after[0].id <= all[len(all)-1].id {
					t.Fatalf("after the fault: %d acknowledged", len(after))
				}
				wantKept(t, dir, append(all, after...))
			})
		}
	}
}

// TestNoRoomInJournal: where the disk has no room for a write to the journal either, though it
// was allocated, messages go into the database at once, and none is lost or twice there.
func TestNoRoomInJournal(t *testing.T) {
	needs(t, "strace")
	dir := t.TempDir()
	before, rest, _ := spawn(t, dir, "before", 50*time.Millisecond)
	if len(before) == 0 || len(rest) > 0 {
		t.Fatalf("without faults: %d acknowledged, %q", len(before), rest)
	}
	list, rest, _ := spawnUntil(t, dir, "faulty", 100, 1, "strace", "-f", "-qq", "-o", os.DevNull, "-P", filepath.Join(dir, "parley.journal"),
		"-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC:when=3+2")
	if len(rest) == 1 && strings.Contains(rest[0], "PTRACE") {
		missing(t, "strace may not trace here")
	}
	if len(list) < 100 || len(rest) > 0 {
		t.Fatalf("%d were acknowledged; it said %q", len(list), rest)
	}
	wantKept(t, dir, append(before, list...))
}
