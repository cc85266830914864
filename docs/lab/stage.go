package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"parley/internal/picture"
	"parley/internal/tmux"
)

// Cells of the recording: a head of three lines, two terminals at the right of a third, and the server's below, each under a line with its name.
const (
	width, height = 120, 32
	headHeight    = 3
	halfWidth     = 59 // and two columns between the halves
)

// pane is where a terminal is on the screen: its left upper corner, of the line with its name, and its size below that.
type pane struct {
	name, caption              string
	column, row, width, height int
}

var panes = []pane{
	{byHand, "carol, by hand", 0, headHeight, halfWidth, 18},
	{alice, "alice", halfWidth + 2, headHeight, halfWidth, 8},
	{bob, "bob", halfWidth + 2, headHeight + 9, halfWidth, 9},
	{server, "the server", 0, headHeight + 19, width, height - headHeight - 20},
}

// Of the recording's clock, which does not run while machines are slow: what is typed takes a person's time, and a wait is never long.
const (
	perKey    = 55 * time.Millisecond
	perLook   = 120 * time.Millisecond // while something is awaited
	afterLine = 500 * time.Millisecond
	patience  = 60 * time.Second // real time
)

// stage is what the script is played on: four terminals with a shell in each. What fails on it panics with a failure.
type stage struct {
	dir     string // of everything
	step    *step
	number  int // of the step, from 1
	of      int // steps
	screens map[string]*tmux.Terminal
	seen    map[string][]uv.Line // by pane, as last looked at
	clock   time.Duration        // since the step began
	frames  []picture.Frame      // of the step
	last    string               // of the frames, as text
}

// failure is why the script can't be played.
type failure string

func (f failure) Error() string { return string(f) }

// Helper implements tmux.Reporter.
func (s *stage) Helper() {}

// Fatalf implements tmux.Reporter.
func (s *stage) Fatalf(format string, args ...any) {
	panic(failure(fmt.Sprintf("step %d, %s, after %d frames: ", s.number, s.step.title, len(s.frames)) + fmt.Sprintf(format, args...)))
}

// serve is how the server is started: so that it can be killed by its number, and that who types by hand, on a slow machine, has the time to.
const serve = `#!/bin/sh
echo $$ >server.pid
exec parleyd --listen %s --login-timeout 1m --data data --cert certs/server.pem --key certs/server-key.pem
`

// open makes certificates and accounts with the programs in a directory, and opens the terminals.
func (s *stage) open(programs string) {
	addr := freeAddress()
	if err := os.WriteFile(filepath.Join(s.dir, "serve"), fmt.Appendf(nil, serve, addr), 0o700); err != nil {
		s.Fatalf("%v", err)
	}
	s.parleyd(programs, "", "certs", "--out", "certs", "--host", "127.0.0.1")
	for _, name := range []string{"alice", "bob", "carol"} {
		s.parleyd(programs, password+"\n", "user", "add", name, "--data", "data")
	}
	for _, p := range panes {
		home := filepath.Join(s.dir, p.name)
		if err := os.Mkdir(home, 0o700); err != nil {
			s.Fatalf("%v", err)
		}
		s.screens[p.name] = tmux.Open(s, tmux.Options{
			Dir: home, Width: p.width, Height: p.height, Patience: patience,
			Env:     []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + home, "TZ=UTC", "PS1=$ ", "SERVER=" + addr},
			Command: []string{"sh", "-c", `cd "$1" && exec bash --norc --noprofile`, "sh", s.dir},
		})
	}
}

// freeAddress is where a server may listen. Its port is none that the system gives by itself, so that nobody has it meanwhile.
func freeAddress() string {
	for {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(10000+rand.IntN(20000)))
		if free, err := net.Listen("tcp", addr); err == nil {
			free.Close()
			return addr
		}
	}
}

func (s *stage) parleyd(programs, stdin string, args ...string) {
	cmd := exec.Command(filepath.Join(programs, "parleyd"), args...)
	cmd.Dir, cmd.Stdin = s.dir, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("parleyd %s: %v\n%s", args[0], err, out)
	}
}

func (s *stage) close() {
	for _, x := range s.screens {
		x.Close()
	}
}

// look takes what is on some terminals, and a frame where that is new.
func (s *stage) look(names ...string) {
	for _, name := range names {
		s.seen[name] = uv.NewStyledString(strings.TrimSuffix(s.screens[name].Styled(), "\n")).Lines(ansi.GraphemeWidth)
	}
	screen := s.compose()
	var text strings.Builder
	for _, line := range screen.Lines {
		text.WriteString(line.Render() + "\n")
	}
	if text.String() != s.last {
		s.last = text.String()
		s.frames = append(s.frames, picture.Frame{At: s.clock, Screen: screen})
	}
}

func (s *stage) lookAll() {
	for _, p := range panes {
		s.look(p.name)
	}
}

// compose puts the terminals onto one screen.
func (s *stage) compose() *picture.Screen {
	screen := &picture.Screen{Title: "parley", Width: width, Height: height, About: s.step.title + ": " + s.step.shows}
	for range height {
		screen.Lines = append(screen.Lines, uv.NewLine(width))
	}
	head := fmt.Sprintf(" %2d/%d  %-*s", s.number, s.of, width-8, s.step.title)
	for y, styled := range []string{"\x1b[7;1m" + head + "\x1b[m", "\x1b[1mShows:\x1b[m  " + s.step.shows, "\x1b[1mProves:\x1b[m " + s.step.proves} {
		put(screen.Lines[y], 0, width, uv.NewStyledString(styled).Lines(ansi.GraphemeWidth)[0])
	}
	for _, p := range panes {
		caption := "── " + p.caption + " " + strings.Repeat("─", p.width-len(p.caption)-4)
		put(screen.Lines[p.row], p.column, p.width, uv.NewStyledString("\x1b[34m" + caption + "\x1b[m").Lines(ansi.GraphemeWidth)[0])
		for y, line := range s.seen[p.name] {
			if y < p.height {
				put(screen.Lines[p.row+1+y], p.column, p.width, line)
			}
		}
	}
	return screen
}

// put copies a line's cells into another, from a column on. All are one column wide, as the script's are.
func put(into uv.Line, column, width int, line uv.Line) {
	copy(into[column:column+width], line)
}

// text is what a pane shows, without what the terminal has wrapped.
func (s *stage) text(pane string) string {
	var b strings.Builder
	for _, line := range s.seen[pane] {
		b.WriteString(line.String() + "\n")
	}
	return b.String()
}

// play plays a script with the programs in a directory: the frames of each step, by a clock of its own.
func play(script []step, programs string) (steps [][]picture.Frame, err error) {
	dir, err := os.MkdirTemp("", "parley-lab-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := &stage{dir: dir, step: &script[0], of: len(script), screens: make(map[string]*tmux.Terminal), seen: make(map[string][]uv.Line)}
	defer func() {
		s.close()
		switch failed := recover().(type) {
		case nil:
		case failure:
			err = failed
		default:
			panic(failed)
		}
	}()
	s.open(programs)
	for i := range script {
		s.step, s.number, s.clock, s.frames, s.last = &script[i], i+1, 0, nil, ""
		s.lookAll()
		s.frames = slices.Delete(s.frames, 0, len(s.frames)-1) // one screen of all terminals
		for _, do := range script[i].acts {
			do(s)
		}
		s.lookAll()
		steps = append(steps, s.frames)
	}
	return steps, nil
}
