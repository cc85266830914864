package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"parley/protocol"
)

// conn is one connection, spoken to by hand: its methods check nothing that the server should.
type conn struct {
	*tls.Conn
	r       *protocol.Reader // bounded: what answers may be anything
	release func() bool      // the context that would cut it off
	events  []string         // that came before a reply
	session string           // its UUID, once signed in
	token   string
	kept    bool // the token is its account's now: see target.open
}

func newConn(c *tls.Conn) *conn { return &conn{Conn: c, r: protocol.NewReader(c)} }

// hello signs in. A refusal is a *protocol.Error.
func (c *conn) hello(name, credential string) error {
	fields, err := c.ok("HELLO|" + name + "|" + credential)
	if err != nil {
		return err
	}
	if len(fields) != 3 {
		return fmt.Errorf("HELLO was answered with %d fields", len(fields))
	}
	c.session, c.token = fields[0], fields[1]
	if c.token == "" {
		return protocol.Errorf(protocol.PasswordChange, "the account must change its first password before it can be used here")
	}
	return nil
}

// send writes lines.
func (c *conn) send(lines ...string) error { return c.write([]byte(strings.Join(lines, "\n") + "\n")) }

// write writes bytes as they are.
func (c *conn) write(b []byte) error {
	c.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.Conn.Write(b)
	return err
}

// line reads the next line, without its LF.
func (c *conn) line() (string, error) { return c.lineWithin(patience) }

func (c *conn) lineWithin(wait time.Duration) (string, error) {
	c.SetReadDeadline(time.Now().Add(wait))
	line, err := c.r.ReadLine()
	return string(line), err
}

// reply reads on to the next reply; events before it are kept.
func (c *conn) reply() (string, error) {
	for {
		line, err := c.lineWithin(replyPatience)
		if err != nil || isReply(line) {
			return line, err
		}
		if c.events = append(c.events, line); len(c.events) > mostLines {
			return "", errors.New("the server sends events without end")
		}
	}
}

// mostLines is what is read of one server in one go; parley sends far less.
const mostLines = 20000

func isReply(line string) bool {
	return strings.HasPrefix(line, protocol.ReplyOK+"|") || strings.HasPrefix(line, protocol.ReplyError+"|")
}

// do sends one line and returns its reply.
func (c *conn) do(line string) (string, error) {
	if err := c.send(line); err != nil {
		return "", err
	}
	return c.reply()
}

// patient is do, and does as it is told where the answer is to wait.
func (c *conn) patient(ctx context.Context, line string) (string, error) {
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		reply, err := c.do(line)
		if ended(err) && len(c.events) > 0 {
			err = fmt.Errorf("the session was ended at %s, its last event %s: %w", short(line), short(c.events[len(c.events)-1]), err)
		}
		if err != nil {
			return "", err
		}
		code := codeOf(reply)
		if code != protocol.RateLimited && code != protocol.Busy {
			return reply, nil
		}
		if err := pause(ctx, max(refusal(reply).RetryAfter(), time.Second/10)); err != nil {
			return "", err
		}
	}
}

// inStep says whether the next reply is that to the next line: else a line before had none, or two.
func (c *conn) inStep(ctx context.Context) (bool, error) {
	mark := rand.Text()
	reply, err := c.patient(ctx, "PING|"+mark)
	return reply == protocol.ReplyOK+"|"+mark, err
}

// ok sends one line and returns the fields of its OK; an ERROR is a *protocol.Error.
func (c *conn) ok(line string) ([]string, error) {
	reply, err := c.do(line)
	if err != nil {
		return nil, err
	}
	if fields, good := strings.CutPrefix(reply, protocol.ReplyOK+"|"); good {
		return strings.Split(fields, "|"), nil
	}
	return nil, refusal(reply)
}

// code sends one line and returns the code of its ERROR, or "OK".
func (c *conn) code(line string) (protocol.Code, error) {
	reply, err := c.do(line)
	if err != nil {
		return "", err
	}
	return codeOf(reply), nil
}

const accepted protocol.Code = protocol.ReplyOK

// codeOf is the code of an ERROR, or accepted.
func codeOf(reply string) protocol.Code {
	if strings.HasPrefix(reply, protocol.ReplyOK+"|") {
		return accepted
	}
	return refusal(reply).Code
}

// refusal takes an ERROR apart.
func refusal(reply string) *protocol.Error {
	rest, _ := strings.CutPrefix(reply, protocol.ReplyError+"|")
	code, text, _ := strings.Cut(rest, "|")
	return &protocol.Error{Code: protocol.Code(code), Text: text}
}

// rest reads to the end of the stream, wait for each line. open is true where the server had not closed by then.
func (c *conn) rest(wait time.Duration) (lines []string, open bool) {
	for len(lines) < mostLines {
		line, err := c.lineWithin(wait)
		if line != "" {
			lines = append(lines, line)
		}
		if err != nil {
			return lines, errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
	return lines, true
}

// leave signs out, so that no token is left behind. One that is kept is for the next session.
func (c *conn) leave() {
	if !c.kept {
		c.send("EXIT|")
		c.rest(patience)
	}
	c.close()
}

// close closes without a word.
func (c *conn) close() {
	c.release()
	c.NetConn().Close()
}

// ended says whether the error is the other side's end of the connection.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
