package parleytest

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Conn is one connection, spoken to by hand. Its methods fail the test where the connection fails them.
type Conn struct {
	T      testing.TB
	TLS    *tls.Conn // nil where another program speaks TLS
	Events []string  // lines that came and were no reply
	Fields []string  // of the OK to Hello: session, token, room
	stream stream
	cut    func() error
	clean  func() bool // once the stream has ended: by close_notify?
	r      *bufio.Reader
}

// stream is the plain side of a connection.
type stream interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Dial connects.
func (s *Server) Dial() *Conn {
	s.T.Helper()
	return s.DialFrom("")
}

// DialFrom connects from a loopback address of the caller's choice.
func (s *Server) DialFrom(ip string) *Conn {
	s.T.Helper()
	c, err := s.TryDialFrom(ip)
	if err != nil {
		s.T.Fatal(err)
	}
	return c
}

// TryDialFrom is DialFrom where the server may refuse. ip "" is any.
func (s *Server) TryDialFrom(ip string) (*Conn, error) {
	s.T.Helper()
	dialer := &net.Dialer{Timeout: Patience}
	if ip != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(ip)}
	}
	plain, err := dialer.Dial("tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	s.T.Cleanup(func() { plain.Close() })
	w := &wire{Conn: plain}
	conn := tls.Client(w, s.TLS())
	conn.SetDeadline(time.Now().Add(Patience))
	if err := conn.Handshake(); err != nil {
		plain.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return &Conn{T: s.T, TLS: conn, stream: conn, cut: plain.Close, clean: w.alerted, r: bufio.NewReader(conn)}, nil
}

// SignIn connects and signs in with Password.
func (s *Server) SignIn(name string) *Conn {
	s.T.Helper()
	return s.Dial().Hello(name, Password)
}

// Hello signs in and keeps the fields of the reply.
func (c *Conn) Hello(name, credential string) *Conn {
	c.T.Helper()
	reply := c.Do("HELLO|" + name + "|" + credential)
	fields, ok := strings.CutPrefix(reply, "OK|")
	if !ok {
		c.T.Fatalf("HELLO|%s: %s", name, reply)
	}
	c.Fields = strings.Split(fields, "|")
	return c
}

// Token is the resume token that Hello got.
func (c *Conn) Token() string { return c.Fields[1] }

// Session is the session's UUID.
func (c *Conn) Session() string { return c.Fields[0] }

// Write sends bytes as they are.
func (c *Conn) Write(s string) {
	c.T.Helper()
	c.stream.SetWriteDeadline(time.Now().Add(Patience))
	if _, err := io.WriteString(c.stream, s); err != nil {
		c.T.Fatalf("write: %v", err)
	}
}

// Send sends lines, each with its LF.
func (c *Conn) Send(lines ...string) {
	c.T.Helper()
	c.Write(strings.Join(lines, "\n") + "\n")
}

// Line reads the next line, without its LF.
func (c *Conn) Line() string {
	c.T.Helper()
	line, err := c.TryLine(Patience)
	if err != nil {
		c.T.Fatalf("read: %v (after %q)", err, line)
	}
	return line
}

// TryLine reads the next line or says why there is none.
func (c *Conn) TryLine(wait time.Duration) (string, error) {
	c.stream.SetReadDeadline(time.Now().Add(wait))
	line, err := c.r.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// IsReply says whether a line is a reply and no event.
func IsReply(line string) bool {
	return strings.HasPrefix(line, "OK|") || strings.HasPrefix(line, "ERROR|")
}

// Reply reads on to the next reply; events before it go to Events.
func (c *Conn) Reply() string {
	c.T.Helper()
	for {
		line := c.Line()
		if IsReply(line) {
			return line
		}
		c.Events = append(c.Events, line)
	}
}

// Do sends one line and returns its reply.
func (c *Conn) Do(line string) string {
	c.T.Helper()
	c.Send(line)
	return c.Reply()
}

// Code sends one line and returns the code of its ERROR, or the whole OK.
func (c *Conn) Code(line string) string {
	c.T.Helper()
	return Code(c.Do(line))
}

// Code is the code of an ERROR reply; another line stays as it is.
func Code(reply string) string {
	if rest, ok := strings.CutPrefix(reply, "ERROR|"); ok {
		code, _, _ := strings.Cut(rest, "|")
		return code
	}
	return reply
}

// Event returns the next event, from Events first.
func (c *Conn) Event() string {
	c.T.Helper()
	if len(c.Events) > 0 {
		e := c.Events[0]
		c.Events = c.Events[1:]
		return e
	}
	line := c.Line()
	if IsReply(line) {
		c.T.Fatalf("a reply that nobody waits for: %q", line)
	}
	return line
}

// Await reads events until one has this text in it, and returns that one.
func (c *Conn) Await(part string) string {
	c.T.Helper()
	for {
		if e := c.Event(); strings.Contains(e, part) {
			return e
		}
	}
}

// Rest reads to the end of the stream. clean says that it ended with close_notify.
func (c *Conn) Rest() (lines []string, clean bool) {
	c.T.Helper()
	for {
		line, err := c.TryLine(Patience)
		if err != nil {
			if t, ok := err.(net.Error); ok && t.Timeout() {
				c.T.Fatalf("the connection stays open after %q", lines)
			}
			return lines, err == io.EOF && line == "" && c.clean()
		}
		lines = append(lines, line)
	}
}

// Close closes without a word, as a program that dies does.
func (c *Conn) Close() { c.cut() }
