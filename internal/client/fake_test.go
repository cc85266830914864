package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// peer is the server's end of a connection, played by a test line by line.
type peer struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// expect reads the next line, which must be this one; a * at its end stands for anything. It returns what the * stands for.
func (p *peer) expect(want string) string {
	p.t.Helper()
	line, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("waiting for %q: %v", want, err)
	}
	line = strings.TrimSuffix(line, "\n")
	prefix, open := strings.CutSuffix(want, "*")
	if rest, found := strings.CutPrefix(line, prefix); found && (open || rest == "") {
		return rest
	}
	p.t.Fatalf("the client sends %q, want %q", line, want)
	return ""
}

// send sends lines.
func (p *peer) send(lines ...string) {
	p.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(p.conn, line+"\n"); err != nil {
			p.t.Fatalf("sending %q: %v", line, err)
		}
	}
}

// expectEnd waits until the client has closed the connection.
func (p *peer) expectEnd() {
	p.t.Helper()
	if line, err := p.r.ReadString('\n'); err == nil {
		p.t.Fatalf("the client goes on with %q", line)
	}
}

// hello plays the server up to the first line after the sign-in.
func (p *peer) hello(credential, token string) {
	p.t.Helper()
	p.expect("HELLO|alice|" + credential)
	p.send("OK|3e2f|" + token + "|lobby")
	p.expect("PING|")
	p.send("OK|")
}

// list answers LIST, and the PING that follows it. What is given as room:last-id has been read.
func (p *peer) list(rooms string) {
	p.t.Helper()
	p.expect("LIST|")
	p.send("OK|" + read(rooms))
	p.expect("PING|")
	p.send("OK|")
}

// read makes room:last-id a field of LIST where all has been read.
func read(rooms string) string {
	fields := strings.Split(rooms, "|")
	for i, field := range fields {
		if name, last, found := strings.Cut(field, ":"); found && !strings.Contains(last, ":") {
			fields[i] = name + ":" + last + ":" + last + ":0"
		}
	}
	return strings.Join(fields, "|")
}

// listener hands a client its connections and a test their other ends.
type listener struct {
	t     testing.TB
	conns chan net.Conn
}

func newListener(t testing.TB) *listener { return &listener{t, make(chan net.Conn, 100)} }

func (l *listener) dial(context.Context) (net.Conn, error) {
	mine, theirs := net.Pipe()
	l.conns <- theirs
	return mine, nil
}

func (l *listener) accept() *peer {
	conn := <-l.conns
	l.t.Cleanup(func() { conn.Close() })
	return newPeer(l.t, conn)
}

func newPeer(t testing.TB, conn net.Conn) *peer { return &peer{t, conn, bufio.NewReader(conn)} }

// pair is a session and its server's end.
func pair(t testing.TB, o client.Options) (*client.Session, *peer) {
	l := newListener(t)
	conn, _ := l.dial(t.Context())
	return client.NewSession(conn, o), l.accept()
}

// updates collects what a client tells; next waits for one.
type updates chan client.Update

func newUpdates() updates { return make(updates, 10000) }

func (u updates) take(v client.Update) {
	if v.State != client.Connected { // before every online
		u <- v
	}
}

// next is the next update in short: an event's line, or the state.
func (u updates) next() string { return brief(<-u) }

func brief(v client.Update) string {
	switch v.State {
	case client.Event:
		return strings.TrimSuffix(string(v.Event.Append(nil)), "\n")
	case client.Online:
		return "online" + strings.Repeat("+", v.Missed)
	case client.Lost:
		return "lost"
	case client.Held:
		if v.Err == nil {
			return "held no more"
		}
		return "held"
	case client.Waiting:
		return "waiting"
	case client.Unread:
		return fmt.Sprintf("%d unread in %s", v.Room.Unread, v.Room.Name)
	}
	return "warning: " + v.Err.Error()
}

func (u updates) expect(t testing.TB, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := u.next(); got != w {
			t.Fatalf("the client tells %q, want %q", got, w)
		}
	}
}

func (u updates) expectNothing(t testing.TB) {
	t.Helper()
	select {
	case v := <-u:
		t.Fatalf("the client tells %q, want nothing", brief(v))
	default:
	}
}

func msg(id, room, user, text string) string {
	return "MSG|" + id + "|2026-01-02T03:04:05.678Z|" + room + "|" + user + "|" + text
}

func isCode(err error, code protocol.Code) bool {
	var refused *protocol.Error
	return errors.As(err, &refused) && refused.Code == code
}

// within fails the test where the bubble's clock shows another duration since start.
func within(t testing.TB, start time.Time, least, most time.Duration) {
	t.Helper()
	if d := time.Since(start); d < least || d > most {
		t.Fatalf("that took %v, want %v to %v", d, least, most)
	}
}
