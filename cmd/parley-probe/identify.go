package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"parley/protocol"
	"parley/tlsutil"
)

// identify fails where the server is none of parley's: it must refuse PING and EXIT before HELLO, each in parley's way, and close after the latter.
// Nothing is signed in to, and nothing but these lines sent.
func (t *target) identify(ctx context.Context) error {
	c, err := t.dial(ctx, t.stranger())
	if trust := (*tlsutil.TrustError)(nil); errors.As(err, &trust) && trust.Kind != tlsutil.KindALPN {
		return fmt.Errorf("the server is not trusted, and nothing was sent to it: %w", err)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nothing listens on %s (connection refused): is the server running?", t.addr)
	}
	if err != nil {
		return fmt.Errorf("this is not a parley server: %w", err)
	}
	defer c.close()
	reply, err := c.greet()
	if err != nil {
		return fmt.Errorf("this is not a parley server: to a line before sign-in it says nothing that parley would: %w", err)
	}
	if err := c.send("EXIT|"); err != nil {
		return err
	}
	if lines, open := c.rest(patience); len(lines) != 1 || codeOf(lines[0]) != protocol.HelloFirst || open {
		return fmt.Errorf("this is not a parley server: it answers PING with %s, and EXIT with %s", short(reply), short(strings.Join(lines, " ")))
	}
	return nil
}

// greet sends a line before sign-in and fails where it is not answered as parley does. What a foreign server greets with is its answer.
func (c *conn) greet() (string, error) {
	if err := c.send("PING|" + rand.Text()); err != nil {
		return "", err
	}
	line, err := c.line()
	if err != nil && line == "" {
		return "", err
	}
	if !strings.HasPrefix(line, protocol.ReplyError+"|"+string(protocol.HelloFirst)+"|") {
		return "", errors.New("it says " + short(line))
	}
	return line, nil
}

// alive says whether the server still answers strangers. It may be that the last stage's connections keep it busy for a while.
func (t *target) alive(ctx context.Context) error {
	var err error
	for range 12 {
		var c *conn
		if c, err = t.dial(ctx, t.stranger()); err == nil {
			_, err = c.greet()
			c.close()
			if err == nil {
				return nil
			}
		}
		if err := pause(ctx, patience/10); err != nil {
			return nil // no time is left to find out
		}
	}
	return err
}
