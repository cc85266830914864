package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// follower is a "parley tail" of the lobby from its beginning, as a process that can be stopped.
type follower struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd

	mu    sync.Mutex
	shown []message
	said  strings.Builder // to people
}

func follow(t *testing.T, s *parleytest.Server, name string) *follower {
	t.Helper()
	s.User(name)
	f := &follower{t: t, name: name}
	f.cmd = exec.Command(parleytest.Build(t, "parley"), "tail", name+"@"+s.Addr, "lobby", "--after", "0", "--json", "--ca", s.CA)
	f.cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_STATE_HOME=", "PARLEY_PASSWORD="+parleytest.Password)
	f.cmd.Stderr = &f.said
	out, err := f.cmd.StdoutPipe()
	if err == nil {
		err = f.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var m struct {
				ID               int64
				Time, User, Text string
			}
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				t.Errorf("%s shows %q", name, lines.Text())
			}
			f.mu.Lock()
			f.shown = append(f.shown, message{m.ID, m.Time, m.User, m.Text})
			f.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		f.cmd.Process.Kill()
		<-ended
		f.cmd.Wait()
		if t.Failed() {
			t.Logf("%s says to people: %s", name, f.said.String())
		}
	})
	return f
}

// all is what it has shown.
func (f *follower) all() []message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown[:len(f.shown):len(f.shown)]
}

// until waits until it has shown n messages.
func (f *follower) until(n int) []message {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("%s shows %d messages", f.name, n), func() bool { return len(f.all()) >= n || f.t.Failed() })
	return f.all()
}

// TestStoppedReaders: clients stopped by SIGSTOP in a busy room hold nobody up. Those that stay away are ended as
// slow, and miss nothing when they go on; those that stop for a moment are not ended at all.
func TestStoppedReaders(t *testing.T) {
	t.Parallel()
	rounds := 1
	if os.Getenv("PARLEY_SOAK") != "" {
		rounds = 20
	}
	const talkers = 4
	s := parleytest.Start(t, unlimited()...)
	book := newBook()
	book.pace = time.Millisecond // some megabytes a second
	book.filler = strings.Repeat("x", 1900) + " "
	long := []*follower{follow(t, s, "long0"), follow(t, s, "long1")}
	brief := follow(t, s, "brief")
	witness := hear(t, s, "witness")
	book.behind = func() bool { // the sockets hold some thousand messages, and who reads never has so many to read
		return book.len() > min(int(witness.count.Load()), len(brief.all()))+200
	}
	book.talkers(t, s, talkers)
	for round := range rounds {
		for _, f := range append(long, brief) {
			f.until(book.len())
			f.cmd.Process.Signal(syscall.SIGSTOP)
		}
		book.more(t, 10) // 20 KB, which the sockets hold
		brief.cmd.Process.Signal(syscall.SIGCONT)
		for _, f := range long {
			for before := book.len(); endedAsSlow(s, f.name) <= round; book.more(t, 100) {
				if book.len() > before+50000 { // the sockets between hold some megabytes
					t.Fatalf("%s never reads and is kept for ever", f.name)
				}
			}
		}
		book.more(t, 100)
		for _, f := range long {
			f.cmd.Process.Signal(syscall.SIGCONT)
		}
		book.more(t, 100)
	}
	book.end()
	kept := readAs(t, s, "brief")
	book.compare(t, kept)
	witness.compare(t, kept)
	for _, f := range append(long, brief) {
		if shown := f.until(len(kept)); !slices.Equal(shown, kept) {
			t.Errorf("%s shows %d messages, %d are kept, or they differ", f.name, len(shown), len(kept))
		}
	}
	if n := book.dropped(talkers); n != 0 || endedAsSlow(s, "brief") > 0 {
		t.Errorf("those who talked were cut off %d times, who was away for a moment %d times", n, endedAsSlow(s, "brief"))
	}
	t.Logf("%d followers stopped until they were ended, %d times; each shows all %d messages", len(long), rounds, len(kept))
}

// endedAsSlow is how many sessions of an account the server has ended since it did not read.
func endedAsSlow(s *parleytest.Server, name string) (n int) {
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, `"disconnected"`) && strings.Contains(line, `"user":"`+name+`"`) && strings.Contains(line, `"slow"`) {
			n++
		}
	}
	return n
}
