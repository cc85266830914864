package session_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"parley/protocol"
)

// walk goes through what a session was sent and what it answered, side by side: every line has exactly one reply, of the kind that this line
// can have, in the order of the lines; before a good HELLO there is nothing but ERROR; events are whole and in their order; BYE is last.
type walk struct {
	t       *testing.T
	out     []string // lines that came and were not looked at yet
	state   string   // fresh, invited or active
	events  []protocol.Event
	newest  int64 // the greatest id seen
	errors  int
	replies int
}

// form is what a command's fields may be, and the replies that it may have where they are good: what stands behind OK|, and codes.
type form struct {
	counts []int
	check  func(f []string) *protocol.Error
	ok     string
	codes  string
}

var forms = map[string]form{
	"HELLO":   {[]int{1, 2}, all(protocol.CheckName, protocol.CheckCharacters), `[0-9a-f]{8}-[0-9a-f-]{27}\|(pt1\.[\w-]{43})?\|(lobby|den)?`, "denied busy"},
	"MSG":     {[]int{1}, all(protocol.CheckText), `[1-9][0-9]*`, "not-member"},
	"EXIT":    {[]int{0}, all(), `bye`, ""},
	"JOIN":    {[]int{1, 2}, all(protocol.CheckName, word("locked")), `[a-z0-9._-]+\|[0-9]+\|[0-9]+`, "forbidden not-member"},
	"LEAVE":   {[]int{1}, all(protocol.CheckName), `[a-z0-9._-]+`, "not-member forbidden"},
	"SEND":    {[]int{3}, all(target, protocol.CheckKey, protocol.CheckText), `[1-9][0-9]*`, "not-member no-such-user forbidden"},
	"WHO":     {[]int{1, 2}, all(protocol.CheckName, protocol.CheckShownName), `([a-z0-9._~-]+(\|[a-z0-9._~-]+)*)?`, "not-member"},
	"LIST":    {[]int{0, 1, 2}, lists, `([@a-z0-9._-]+(:[0-9]+){1,3}(\|[@a-z0-9._-]+(:[0-9]+){1,3})*)?`, ""},
	"HISTORY": {[]int{1, 4}, all(target, direction, as(protocol.ParseID), as(protocol.ParseLimit)), `[0-9]+`, "not-member no-such-user forbidden"},
	"FIND":    {[]int{2}, all(target, protocol.CheckText), `[0-9]+`, "not-member no-such-user forbidden"},
	"SEEN":    {[]int{2}, all(target, as(protocol.ParseID)), `[@a-z0-9._-]+\|[0-9]+`, "not-member no-such-user forbidden"},
	"TOPIC":   {[]int{1, 2}, all(protocol.CheckName, topic), `.*`, "not-member forbidden"},
	"LOCK":    {[]int{1}, all(protocol.CheckName), `[a-z0-9._-]+`, "not-member forbidden"},
	"OPEN":    {[]int{1}, all(protocol.CheckName), `[a-z0-9._-]+`, "not-member forbidden"},
	"INVITE":  {[]int{2}, all(protocol.CheckName, protocol.CheckShownName), ``, "not-member no-such-user forbidden"},
	"EXPEL":   {[]int{2}, all(protocol.CheckName, protocol.CheckShownName), ``, "not-member no-such-user forbidden"},
	"DELETE":  {[]int{1}, all(as(protocol.ParseID)), `[0-9]+`, "forbidden"},
	"MUTE":    {[]int{2}, all(), ``, "forbidden bad-data"},
	"PASSWD":  {[]int{1}, all(), ``, "bad-text weak-password forbidden"},
	"EJECT":   {[]int{2}, all(), ``, "forbidden"},
	"PING":    {[]int{1}, all(protocol.CheckCharacters), ``, ""},
	"HELP":    {[]int{0}, all(), `HELLO|MSG|EXIT|JOIN|LEAVE|SEND|WHO|LIST|HISTORY|FIND|SEEN|TOPIC|LOCK|OPEN|INVITE|EXPEL|DELETE|MUTE|PASSWD|EJECT|PING|HELP`, ""},
}

// all checks each field that is there, in order.
func all(checks ...func(string) *protocol.Error) func([]string) *protocol.Error {
	return func(f []string) *protocol.Error {
		for i, check := range checks[:min(len(checks), len(f))] {
			if bad := check(f[i]); bad != nil {
				return bad
			}
		}
		return nil
	}
}

func as[T any](parse func(string) (T, *protocol.Error)) func(string) *protocol.Error {
	return func(s string) *protocol.Error { _, bad := parse(s); return bad }
}

var target = as(protocol.ParseTarget)

// lists is what LIST takes: the name to go on after, or * and such a name.
func lists(f []string) *protocol.Error {
	switch {
	case len(f) == 0:
		return nil
	case f[0] == "*":
		return all(word("*"), protocol.CheckName)(f)
	}
	return target(strings.Join(f, "|"))
}

func topic(s string) *protocol.Error {
	if s == "" {
		return nil
	}
	return protocol.CheckText(s)
}

func word(w string) func(string) *protocol.Error {
	return func(s string) *protocol.Error {
		if s == w {
			return nil
		}
		return &protocol.Error{Code: protocol.BadData}
	}
}

func direction(s string) *protocol.Error {
	if s == "after" || s == "before" {
		return nil
	}
	return &protocol.Error{Code: protocol.BadData}
}

var (
	forWeb      = regexp.MustCompile(`^([A-Za-z]+ \S+ HTTP/|(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) )`)
	whole       = regexp.MustCompile(`^([A-Z]{1,16})\|`)
	beforeEnter = []string{"PASSWD", "PING", "HELP", "EXIT"} // all that an invited account may
)

// expected is what line may be answered with, as a pattern, and whether the session ends by it.
func (w *walk) expected(l turn) (pattern string, ends bool) {
	m := whole.FindStringSubmatch(l.line)
	switch {
	case w.state == "fresh" && forWeb.MatchString(l.line):
		return refused("bad-format"), true
	case l.tooLong:
		return refused("too-long"), false
	case m == nil:
		return refused("bad-format"), false
	}
	command, data := m[1], l.line[len(m[0]):]
	form, known := forms[command]
	switch {
	case !utf8.ValidString(data):
		return refused("bad-text"), false
	case w.state == "fresh" && command != "HELLO":
		return refused("hello-first"), command == "EXIT"
	case w.state == "invited" && !slices.Contains(beforeEnter, command):
		return refused("password-change"), false
	case !known:
		return refused("unknown-command"), false
	case command == "HELLO" && w.state != "fresh":
		return refused("already-hello"), false
	}
	fields, bad := protocol.Fields(data, form.counts...)
	if bad == nil {
		bad = form.check(fields)
	}
	switch {
	case bad != nil:
		return refused(string(bad.Code)), false
	case command == "PING" || command == "HELP":
		return regexp.QuoteMeta("OK|" + form.ok + data), false
	case command == "EJECT": // nobody here is an admin
		return refused(form.codes), false
	case form.codes == "":
		return `OK\|` + form.ok, command == "EXIT"
	}
	return `OK\|` + form.ok + `|` + refused(form.codes), false
}

func refused(codes string) string {
	return `ERROR\|(` + strings.ReplaceAll(codes, " ", "|") + `)\|[^|]+.*`
}

func walkThrough(t *testing.T, sent []byte, out string) {
	w := &walk{t: t, state: "fresh"}
	if out != "" {
		w.out = strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	}
	lines, flood := turns(sent)
	ended := false
	for _, l := range lines {
		reply, more := w.reply()
		if !more {
			w.lastWord("too-many-errors", w.errors > errorBudget)
			return
		}
		var pattern string
		pattern, ended = w.expected(l)
		if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(reply) {
			t.Fatalf("line %d, %.200q, is answered %.200q, want %s", w.replies, l.line, reply, pattern)
		}
		w.replied(l.line, reply)
		if w.errors > errorBudget+errorsBack {
			t.Fatalf("%d lines were refused, and the session goes on", w.errors)
		}
		if ended {
			break
		}
	}
	if reply, more := w.reply(); more {
		t.Fatalf("%d lines, and one more reply: %q", w.replies, reply)
	}
	w.lastWord("flood", flood && !ended)
}

// reply takes the next reply, and the events before it.
func (w *walk) reply() (string, bool) {
	for len(w.out) > 0 && !strings.HasPrefix(w.out[0], "BYE|") {
		line := w.out[0]
		w.out = w.out[1:]
		if command, _, _ := strings.Cut(line, "|"); command == "OK" || command == "ERROR" {
			return line, true
		}
		if w.state == "fresh" {
			w.t.Fatalf("before HELLO: %q", line)
		}
		parsed, bad := protocol.Parse([]byte(line))
		if bad != nil {
			w.t.Fatalf("%q: %v", line, bad)
		}
		event, known, bad := protocol.ParseEvent(parsed)
		if !known || bad != nil {
			w.t.Fatalf("%q is no event: %v", line, bad)
		}
		w.events = append(w.events, event)
	}
	return "", false
}

// lastWord: what is left is a BYE with this code, or, where the server had no reason of its own, nothing.
func (w *walk) lastWord(code string, reason bool) {
	if reason && (len(w.out) != 1 || !strings.HasPrefix(w.out[0], "BYE|"+code+"|")) || !reason && len(w.out) != 0 {
		w.t.Fatalf("after %d replies, %d of them errors, at the end: %q", w.replies, w.errors, w.out)
	}
}

// replied takes in what a reply says of the session's state, and checks the events that stand before it.
func (w *walk) replied(line, reply string) {
	w.replies++
	command, data, _ := strings.Cut(line, "|")
	fields, ok := strings.CutPrefix(reply, "OK|")
	if !ok {
		w.errors++
	}
	answer := 0
	switch {
	case !ok:
	case command == "HELLO" && strings.HasSuffix(fields, "||"):
		w.state = "invited"
	case command == "HELLO", command == "PASSWD":
		w.state = "active"
	case command == "HISTORY" || command == "FIND":
		answer, _ = strconv.Atoi(fields)
	}
	if answer > len(w.events) {
		w.t.Fatalf("%q is answered %q after %d events", line, reply, len(w.events))
	}
	live, answered := w.events[:len(w.events)-answer], w.events[len(w.events)-answer:]
	for i, e := range answered {
		if target, _, _ := strings.Cut(data, "|"); e.Command != "MSG" || e.Room != target || i > 0 && e.ID <= answered[i-1].ID {
			w.t.Fatalf("%q is answered %q; message %d of it is %+v", line, reply, i, e)
		}
	}
	for _, e := range live {
		if e.Command == "MSG" {
			w.seen(e.ID, "an event")
		}
	}
	w.events = nil
	said := strings.SplitN(data, "|", 3)
	if ok && (command == "MSG" || command == "SEND" && said[1] == "") { // a key may be answered with an id of before
		id, _ := strconv.ParseInt(fields, 10, 64)
		w.seen(id, "the reply to a message")
	}
}

// seen: ids only grow, over events and replies together.
func (w *walk) seen(id int64, what string) {
	if id <= w.newest {
		w.t.Fatalf("%s has the id %d, after %d", what, id, w.newest)
	}
	w.newest = id
}
