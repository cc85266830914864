package main_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"parley/internal/parleytest"
)

// terminal is a pseudo-terminal with a program in it, and a person who types and looks.
type terminal struct {
	t      testing.TB
	cmd    *exec.Cmd
	master *os.File
	ended  chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	out     bytes.Buffer // every byte that the terminal was sent
	seen    int          // up to where expect has looked
}

// home is an environment of its own for client processes.
func home(t testing.TB) []string {
	return append(os.Environ(), "HOME="+t.TempDir(), "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "TERM=xterm-256color", "NO_COLOR=", "TZ=UTC", "PARLEY_PASSWORD=", "PARLEY_PLAIN=true")
}

func openTerminal(t testing.TB, env []string, args ...string) *terminal {
	t.Helper()
	term := &terminal{t: t, cmd: exec.Command(parleytest.Build(t, "parley"), args...), ended: make(chan struct{})}
	term.changed = sync.NewCond(&term.mu)
	term.cmd.Env = env
	master, err := pty.StartWithSize(term.cmd, &pty.Winsize{Rows: 40, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	term.master = master
	go func() {
		defer close(term.ended)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.out.Write(buf[:n])
			term.changed.Broadcast()
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		term.cmd.Process.Kill()
		master.Close()
		<-term.ended
		if t.Failed() {
			t.Logf("the terminal was sent %q", term.out.String())
		}
	})
	return term
}

// expect waits until text is shown, after what was expected before.
func (x *terminal) expect(text string) {
	x.t.Helper()
	x.expectOne(text)
}

// expectOne is expect for one of several texts: that which is shown first. Its index is returned.
func (x *terminal) expectOne(texts ...string) int {
	x.t.Helper()
	late := time.AfterFunc(parleytest.Patience, x.changed.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(parleytest.Patience)
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		first, at := -1, 0
		for n, text := range texts {
			if i := strings.Index(x.out.String()[x.seen:], text); i >= 0 && (first < 0 || i < at) {
				first, at = n, i
			}
		}
		if first >= 0 {
			x.seen += at + len(texts[first])
			return first
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("%q is not shown; after what came before there is %q", texts, x.out.String()[x.seen:])
		}
		x.changed.Wait()
	}
}

func (x *terminal) shown() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.out.String()
}

// enter types a line.
func (x *terminal) enter(line string) {
	x.t.Helper()
	if _, err := io.WriteString(x.master, line+"\r"); err != nil {
		x.t.Fatal(err)
	}
}

// end waits for the program's end, which must be with this code.
func (x *terminal) end(code int) {
	x.t.Helper()
	exited := make(chan error, 1)
	go func() {
		<-x.ended // the last bytes come first
		exited <- x.cmd.Wait()
	}()
	select {
	case <-exited:
	case <-time.After(parleytest.Patience):
		x.t.Fatal("the program does not end")
	}
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("the program ends with %d, want %d", got, code)
	}
}
