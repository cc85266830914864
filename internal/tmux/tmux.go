package tmux

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Reporter is told where something can't go on; a *testing.T is one.
type Reporter interface {
	Helper()
	Fatalf(format string, args ...any) // does not return
}

// Options are what a terminal is made of.
type Options struct {
	Dir           string        // of the socket and the record, which nothing else uses; it must be there, be below 100 bytes long and hold no quote
	Width, Height int           // cells
	Env           []string      // of the program; TERM and the locale are the terminal's
	Command       []string      // the program and its arguments
	Patience      time.Duration // how long anything may take
}

// Terminal is a pane of a tmux server of its own. Its methods are for one goroutine, and tell the Reporter what fails.
type Terminal struct {
	r      Reporter
	opts   Options
	env    []string
	server *exec.Cmd
	said   bytes.Buffer  // by the server, to be read once it has ended
	ended  chan struct{} // closed when it has
}

// poll is how often it is looked whether something has come.
const poll = 20 * time.Millisecond

// keeper runs the program, puts its exit code into the terminal's title, behind all that the program wrote, and keeps the terminal open.
// Left to itself, tmux closes it when the program ends, and then may lose what was written last and how it ended. The traps are so that
// keys which end or stop the program leave the shell alone; the program does not inherit them.
const (
	keeper   = `trap : INT QUIT TSTP; "$@"; printf '\033]2;` + endTitle + `%d\033\\' $?; exec sleep 1000000`
	endTitle = "the program has ended with "
)

// Open starts the program. Close must be called, unless Open has told the Reporter.
func Open(r Reporter, opts Options) *Terminal {
	r.Helper()
	x := &Terminal{r: r, opts: opts, ended: make(chan struct{})}
	x.env = slices.DeleteFunc(slices.Clone(opts.Env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == "TMUX" || name == "TMUX_PANE" || name == "LANG" || strings.HasPrefix(name, "LC_")
	})
	x.env = append(x.env, "LC_ALL=C.UTF-8")
	// Without the daemon that tmux makes of itself, the server is a child and is waited for.
	x.server = x.command("-f", "/dev/null", "-D")
	x.server.Stdout, x.server.Stderr = &x.said, &x.said
	if err := x.server.Start(); err != nil {
		r.Fatalf("tmux: %v", err)
	}
	go func() { // ends with the server, which Close ends
		x.server.Wait()
		close(x.ended)
	}()
	if err := x.begin(); err != nil {
		x.Close()
		r.Fatalf("tmux does not start: %v\n%s", err, &x.said)
	}
	return x
}

// begin waits for the server and starts the program in it. It is one line of commands, so that the record holds the program's first byte.
func (x *Terminal) begin() error {
	settings := []string{
		"set-option", "-g", "status", "off", ";",
		"set-option", "-g", "default-terminal", "tmux-256color", ";",
		"set-option", "-g", "history-limit", "5000", ";",
		"new-session", "-d", "-x", strconv.Itoa(x.opts.Width), "-y", strconv.Itoa(x.opts.Height), "--",
		"sh", "-c", keeper, "sh",
	}
	for _, word := range x.opts.Command {
		settings = append(settings, literal(word))
	}
	settings = append(settings, ";", "pipe-pane", "-O", "exec cat >>'"+x.record()+"'")
	for deadline := time.Now().Add(x.opts.Patience); ; time.Sleep(poll) {
		if _, err := x.try(nil, "show-options", "-s"); err == nil {
			_, err := x.try(nil, settings...)
			return err
		}
		select {
		case <-x.ended:
			return errors.New("its server has ended")
		default:
		}
		if time.Now().After(deadline) {
			return errors.New("its server does not answer")
		}
	}
}

// literal keeps tmux from taking the semicolon at the end of an argument for the end of a command.
func literal(word string) string {
	if before, found := strings.CutSuffix(word, ";"); found {
		return before + `\;`
	}
	return word
}

func (x *Terminal) socket() string { return filepath.Join(x.opts.Dir, "tmux") }
func (x *Terminal) record() string { return filepath.Join(x.opts.Dir, "written") }

func (x *Terminal) command(args ...string) *exec.Cmd {
	// By -S, since with -L tmux goes to a directory that all of a user's servers share, where it does not like its own.
	cmd := exec.Command("tmux", append([]string{"-u", "-S", x.socket()}, args...)...)
	cmd.Env = x.env
	return cmd
}

// try gives tmux commands and returns what they print. -N: they start no server where there is none any more.
func (x *Terminal) try(stdin []byte, args ...string) (string, error) {
	cmd := x.command(append([]string{"-N"}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

func (x *Terminal) do(args ...string) string {
	x.r.Helper()
	out, err := x.try(nil, args...)
	if err != nil {
		x.r.Fatalf("%v", err)
	}
	return out
}

// Set sets one of tmux's options for the pane: "focus-events" or "mouse", "on" or "off".
func (x *Terminal) Set(option, value string) {
	x.r.Helper()
	x.do("set-option", "-g", option, value)
}

// End waits until the program has ended, and returns its exit code; 128 and the signal's number where one ended it. The screen stays.
func (x *Terminal) End() (code int) {
	x.r.Helper()
	x.until("the program does not end", func() (ended bool) {
		code, ended = x.state()
		return ended
	})
	return code
}

// state tells whether the program has ended, all that it wrote is on the screen, and with which exit code.
func (x *Terminal) state() (code int, ended bool) {
	x.r.Helper()
	said, found := strings.CutPrefix(strings.TrimSpace(x.do("display-message", "-p", "#{pane_title}")), endTitle)
	if !found {
		return 0, false
	}
	code, err := strconv.Atoi(said)
	if err != nil {
		x.r.Fatalf("tmux has %q for an exit code", said)
	}
	return code, true
}

// Close kills the program and what it has started, and ends the server. More than once is as good as once.
func (x *Terminal) Close() {
	if pid, err := x.try(nil, "display-message", "-p", "#{pane_pid}"); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(pid)); err == nil && n > 1 {
			syscall.Kill(-n, syscall.SIGKILL) // the pane's shell leads a group; a program that ignores SIGHUP would stay
		}
	}
	if _, err := x.try(nil, "kill-server"); err != nil {
		x.server.Process.Kill() // or it has ended
	}
	select {
	case <-x.ended:
	case <-time.After(x.opts.Patience):
		x.server.Process.Kill()
		<-x.ended
	}
}
