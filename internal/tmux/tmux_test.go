package tmux_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
	"parley/internal/tmux"
)

func open(t *testing.T, script string) *tmux.Terminal {
	t.Helper()
	return parleytest.OpenTmux(t, 40, 8, os.Environ(), "sh", "-c", script)
}

// What is typed, pressed and pasted reaches the program byte by byte.
func TestHand(t *testing.T) {
	for name, c := range map[string]struct {
		setup, want string
		act         func(x *tmux.Terminal)
	}{
		"text":        {"", "-l; Enter\\;$", func(x *tmux.Terminal) { x.Enter("-l; Enter\\;") }},
		"a semicolon": {"", ";$", func(x *tmux.Terminal) { x.Enter(";") }},
		"beyond ASCII": {"", "M-CM-<M-pM-^_M-^XM-^@$", func(x *tmux.Terminal) {
			x.Enter("ü😀")
		}},
		"keys":            {"stty -icrnl", "^[[1;3A^N^[[5~^M", func(x *tmux.Terminal) { x.Keys("M-Up", "C-n", "PPage", "Enter", "C-d", "C-d") }},
		"a click":         {"", "^[[<0;5;3M$", func(x *tmux.Terminal) { x.Enter("\x1b[<0;5;3M") }},
		"paste":           {"", "one$", func(x *tmux.Terminal) { x.Paste("one\n-two;\n") }},
		"bracketed paste": {`stty -icrnl; printf '\033[?2004h'`, "^[[200~one^M-two;^M^[[201~", func(x *tmux.Terminal) { x.Paste("one\n-two;\n"); x.Keys("C-d", "C-d") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, "stty -echo; "+c.setup+"\necho ready; cat -vE")
			x.Await("ready")
			c.act(x)
			x.Await(c.want)
		})
	}
}

// Everything that can be looked at is that of the program.
func TestEye(t *testing.T) {
	x := open(t, `printf 'first\033[31mred\033[0m\n'; read a; stty size; printf '\033[2;4H\033[?25l'; read b; exit 7;`)
	x.Await("firstred")
	if styled := x.Styled(); !strings.Contains(styled, "\x1b[31mred") {
		t.Errorf("the colour is missing: %q", styled)
	}
	x.AwaitWritten("first\x1b[31mred\x1b[0m\r\n")
	if !strings.HasPrefix(x.Written(), "first") {
		t.Errorf("the record begins with %q", x.Written())
	}
	if column, row, shown := x.Cursor(); column != 0 || row != 1 || !shown {
		t.Errorf("the cursor is at %d, %d, shown: %v", column, row, shown)
	}
	x.Resize(33, 5)
	x.Enter("")
	x.Await("5 33")
	x.AwaitScreen("the cursor stays", func(string) bool {
		column, row, shown := x.Cursor()
		return column == 3 && row == 1 && !shown
	})
	x.Set("focus-events", "on")
	x.Set("mouse", "on")
	x.Enter("")
	if code := x.End(); code != 7 {
		t.Errorf("the program ends with %d", code)
	}
	x.Await("firstred") // what it left
	x.AwaitWritten("\x1b[?25l")
	if written := x.Written(); strings.Contains(written, "ended") {
		t.Errorf("the record holds what the program did not write: %q", written)
	}
}

// What ends a program by a key or a signal does not end its terminal.
func TestSignal(t *testing.T) {
	if code := open(t, "kill -KILL $$").End(); code != 128+9 {
		t.Errorf("the program ends with %d", code)
	}
	x := open(t, "echo waiting; exec sleep 1000")
	x.Await("waiting")
	x.Keys("C-c")
	if code := x.End(); code != 128+2 {
		t.Errorf("the program ends with %d", code)
	}
	x.Await("waiting")
}

// failure is a Reporter that keeps what it is told.
type failure struct{ text string }

func (f *failure) Helper() {}
func (f *failure) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}

// What does not come is told with what there is instead, and what can't be started at all as well.
func TestFails(t *testing.T) {
	parleytest.Need(t, "tmux")
	fails := func(act func(f *failure), want ...string) {
		t.Helper()
		f := new(failure)
		defer func() {
			t.Helper()
			if recover() != f {
				t.Error("nothing fails")
			}
			for _, part := range want {
				if !strings.Contains(f.text, part) {
					t.Errorf("it says %q, without %q", f.text, part)
				}
			}
		}()
		act(f)
	}
	opts := tmux.Options{Dir: t.TempDir(), Width: 20, Height: 4, Env: os.Environ(), Command: []string{"echo", "nothing else"}, Patience: parleytest.Patience}
	fails(func(f *failure) {
		x := tmux.Open(f, opts)
		defer x.Close()
		x.Await("something")
	}, `"something" is not shown`, "the program has ended", "nothing else")
	opts.Dir = t.TempDir() + "/missing"
	fails(func(f *failure) { tmux.Open(f, opts) }, "tmux does not start", "missing")
}

// A program that ignores every signal it can does not outlive its terminal.
func TestClose(t *testing.T) {
	x := open(t, `trap '' HUP TERM INT; echo "pid $$."; while :; do sleep 1; done`)
	x.Await(".")
	_, after, _ := strings.Cut(x.Screen(), "pid ")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.Split(after, ".")[0]))
	if err != nil {
		t.Fatal(err)
	}
	x.Close()
	x.Close()
	for deadline := time.Now().Add(parleytest.Patience); running(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// running is false for what is gone, and for what nobody has waited for yet.
func running(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return syscall.Kill(pid, 0) == nil && !strings.Contains(string(stat), ") Z ")
}
