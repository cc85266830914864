package parleytest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// Offer is a word that a shell offers at Tab, and the help that it shows with it; bash shows none.
type Offer struct{ Word, Help string }

// Shell is a bash, zsh or fish that has read a completion script.
type Shell struct {
	t      testing.TB
	name   string
	path   string
	dir    string
	script string
	typed  *os.File      // the terminal
	told   *os.File      // what the shell tells on its descriptor 3
	lines  *bufio.Reader // of told
	mu     sync.Mutex
	shown  bytes.Buffer // what stands on the terminal, for the log
}

// Each shell tells on descriptor 3 what its completion offers, "offer TAB word TAB help", and at Ctrl-O its line as it is then,
// "line TAB text", which it empties.
var shellSetup = map[string]string{
	"bash": `
source "$SCRIPT"
[[ $(complete -p "$PROGRAM") =~ -F\ ([^ ]+) ]] && completer=${BASH_REMATCH[1]}
spy() {
    "$completer" "$@"
    ((${#COMPREPLY[@]} == 0)) || printf 'offer\t%s\t\n' "${COMPREPLY[@]}" >&3
}
complete -F spy "$PROGRAM"
tell() { printf 'line\t%s\n' "$READLINE_LINE" >&3; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\C-o": tell'
PROMPT_COMMAND='echo ready >&3'
`,
	"zsh": `
fpath=("${SCRIPT:h}" $fpath)
autoload -U compinit && compinit -u -D
compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return
    fi
    local -a _hits _shown
    local _i
    if (( ${@[(I)-d]} )); then
        _i=${@[${@[(i)-d]}+1]}
        _shown=("${(@P)_i}")
    fi
    builtin compadd -A _hits -D _shown "$@"
    for (( _i = 1; _i <= $#_hits; _i++ )); do
        print -r -u3 -- offer$'\t'$_hits[_i]$'\t'${_shown[_i]#*-- }
    done
    builtin compadd "$@"
}
tell() { print -r -u3 -- line$'\t'$BUFFER; BUFFER= }
zle -N tell
bindkey '^O' tell
bindkey '^I' complete-word
LISTMAX=10000
precmd() { echo ready >&3 }
`,
}

// StartShell starts the shell of this name, bash, zsh or fish, in the directory dir, with the completion script for program. The test
// is skipped where there is no such shell.
func StartShell(t testing.TB, name, program, script, dir string) *Shell {
	t.Helper()
	s := &Shell{t: t, name: name, path: Need(t, name), dir: dir, script: filepath.Join(t.TempDir(), "_"+program)}
	if err := os.WriteFile(s.script, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if name == "fish" { // it needs no terminal to complete
		return s
	}
	home := t.TempDir()
	setup := filepath.Join(home, ".zshrc") // bash is told its name
	if err := os.WriteFile(setup, []byte(shellSetup[name]), 0o600); err != nil {
		t.Fatal(err)
	}
	args := map[string][]string{"bash": {"--noprofile", "--rcfile", setup, "-i"}, "zsh": {"-d", "-i"}}[name]
	cmd := exec.Command(s.path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "ZDOTDIR="+home, "TERM=xterm", "HISTFILE=", "INPUTRC=/dev/null", "LC_ALL=C.UTF-8",
		"SCRIPT="+s.script, "PROGRAM="+program)
	told, tells, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{tells}
	s.typed, err = pty.StartWithSize(cmd, &pty.Winsize{Rows: 500, Cols: 1000})
	tells.Close()
	if err != nil {
		t.Fatal(err)
	}
	s.told, s.lines = told, bufio.NewReader(told)
	read := make(chan struct{})
	go s.show(read)
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		s.typed.Close()
		<-read
		told.Close()
	})
	if line := s.next(); line != "ready" {
		t.Fatalf("%s begins with %q:\n%s", name, line, s.terminal())
	}
	return s
}

// show takes what the shell writes to its terminal, so that it never waits; its end is told on read.
func (s *Shell) show(read chan<- struct{}) {
	defer close(read)
	buf := make([]byte, 4096)
	for {
		n, err := s.typed.Read(buf)
		s.mu.Lock()
		s.shown.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *Shell) terminal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// next is the next line on descriptor 3.
func (s *Shell) next() string {
	s.t.Helper()
	s.told.SetReadDeadline(time.Now().Add(Patience))
	line, err := s.lines.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%s tells nothing: %v; its terminal:\n%s", s.name, err, s.terminal())
	}
	return strings.TrimSuffix(line, "\n")
}

// Complete types line and Tab, and returns what the shell offers, and what the line is then. Fish does not tell the line, and bash
// does not tell which files it offers; with a single one, the line does.
func (s *Shell) Complete(line string) (offers []Offer, after string) {
	s.t.Helper()
	if s.name == "fish" {
		return s.completeFish(line), ""
	}
	if _, err := s.typed.WriteString(line + "\t\x0f"); err != nil {
		s.t.Fatal(err)
	}
	for {
		kind, rest, _ := strings.Cut(s.next(), "\t")
		switch kind {
		case "offer":
			word, help, _ := strings.Cut(rest, "\t")
			offers = append(offers, Offer{word, help})
		case "line":
			return offers, rest
		}
	}
}

func (s *Shell) completeFish(line string) (offers []Offer) {
	s.t.Helper()
	cmd := exec.Command(s.path, "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", s.script, line)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(s.script), "LC_ALL=C.UTF-8")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if complaint.Len() > 0 { // nothing to offer is a failure for fish
		s.t.Fatalf("fish: %v\n%s", err, &complaint)
	}
	for row := range strings.Lines(string(out)) {
		word, help, _ := strings.Cut(strings.TrimSuffix(row, "\n"), "\t")
		offers = append(offers, Offer{word, help})
	}
	return offers
}
