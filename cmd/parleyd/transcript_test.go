package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestTranscripts replays the blocks marked "transcript" of docs/protocol.md,
// each against a server of its own with the flags beside the mark.
func TestTranscripts(t *testing.T) {
	page, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := transcriptBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("only %d transcripts in docs/protocol.md", len(blocks))
	}
	for i, block := range blocks {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			s := parleytest.Start(t, strings.Fields(block[1])...)
			s.User("alice", "--admin")
			s.User("bob")
			s.User("carol", "--invite")
			r := &replay{t: t, server: s, conns: make(map[string]*parleytest.Conn), values: make(map[string]string)}
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

// replay is one block on its way.
type replay struct {
	t      *testing.T
	server *parleytest.Server
	conns  map[string]*parleytest.Conn
	values map[string]string // of placeholders, by <name>
}

// line sends what a client says, or reads what the server must say.
func (r *replay) line(text string) {
	r.t.Helper()
	m := transcriptLine.FindStringSubmatch(text)
	if m == nil {
		r.t.Fatalf("%q is no line of a transcript", text)
	}
	c := r.conns[m[1]]
	if c == nil {
		c = r.server.Dial()
		r.conns[m[1]] = c
	}
	switch said := m[3]; {
	case m[2] == "C":
		c.Send(placeholder.ReplaceAllStringFunc(said, func(name string) string {
			value, known := r.values[name]
			if !known {
				r.t.Fatalf("%q: nothing was %s before", text, name)
			}
			return value
		}))
	case said == "(closed)":
		if lines, clean := c.Rest(); len(lines) > 0 || !clean {
			r.t.Fatalf("%q: instead of close_notify: %q, clean %t", text, lines, clean)
		}
	case parleytest.IsReply(said):
		r.match(text, said, c.Reply())
	default:
		r.match(text, said, c.Event())
	}
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
