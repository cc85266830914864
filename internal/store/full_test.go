package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/store"
)

// TestFullDisk runs testFullDisk in a mount namespace of its own, where a small
// file system can be mounted, if need be as root of a user namespace.
func TestFullDisk(t *testing.T) {
	if os.Getenv("PARLEY_TEST_MOUNT") == "1" {
		testFullDisk(t)
		t.Run("start", testStartOnFullDisk)
		t.Run("scrub", testScrubOnFullDisk)
		return
	}
	inNamespace(t)
}

// inNamespace runs the test once more, where it may mount.
func inNamespace(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "PARLEY_TEST_MOUNT=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, unix.EPERM) || strings.Contains(string(out), "--- SKIP"):
		missing(t, fmt.Sprintf("no file system may be mounted here: %v\n%s", err, out))
	case err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Fatalf("%v\n%s", err, out)
	}
}

// smallDisk mounts a file system of this many bytes.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	// What is mounted here must not be seen outside.
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("mode=0700,size=%d", bytes))
	}
	if err != nil {
		t.Skip("mount: ", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill leaves this many bytes of room and returns the file that takes the rest.
func fill(t *testing.T, dir string, room int) string {
	t.Helper()
	file := filepath.Join(dir, "filler")
	for {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		err := os.WriteFile(file, make([]byte, int(st.Bavail)*int(st.Bsize)-room), 0o600)
		if err == nil {
			return file
		}
		// The store brought a backlog into the database meanwhile.
		if !errors.Is(err, unix.ENOSPC) || os.Remove(file) != nil {
			t.Fatal(err)
		}
	}
}

// lines is a log's output, a line each.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(word string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), word)
}

// testFullDisk fills the disk under a store, with messages said one by one and
// with many under way, and gives it room again. Nothing is acknowledged but
// what is kept; reading goes on; writing does by itself once there is room;
// and each outage is logged once, however many writes fail.
func testFullDisk(t *testing.T) {
	for _, c := range []struct{ pages, flight int }{{0, 1}, {0, 100}, {10, 1}, {10, 100}} {
		t.Run(fmt.Sprintf("checkpoint at %d, %d in flight", c.pages, c.flight), func(t *testing.T) {
			dir := smallDisk(t, 16<<20)
			var log lines
			var now clock
			now.ms.Store(1767225600000)
			s := open(t, dir, store.Options{CheckpointPages: c.pages, Now: now.now, Log: slog.New(slog.NewTextHandler(&log, nil))})
			s.Start(chattest.Each(func(chat.Entry) {}))
			var all []acked
			for round := range 2 {
				filler := fill(t, dir, 64<<10)
				all = append(all, sayUntilFull(t, s, fmt.Sprint("round", round), c.flight)...)
				// The outage goes on for whatever has no room even where a
				// checkpoint lets the database's log begin again.
				large := strings.Repeat("! ", 3<<17)
				for range 2 {
					if _, err := try(t, s, lobby("unheard "+large)); !errors.Is(err, chat.ErrUnavailable) {
						t.Fatalf("with the disk full: %v", err)
					}
				}
				// A room made by what is rolled back is not taken for one that is there.
				fresh := chat.Entry{Kind: chat.Said, Account: "alice", Room: fmt.Sprint("fresh", round), Text: large}
				if _, err := try(t, s, fresh); !errors.Is(err, chat.ErrUnavailable) {
					t.Fatalf("in a new room, with the disk full: %v", err)
				}
				if err := s.IssueToken(t.Context(), auth.Token{Room: large}); !errors.Is(err, chat.ErrUnavailable) {
					t.Fatalf("a token with the disk full: %v", err)
				}
				if _, err := s.Find(t.Context(), "lobby", []string{"round0"}, 50); err != nil {
					t.Fatalf("search with the disk full: %v", err)
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				now.step(2 * time.Second) // an outage ends when writing has worked for a while
				text := fmt.Sprint("again", round)
				all = append(all, acked{say(t, s, text), text})
				fresh.Text = "here"
				if _, err := try(t, s, fresh); err != nil {
					t.Fatal(err)
				}
				list, err := s.History(t.Context(), fresh.Room, chat.Range{Before: math.MaxInt64, Limit: 50})
				if err != nil || len(list) != 1 || list[0].Text != fresh.Text {
					t.Fatalf("the room that was made again holds %v, %v", list, err)
				}
				if n := log.count("level=ERROR msg=\"writing"); n != round+1 {
					t.Fatalf("round %d: %d outages were logged\n%s", round, n, log.buf.String())
				}
				if n := log.count("msg=\"writing to the database works again"); n != round+1 {
					t.Fatalf("round %d: %d ends of an outage were logged", round, n)
				}
			}
			if err := s.Err(); err != nil {
				t.Fatalf("a full disk was taken for a failed one: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d acknowledged", len(all))
			wantKept(t, dir, all)
			s = open(t, dir, store.Options{})
			if list, err := s.Find(t.Context(), "lobby", []string{"unheard"}, 50); err != nil || len(list) > 0 {
				t.Fatalf("what was refused is there: %d, %v", len(list), err)
			}
		})
	}
}

// sayUntilFull says messages, so many at once, until one is refused.
func sayUntilFull(t *testing.T, s *store.Store, prefix string, flight int) (list []acked) {
	t.Helper()
	var mu sync.Mutex
	var failed error
	window := make(chan struct{}, flight)
	for i := 0; ; i++ {
		window <- struct{}{}
		mu.Lock()
		stop := failed != nil
		mu.Unlock()
		if stop || i > 10000 {
			break
		}
		s.Append(lobby(fmt.Sprintf("%s-%d", prefix, i)), func(e chat.Entry, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
			} else {
				list = append(list, acked{e.ID, e.Text})
			}
			<-window
		})
	}
	for range flight - 1 {
		window <- struct{}{}
	}
	if !errors.Is(failed, chat.ErrUnavailable) {
		t.Fatalf("after %d messages on a full disk: %v", len(list), failed)
	}
	return list
}

// testStartOnFullDisk: what only the journal has can be read though the database has no room for it, and
// comes into the database when it has.
func testStartOnFullDisk(t *testing.T) {
	first := t.TempDir()
	s := running(t, first)
	var want []acked
	for i := range 20 {
		text := fmt.Sprint("number ", i, strings.Repeat(" x", 1500))
		want = append(want, acked{say(t, s, text), text})
	}
	talk := chat.Entry{Kind: chat.Said, Account: "bob", Room: chat.Conversation("alice", "bob"), Text: "for you"}
	if _, err := try(t, s, talk); err != nil {
		t.Fatal(err)
	}
	crash := crashed(t, first)
	dir := smallDisk(t, 12<<20)
	for _, name := range []string{"parley.db", "parley.db-wal", "parley.journal"} {
		b, err := os.ReadFile(filepath.Join(crash, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	filler := fill(t, dir, 64<<10)
	s = open(t, dir, store.Options{Log: quiet})
	state, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rooms := fmt.Sprint(state.Rooms)
	if !strings.Contains(rooms, fmt.Sprint("lobby ", want[19].id)) || !strings.Contains(rooms, "@alice@bob") {
		t.Errorf("the state is %s", rooms)
	}
	s.Start(chattest.Each(func(chat.Entry) {}))
	if got := texts(t, s); len(got) != 20 || got[19] != want[19].text {
		t.Errorf("%d messages can be read", len(got))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	want = append(want, acked{say(t, s, "room again"), "room again"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantKept(t, dir, want)
}
