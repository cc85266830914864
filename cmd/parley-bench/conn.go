package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/protocol"
)

const (
	// patience is how long one step may take before the run is given up.
	patience = 30 * time.Second

	smallBuffer = 512
	// readBuffer takes the largest TLS record, and the line that the one before began.
	readBuffer = 16<<10 + protocol.MaxLine
)

// conn is one connection. Until it is handed to a reading goroutine, whoever made it reads it; writing may be done beside that.
type conn struct {
	*tls.Conn
	dialect dialect
	buf     []byte // what was read and not yet parsed is buf[at:have]
	at      int
	have    int
}

// next returns the next event, and answers pings. It is for talking one line at a time.
func (c *conn) next() (e event, err error) {
	for {
		if n := c.dialect.parse(c.buf[c.at:c.have], &e); n > 0 {
			c.at += n
			if e.kind != ping {
				return e, nil
			}
			if err := c.write(c.dialect.appendPong(nil, e.text)); err != nil {
				return e, err
			}
			continue
		}
		if err := c.more(); err != nil {
			return e, err
		}
	}
}

var errEndless = errors.New("a line without an end")

// more reads once, behind what is left of the last read.
func (c *conn) more() error {
	c.have = copy(c.buf, c.buf[c.at:c.have])
	c.at = 0
	if c.have == len(c.buf) {
		if len(c.buf) >= readBuffer {
			return errEndless
		}
		c.grow(min(4*len(c.buf), readBuffer))
	}
	n, err := c.Read(c.buf[c.have:])
	c.have += n
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		err = errors.New("the server closed the connection")
	}
	return err
}

// grow makes room for larger reads.
func (c *conn) grow(size int) {
	if len(c.buf) < size {
		c.buf = append(make([]byte, 0, size), c.buf[:c.have]...)[:size]
	}
}

func (c *conn) write(b []byte) error {
	_, err := c.Write(b)
	return err
}

// until reads on to an event of which done is true. What is refused is an error.
func (c *conn) until(ctx context.Context, done func(*event) bool) (event, error) {
	stop := context.AfterFunc(ctx, func() { c.NetConn().Close() })
	defer stop()
	c.SetReadDeadline(time.Now().Add(patience))
	defer c.SetReadDeadline(time.Time{})
	for {
		e, err := c.next()
		if ctx.Err() != nil {
			return e, context.Cause(ctx)
		}
		if err != nil {
			return e, err
		}
		if e.kind == refusal {
			return e, refused(e.line)
		}
		if done(&e) {
			return e, nil
		}
	}
}

// ask sends a line and returns what stands in its OK. Told to wait and try again, it does.
func (c *conn) ask(ctx context.Context, line string) (string, error) {
	for began := time.Now(); ; {
		if err := c.write([]byte(line + "\n")); err != nil {
			return "", err
		}
		e, err := c.until(ctx, func(e *event) bool { return e.kind == reply })
		if err == nil {
			return string(e.line[len(okPrefix):]), nil
		}
		again := (*protocol.Error)(nil)
		if !errors.As(err, &again) || !worthWaiting[again.Code] || time.Since(began) > patience {
			return "", err
		}
		if err := pause(ctx, max(again.RetryAfter(), 100*time.Millisecond)); err != nil {
			return "", err
		}
	}
}

// worthWaiting are the refusals that say when to come back.
var worthWaiting = map[protocol.Code]bool{protocol.Busy: true, protocol.RateLimited: true, protocol.Throttled: true}

// refused takes an ERROR apart; what is none of parley's is shown as it came.
func refused(line []byte) error {
	if rest, ok := cutPrefix(line, errorPrefix); ok {
		code, text, _ := cut(rest, '|')
		return &protocol.Error{Code: protocol.Code(code), Text: string(text)}
	}
	return fmt.Errorf("the server said %.100q", line)
}

func cutPrefix(b, prefix []byte) ([]byte, bool) {
	if len(b) < len(prefix) || string(b[:len(prefix)]) != string(prefix) {
		return b, false
	}
	return b[len(prefix):], true
}

// awaitNumeric reads on to an IRC numeric.
func (c *conn) awaitNumeric(ctx context.Context, numeric string) error {
	_, err := c.until(ctx, func(e *event) bool {
		_, rest, _ := cut(e.line, ' ')
		got, _, _ := cut(rest, ' ')
		return string(got) == numeric
	})
	return err
}

// roundTrip sends a NATS line, and a PING to know that it was taken.
func (c *conn) roundTrip(ctx context.Context, line string) error {
	if err := c.write([]byte(line + "PING\r\n")); err != nil {
		return err
	}
	_, err := c.until(ctx, func(e *event) bool { return e.kind == reply })
	return err
}

// pause waits, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
