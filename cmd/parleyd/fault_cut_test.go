package main

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// cutWire carries a number of bytes to the server, and then ends.
type cutWire struct {
	*net.TCPConn
	left  int
	sent  int
	reset bool // by a reset, else by the end of what is sent: the server may still answer
}

var errCut = errors.New("cut off")

func (w *cutWire) Write(p []byte) (int, error) {
	n, err := w.TCPConn.Write(p[:min(len(p), w.left)])
	w.left -= n
	w.sent += n
	if w.left == 0 && err == nil {
		w.cut()
		err = errCut
	}
	return n, err
}

func (w *cutWire) cut() {
	if w.reset {
		w.SetLinger(0)
		w.Close()
		return
	}
	w.CloseWrite()
}

// cutter cuts sign-ins off, some at a time.
type cutter struct {
	t      *testing.T
	server *parleytest.Server
	config *tls.Config
	begun  int // connections
}

// atOnce is far enough below --max-unauth-per-ip: the server hears of an end a moment later.
const atOnce = 8

// wire connects.
func (c *cutter) wire(left int, reset bool) *cutWire {
	conn, err := net.Dial("tcp", c.server.Addr)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	conn.SetDeadline(time.Now().Add(parleytest.Patience))
	return &cutWire{conn.(*net.TCPConn), left, 0, reset}
}

// all runs cut for 0 to n-1, each of which makes one connection, and waits until the server has seen the end of each.
func (c *cutter) all(n int, cut func(int)) {
	c.t.Helper()
	for from := 0; from < n && !c.t.Failed(); from += atOnce {
		var some sync.WaitGroup
		for i := from; i < min(n, from+atOnce); i++ {
			some.Go(func() { cut(i) })
			c.begun++
		}
		some.Wait()
		eventually(c.t, fmt.Sprintf("%d connections have ended", c.begun), func() bool { return ends(c.server) >= c.begun || c.t.Failed() })
	}
}

// ends is how many connections of strangers, and of those who are cut off, the server has seen to their end.
func ends(s *parleytest.Server) int {
	log := s.Log()
	return strings.Count(log, `"handshake failed"`) + strings.Count(log, `"disconnected"`)
}

// raw cuts a sign-in after n bytes of what the client sends, that of TLS included. It returns how many it sent.
func (c *cutter) raw(line string, n int, reset bool) int {
	w := c.wire(n, reset)
	if w == nil {
		return 0
	}
	defer w.Close()
	conn := tls.Client(w, c.config)
	if _, err := io.WriteString(conn, line); err == nil {
		conn.Read(make([]byte, 1))
		return w.sent
	} else if !errors.Is(err, errCut) && !errors.Is(err, net.ErrClosed) {
		c.t.Errorf("after %d bytes: %v", n, err)
	}
	c.closes(w, fmt.Sprintf("%d bytes", n))
	return w.sent
}

// closes makes sure that the server closes, too, where it can still be seen.
func (c *cutter) closes(w *cutWire, after string) {
	if w.reset {
		return
	}
	_, err := io.Copy(io.Discard, w.TCPConn)
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Errorf("after %s the connection stays open", after)
	}
}

// howCut are the ways a line can break off within TLS.
var howCut = []struct {
	name string
	cut  func(*tls.Conn, *cutWire)
}{
	{"close_notify", func(conn *tls.Conn, _ *cutWire) { conn.CloseWrite() }},
	{"end of the stream", func(_ *tls.Conn, w *cutWire) { w.cut() }},
	{"reset", func(_ *tls.Conn, w *cutWire) { w.reset = true; w.cut() }},
}

// inside sends a part of a line within TLS, and cuts the connection.
func (c *cutter) inside(part string, how int) {
	w := c.wire(math.MaxInt, false)
	if w == nil {
		return
	}
	defer w.Close()
	conn := tls.Client(w, c.config)
	err := conn.Handshake()
	if err == nil && part != "" {
		_, err = io.WriteString(conn, part)
	}
	if err != nil {
		c.t.Errorf("%s after %q: %v", howCut[how].name, part, err)
		return
	}
	howCut[how].cut(conn, w)
	c.closes(w, howCut[how].name)
}

// TestCutOffAtEveryByte: a client that is cut off at any byte of its sign-in leaves nothing behind:
// no session, no token, no place in a cap, no file descriptor.
func TestCutOffAtEveryByte(t *testing.T) {
	t.Parallel()
	const sessions = 4
	s := parleytest.Start(t, unlimited(untimed("--max-sessions", fmt.Sprint(sessions))...)...)
	addUsers(s, "cut", "whole")
	book := newBook()
	book.pace = 5 * time.Millisecond
	witness := hear(t, s, "witness")
	book.talkers(t, s, 1)
	files := descriptors(t, s)

	c := &cutter{t: t, server: s, config: s.TLS()}
	hello := "HELLO|%s|" + parleytest.Password + "\n"
	line := fmt.Sprintf(hello, "cut")
	var bytes int
	c.all(1, func(int) { bytes = c.raw(fmt.Sprintf(hello, "who"), math.MaxInt, true) })
	c.all(bytes, func(i int) { c.raw(line, i, i%2 == 0) })
	if !parleytest.Race {
		c.all(bytes, func(i int) { c.raw(line, i, i%2 != 0) })
	}
	c.all(len(howCut)*len(line), func(i int) { c.inside(line[:i/len(howCut)], i%len(howCut)) })
	line = fmt.Sprintf(hello, "whole")
	for i := range sessions * len(howCut) { // the server lets them in, and at once they are gone
		c.all(1, func(int) { c.inside(line, i%len(howCut)) })
	}

	eventually(t, "the file descriptors are free again", func() bool { return descriptors(t, s) <= files+few })

	book.end()
	hold(t, s.SignIn("whole"), []exchange{{"WHO|lobby", "OK|whole|witness"}, {"EXIT|", "OK|bye"}})
	hold(t, s.SignIn("cut"), []exchange{{"WHO|lobby", "OK|cut|witness"}, {"EXIT|", "OK|bye"}})
	kept := readAs(t, s, "cut")
	book.compare(t, kept)
	witness.compare(t, kept)
	checkLog(t, s)
	signedIn := func() int { return strings.Count(s.Log(), `"user":"cut","event":"signin.ok","by":"password"`) }
	eventually(t, "both sign-ins of just now are logged", func() bool { return signedIn() >= 2 })
	if n := signedIn(); n != 2 {
		t.Errorf("a sign-in that broke off was taken for one: %d", n-2)
	}
	for range 16 { // --max-unauth-per-ip
		s.Dial()
	}
	if !shut(s, "") {
		t.Error("the cap lets in more than it should")
	}
	hold(t, witness.Conn, []exchange{{"PING|", "OK|"}})
	if tokens := keptTokens(t, s, "cut"); tokens != 1 { // of readAs, which did not exit
		t.Errorf("%d tokens of who was never in are kept", tokens)
	}
	t.Logf("%d sign-ins cut off in %d bytes of TLS and %d of the line", c.begun, bytes, len(line))
}

// checkLog fails the test where the log tells of what the server itself did wrong.
func checkLog(t *testing.T, s *parleytest.Server) {
	t.Helper()
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "panic") || strings.Contains(line, `"level":"ERROR"`) || !strings.HasPrefix(line, "{") {
			t.Errorf("logged: %s", line)
		}
	}
}

// keptTokens stops the server and counts an account's tokens in its database.
func keptTokens(t *testing.T, s *parleytest.Server, name string) (n int) {
	t.Helper()
	if code := s.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	db, err := sql.Open("sqlite", filepath.Join(s.Data, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM tokens WHERE account = ?`, name).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
