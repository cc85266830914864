package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// unlimited are the flags for tests of anything but the limits, and more, of which the last counts. The waits are longer than any machine stands still.
func unlimited(more ...string) []string {
	return append([]string{"--msg-rate", "0", "--command-rate", "0", "--byte-rate", "0", "--errors", "0", "--login-rate", "0", "--log-rate", "0",
		"--handshake-timeout", "5m", "--login-timeout", "5m", "--write-timeout", "1m"}, more...)
}

// addUsers adds accounts with parleytest.Password, through the running server: without one they would wait for each other.
func addUsers(s *parleytest.Server, names ...string) {
	s.T.Helper()
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() { s.User(name) })
	}
	all.Wait()
	if s.T.Failed() { // no goroutine but the test's own can end it
		s.T.FailNow()
	}
}

// exchange is one line and its reply: the code of an ERROR, or the OK, where * stands for anything.
type exchange struct{ line, want string }

// hold sends the lines one after another and compares each reply.
func hold(t *testing.T, c *parleytest.Conn, table []exchange) {
	t.Helper()
	for _, x := range table {
		if got := c.Do(x.line); !isReply(got, x.want) {
			t.Errorf("%.120q: %.200q, want %s", x.line, got, x.want)
		}
	}
}

var errorReply = regexp.MustCompile(`^ERROR\|([a-z-]+)\|.+$`)

// withSeconds are the codes whose explanations begin with a whole number of seconds and a space.
var withSeconds = []string{"throttled", "rate-limited", "busy"}

// isReply says whether got is the reply that is wanted, and well made.
func isReply(got, want string) bool {
	m := errorReply.FindStringSubmatch(got)
	if m == nil {
		return matches(want, got)
	}
	if slices.Contains(withSeconds, m[1]) && seconds(got) < 1 {
		return false
	}
	return m[1] == want
}

// matches compares with a pattern in which * is anything.
func matches(pattern, s string) bool {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(s)
}

// seconds is the wait that an ERROR's explanation begins with, -1 where there is none.
func seconds(reply string) int {
	f := strings.SplitN(reply, "|", 3)
	if len(f) < 3 {
		return -1
	}
	number, _, found := strings.Cut(f[2], " ")
	n, err := strconv.Atoi(number)
	if !found || err != nil {
		return -1
	}
	return n
}

// id is the number in OK|id, or in the second field of a MSG event.
func id(t *testing.T, line string) int64 {
	t.Helper()
	f := strings.Split(line, "|")
	n, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil || n < 1 || f[0] != "OK" && f[0] != "MSG" {
		t.Fatalf("%q has no id", line)
	}
	return n
}

// event is a MSG event.
type event struct {
	id               int64
	room, user, text string
}

var msgEvent = regexp.MustCompile(`^MSG\|([1-9][0-9]*)\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|([^|]+)\|([^|]+)\|(.+)$`)

func parse(t *testing.T, line string) event {
	t.Helper()
	m := msgEvent.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("%q is no MSG event", line)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return event{n, m[2], m[3], m[4]}
}

// answer asks for messages and returns them: the count events straight before the reply.
func answer(t *testing.T, c *parleytest.Conn, line string) []event {
	t.Helper()
	reply := c.Do(line)
	n, err := strconv.Atoi(strings.TrimPrefix(reply, "OK|"))
	if err != nil || n > len(c.Events) {
		t.Fatalf("%s: %q after %d events", line, reply, len(c.Events))
	}
	var list []event
	for _, e := range c.Events[len(c.Events)-n:] {
		list = append(list, parse(t, e))
	}
	c.Events = c.Events[:len(c.Events)-n]
	return list
}

// texts are the texts of messages.
func texts(list []event) (out []string) {
	for _, e := range list {
		out = append(out, e.text)
	}
	return out
}

// quiet makes sure that no event is waiting: whatever was told before the
// reply to a PING would stand before it.
func quiet(t *testing.T, c *parleytest.Conn) {
	t.Helper()
	c.Do("PING|quiet")
	if len(c.Events) > 0 {
		t.Errorf("events that should not have come: %q", c.Events)
		c.Events = nil
	}
}

// drop throws away the events so far.
func drop(conns ...*parleytest.Conn) {
	for _, c := range conns {
		c.Do("PING|drop")
		c.Events = nil
	}
}

// ended reads to the end and checks the last line and that close_notify came.
func ended(t *testing.T, c *parleytest.Conn, last string) []string {
	t.Helper()
	lines, clean := c.Rest()
	if len(lines) == 0 || !matches(last, lines[len(lines)-1]) || !clean {
		t.Errorf("the connection ended with %.300q (close_notify: %v), want %s last", lines, clean, last)
	}
	return lines
}

// shut says whether the server refuses the connection: no session comes of it.
func shut(s *parleytest.Server, ip string) bool {
	c, err := s.TryDialFrom(ip)
	if err != nil {
		return true
	}
	defer c.Close()
	c.TLS.SetWriteDeadline(time.Now().Add(parleytest.Patience))
	if _, err := c.TLS.Write([]byte("PING|\n")); err != nil {
		return true
	}
	_, err = c.TryLine(parleytest.Patience)
	return err != nil
}

// eventually waits for what happens a moment later, on another goroutine or in another process.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for give := time.Now().Add(parleytest.Patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(give) {
			t.Fatalf("never: %s", what)
		}
	}
}

// logged waits until the server has logged a line that holds all parts.
func logged(t *testing.T, s *parleytest.Server, parts ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("logged: %q", parts), func() bool {
		for line := range strings.Lines(s.Log()) {
			missing := func(part string) bool { return !strings.Contains(line, part) }
			if !slices.ContainsFunc(parts, missing) {
				return true
			}
		}
		return false
	})
}
