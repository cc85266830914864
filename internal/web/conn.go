package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"parley/protocol"
)

// closeWait is how long the peer may take to answer a close frame, or, where it can't be told any more what is one, to end the connection.
const closeWait = time.Second

// conn is a WebSocket as a connection of lines: what internal/session serves. It is read by one goroutine, the session's, which calls CloseWrite
// too; writes come one at a time, from any.
type conn struct {
	*socket
	ws *websocket.Conn

	message io.Reader // being read; nil between two
	text    utf8Check // of the message so far
	ended   bool      // its last byte so far was an LF
	broken  failure   // what the peer did wrong
	gone    bool      // the peer has closed

	bye   string    // the code of the last words, once they are written
	until time.Time // the end of closeWait, once it has begun
}

// failure is why a WebSocket is closed that nobody wanted to close.
type failure struct {
	status websocket.StatusCode
	text   string
}

func (f failure) Error() string { return f.text }

var (
	notText  = failure{websocket.StatusUnsupportedData, "only text messages are taken"}
	notUTF8  = failure{websocket.StatusInvalidFramePayloadData, "a message is not valid UTF-8"}
	notFrame = failure{websocket.StatusProtocolError, "that is no frame of a client"}
)

// statuses are what the last words are in the WebSocket's own terms; what is not here is a matter of policy.
var statuses = map[string]websocket.StatusCode{
	"":                   websocket.StatusNormalClosure,
	protocol.ByeShutdown: websocket.StatusGoingAway,
}

// Read implements net.Conn: the messages' texts, each with an LF at its end.
func (c *conn) Read(b []byte) (int, error) {
	switch {
	case c.gone:
		return 0, io.EOF
	case c.closing:
		c.Visitor.SetReadDeadline(c.until)
		return c.Visitor.Read(b) // until the peer closes, whatever it says
	case len(b) == 0:
		return 0, nil
	}
	for {
		n, err := c.next(b)
		if n > 0 || err != nil {
			return n, c.lost(err)
		}
	}
}

// next reads on in the present message, or begins one.
func (c *conn) next(b []byte) (int, error) {
	if c.message == nil {
		kind, message, err := c.ws.Reader(context.Background())
		if err != nil {
			return 0, err
		}
		if kind != websocket.MessageText {
			return 0, notText
		}
		c.message, c.text, c.ended = message, utf8Check{}, false
		c.useful += headBytes
	}
	n, err := c.message.Read(b)
	c.useful += n
	if n > 0 {
		c.ended = b[n-1] == '\n'
	}
	if !c.text.add(b[:n]) || err == io.EOF && c.text.open() {
		return 0, notUTF8
	}
	switch {
	case err != nil && err != io.EOF:
		return n, err
	case err == nil || n > 0: // an end comes again
		return n, nil
	}
	c.message = nil
	if c.ended {
		return 0, nil
	}
	b[0] = '\n'
	return 1, nil
}

// lost says in the session's terms why there is nothing more to read.
func (c *conn) lost(err error) error {
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, protocol.ErrFlood):
		return protocol.ErrFlood
	case websocket.CloseStatus(err) >= 0:
		c.gone = true
		return io.EOF
	case errors.As(err, &c.broken):
	default:
		c.broken = notFrame // where the library has told what exactly, or nothing goes any more, this is not sent
	}
	return err
}

// Write implements net.Conn. It takes whole lines, and sends them as one message.
func (c *conn) Write(lines []byte) (int, error) {
	text := bytes.TrimSuffix(lines, []byte{'\n'})
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	if rest, found := bytes.CutPrefix(last, []byte(protocol.EventBye+"|")); found {
		code, _, _ := bytes.Cut(rest, []byte{'|'})
		c.bye = string(code)
	}
	err := c.gather(func() error { return c.ws.Write(context.Background(), websocket.MessageText, text) })
	if err != nil {
		return 0, err
	}
	return len(lines), nil
}

// CloseWrite says that nothing more comes, by a close frame, and waits a moment for the peer's.
func (c *conn) CloseWrite() error {
	f := c.broken
	if f.status == 0 {
		status, known := statuses[c.bye]
		if !known {
			status = websocket.StatusPolicyViolation
		}
		f = failure{status, c.bye}
	}
	c.closing, c.until = true, time.Now().Add(closeWait)
	c.SetReadDeadline(c.until)
	if err := c.ws.Close(f.status, f.text); err == nil || websocket.CloseStatus(err) >= 0 {
		c.gone = true
	}
	return c.settle()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	err := c.Visitor.Close()
	c.ws.CloseNow() // it has no connection any more, and lets go of the rest
	return err
}

var _ net.Conn = (*conn)(nil)

// utf8Check checks a text that comes in parts.
type utf8Check struct {
	part [utf8.UTFMax]byte // of a code point
	n    int
}

// add is false where the text so far cannot be valid, however it goes on.
func (u *utf8Check) add(b []byte) bool {
	for u.n > 0 && len(b) > 0 {
		u.part[u.n] = b[0]
		u.n++
		b = b[1:]
		if part := u.part[:u.n]; utf8.FullRune(part) {
			if !utf8.Valid(part) {
				return false
			}
			u.n = 0
		}
	}
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if tail := b[len(b)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				u.n = copy(u.part[:], tail)
				b = b[:len(b)-i]
			}
			break
		}
	}
	return utf8.Valid(b)
}

// open says that the text ends within a code point.
func (u *utf8Check) open() bool { return u.n > 0 }
