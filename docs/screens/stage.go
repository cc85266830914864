package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"parley/internal/tmux"
)

const (
	password = "five green plants in a row"
	// host is of this machine alone, and with a port of five digits as wide as the address that a picture shows instead.
	host     = "127.100.100.100"
	patience = 30 * time.Second
)

// stage is what a scene is played on: a server and people's terminals. What fails on it panics with a failure.
type stage struct {
	scene    *scene
	programs string // directory of parley and parleyd
	dir      string // of everything else
	server   *exec.Cmd
	ended    chan struct{} // closed when the server has
	addr     string
	screens  map[string]*tmux.Terminal
}

// failure is why a scene can't be played.
type failure string

func (f failure) Error() string { return string(f) }

// Helper implements tmux.Reporter.
func (s *stage) Helper() {}

// Fatalf implements tmux.Reporter.
func (s *stage) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func newStage(sc *scene, programs, dir string) *stage {
	return &stage{scene: sc, programs: programs, dir: dir, screens: make(map[string]*tmux.Terminal)}
}

// start makes certificates and accounts and waits for the server.
func (s *stage) start() {
	s.parleyd("", "certs", "--out", s.path("certs"), "--host", host)
	log, err := os.Create(s.path("log"))
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer log.Close()
	s.server = exec.Command(filepath.Join(s.programs, "parleyd"), "--listen", host+":0", "--data", s.path("data"), "--log-format", "json",
		"--cert", s.path("certs/server.pem"), "--key", s.path("certs/server-key.pem"), "--bcrypt-cost", "4")
	s.server.Stderr = log
	if err := s.server.Start(); err != nil {
		s.Fatalf("%v", err)
	}
	s.ended = make(chan struct{})
	go func() { // ends with the server, which close ends
		s.server.Wait()
		close(s.ended)
	}()
	s.addr = s.listening()
	for _, name := range s.scene.people {
		s.parleyd(password+"\n", "user", "add", name, "--data", s.path("data"))
	}
}

var listening = regexp.MustCompile(`"msg":"listening",.*"addr":"([^"]+)"`)

// listening waits for the server's address.
func (s *stage) listening() string {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		log, err := os.ReadFile(s.path("log"))
		if err != nil {
			s.Fatalf("%v", err)
		}
		if m := listening.FindSubmatch(log); m != nil {
			return string(m[1])
		}
		select {
		case <-s.ended:
			s.Fatalf("parleyd has ended:\n%s", log)
		default:
		}
		if time.Now().After(deadline) {
			s.Fatalf("parleyd does not listen:\n%s", log)
		}
	}
}

// parleyd runs one of its commands to the end.
func (s *stage) parleyd(stdin string, args ...string) {
	cmd := exec.Command(filepath.Join(s.programs, "parleyd"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("parleyd %s: %v\n%s", args[0], err, out)
	}
}

// open opens a client in a terminal. Its environment is the same on every machine.
func (s *stage) open(name string) *tmux.Terminal {
	home := s.path(name)
	if err := os.Mkdir(home, 0o700); err != nil {
		s.Fatalf("%v", err)
	}
	command := []string{filepath.Join(s.programs, "parley")}
	if !s.scene.first {
		command = slices.Concat(command, []string{"--ca", s.path("certs/ca.pem")}, s.scene.client, []string{name + "@" + s.addr})
	}
	x := tmux.Open(s, tmux.Options{
		Dir: home, Width: s.scene.width, Height: s.scene.height, Patience: patience,
		Env:     []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TZ=UTC", "COLORTERM=truecolor"},
		Command: exact(filepath.Join(home, "inner"), command),
	})
	s.screens[name] = x
	return x
}

// exact is the command by which the screen has every cell's colour. A tmux before 3.4 does not tell that of cells which the program has
// coloured by erasing them, as full-screen programs do with the rest of a line. So there is a second tmux between the program and
// the terminal: it draws such cells as blanks, since the terminal is none that it could erase in colour (bce). It ends with the terminal.
func exact(socket string, command []string) []string {
	return append([]string{
		"env", "-u", "TMUX", "tmux", "-u", "-f", "/dev/null", "-S", socket,
		"set-option", "-g", "status", "off", ";",
		"set-option", "-g", "prefix", "None", ";",
		"set-option", "-g", "destroy-unattached", "on", ";",
		"set-option", "-s", "escape-time", "0", ";",
		"set-option", "-s", "default-terminal", "tmux-256color", ";",
		"set-option", "-s", "terminal-features", "*:RGB", ";",
		"new-session", "--", "env",
	}, command...)
}

// look is somebody's screen as it is.
func (s *stage) look(name string) *shot {
	x := s.screens[name]
	p := &shot{title: "parley " + name + "@" + s.addr, about: s.scene.about, width: s.scene.width, height: s.scene.height}
	p.column, p.row, p.cursor = x.Cursor()
	p.lines = uv.NewStyledString(strings.TrimSuffix(x.Styled(), "\n")).Lines(ansi.GraphemeWidth)
	return p
}

// close ends everything that has been started.
func (s *stage) close() {
	for _, x := range s.screens {
		x.Close()
	}
	if s.ended == nil {
		return
	}
	s.server.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.server.Process.Kill()
		<-s.ended
	}
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }
