package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestTranscripts replays the transcripts of docs/protocol.md and docs/bots.md.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	replayPage(t, (*parleytest.Server).Dial)
	if n := len(replayBlocks(t, "bots.md", (*parleytest.Server).Dial).answered); n < 4 {
		t.Errorf("only %d commands are shown in docs/bots.md", n)
	}
}

// TestTranscriptsOpenSSL replays them through `openssl s_client`, a process for
// each connection; with -v it prints what was typed and what was shown.
func TestTranscriptsOpenSSL(t *testing.T) {
	t.Parallel()
	parleytest.Need(t, "openssl")
	replayPage(t, (*parleytest.Server).OpenSSL)
}

// replayPage replays the blocks marked "transcript" of docs/protocol.md, each
// against a server of its own with the flags beside the mark. No command that
// the server has may be missing from them.
func replayPage(t *testing.T, dial func(*parleytest.Server) *parleytest.Conn) {
	all := replayBlocks(t, "protocol.md", dial)
	if len(all.commands) < 14 {
		t.Errorf("HELP| lists only %q", all.commands)
	}
	for _, command := range all.commands {
		if !all.answered[command] {
			t.Errorf("no transcript in docs/protocol.md shows %s answered by OK", command)
		}
	}
}

// replayBlocks replays those of one page of docs.
func replayBlocks(t *testing.T, name string, dial func(*parleytest.Server) *parleytest.Conn) *demonstrated {
	page, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	blocks := transcriptBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) == 0 {
		t.Fatalf("no transcripts in docs/%s", name)
	}
	all := &demonstrated{answered: make(map[string]bool)}
	for i, block := range blocks {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			s := parleytest.Start(t, strings.Fields(block[1])...)
			s.User("alice", "--admin")
			s.User("bob")
			s.User("carol", "--invite")
			r := &replay{t: t, server: s, dial: dial, all: all,
				conns: make(map[string]*parleytest.Conn), asked: make(map[string]string), values: make(map[string]string)}
			for line := range strings.Lines(block[2]) {
				r.line(strings.TrimSuffix(line, "\n"))
			}
			for name, c := range r.conns {
				if len(c.Events) > 0 {
					t.Errorf("%s got events that the page does not tell of: %q", name, c.Events)
				}
			}
		})
	}
	return all
}

var (
	transcriptBlock = regexp.MustCompile("(?ms)^```transcript(.*?)\n(.*?)^```$")
	transcriptLine  = regexp.MustCompile(`^(\S+) +([CS]): (.*)$`)
	placeholder     = regexp.MustCompile(`<([a-z]+)[0-9]*>`)
)

// placeholders are what each kind of <value> may be.
var placeholders = map[string]string{
	"session": `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
	"token":   `pt1\.[A-Za-z0-9_-]{43}`,
	"id":      `[1-9][0-9]*`,
	"time":    `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`,
}

// demonstrated is what all blocks together have shown.
type demonstrated struct {
	answered map[string]bool // commands that were answered by OK
	commands []string        // that the server has, by its own HELP
}

// replay is one block on its way.
type replay struct {
	t      *testing.T
	server *parleytest.Server
	dial   func(*parleytest.Server) *parleytest.Conn
	all    *demonstrated
	conns  map[string]*parleytest.Conn
	asked  map[string]string // the last command of each connection
	values map[string]string // of placeholders, by <name>
}

// line sends what a client says, or reads what the server must say.
func (r *replay) line(text string) {
	r.t.Helper()
	m := transcriptLine.FindStringSubmatch(text)
	if m == nil {
		r.t.Fatalf("%q is no line of a transcript", text)
	}
	name, said := m[1], m[3]
	c := r.conns[name]
	if c == nil {
		c = r.dial(r.server)
		r.conns[name] = c
	}
	switch {
	case m[2] == "C":
		line := r.fill(text, said)
		r.t.Logf("%-7s C: %s", name, line)
		r.asked[name], _, _ = strings.Cut(line, "|")
		c.Send(line)
	case said == "(closed)":
		if lines, clean := c.Rest(); len(lines) > 0 || !clean {
			r.t.Fatalf("%q: instead of close_notify: %q, clean %t", text, lines, clean)
		}
		r.t.Logf("%-7s S: (closed)", name)
	case parleytest.IsReply(said):
		got := c.Reply()
		r.match(text, said, got)
		r.t.Logf("%-7s S: %s", name, got)
		r.all.reply(r.asked[name], got)
	default:
		got := c.Event()
		r.match(text, said, got)
		r.t.Logf("%-7s S: %s", name, got)
	}
}

// reply notes what a command was answered.
func (s *demonstrated) reply(command, got string) {
	fields, ok := strings.CutPrefix(got, "OK|")
	if !ok {
		return
	}
	s.answered[command] = true
	if command == "HELP" {
		s.commands = strings.Split(fields, "|")
	}
}

// fill puts the values learned before in place of their names.
func (r *replay) fill(text, said string) string {
	r.t.Helper()
	return placeholder.ReplaceAllStringFunc(said, func(name string) string {
		value, known := r.values[name]
		if !known {
			r.t.Fatalf("%q: nothing was %s before", text, name)
		}
		return value
	})
}

// match compares a line with the page's and learns the values in it.
func (r *replay) match(text, want, got string) {
	r.t.Helper()
	pattern, open := strings.CutSuffix(want, "…")
	var names []string
	expr, from := "^", 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(pattern, -1) {
		name, kind := pattern[at[0]:at[1]], pattern[at[2]:at[3]]
		one := placeholders[kind]
		if value, known := r.values[name]; known {
			one = regexp.QuoteMeta(value)
		}
		expr += regexp.QuoteMeta(pattern[from:at[0]]) + "(" + one + ")"
		names = append(names, name)
		from = at[1]
	}
	expr += regexp.QuoteMeta(pattern[from:])
	if open {
		expr += ".+"
	}
	values := regexp.MustCompile(expr + "$").FindStringSubmatch(got)
	if values == nil {
		r.t.Fatalf("%q: the server said %q", text, got)
	}
	for i, name := range names {
		r.values[name] = values[i+1]
	}
}
