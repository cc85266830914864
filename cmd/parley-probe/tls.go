package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

var tlsStages = []stage{
	{name: "tls-versions", row: 4, run: tlsVersions,
		tried: "handshakes that offer at most TLS 1.0, 1.1 and 1.2"},
	{name: "tls-tickets", row: 4, run: tlsTickets,
		tried: "waiting for a session ticket, without which there is no resumption and no early data"},
	{name: "alpn", row: 5, run: alpn,
		tried: "handshakes that offer another protocol alone: http/1.1, h2, imap, pop3, ftp, irc"},
}

// tlsVersions wants each old version refused by an alert: a connection that only broke shows nothing.
func tlsVersions(ctx context.Context, t *target) (finding, error) {
	var taken []string
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		old := t.config.Clone()
		old.MinVersion, old.MaxVersion = tls.VersionTLS10, v
		refused, err := t.refuses(ctx, old)
		if err != nil {
			return finding{}, fmt.Errorf("%s: %w", tls.VersionName(v), err)
		}
		if !refused {
			taken = append(taken, tls.VersionName(v))
		}
	}
	if len(taken) > 0 {
		return seenFell("%s accepted", strings.Join(taken, ", ")), nil
	}
	return seenHeld("all 3 refused by an alert"), nil
}

// refuses says whether the server refused the handshake by an alert. An error is any other end but a finished handshake.
func (t *target) refuses(ctx context.Context, config *tls.Config) (bool, error) {
	plain, err := t.connect(ctx, t.stranger())
	if err != nil {
		return false, err
	}
	c, err := t.secure(ctx, plain, config)
	if err == nil {
		c.close()
		return false, nil
	}
	if isAlert(err) {
		return true, nil
	}
	return false, err
}

// isAlert says whether the error is an alert of the other side: crypto/tls gives it as a net.OpError of this kind.
func isAlert(err error) bool {
	remote := (*net.OpError)(nil)
	return errors.As(err, &remote) && remote.Op == "remote error"
}

// tickets notes the session tickets that a server sends.
type tickets struct{ came int }

func (c *tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (c *tickets) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		c.came++
	}
}

// tlsTickets reads a reply, in front of which a server sends its tickets.
func tlsTickets(ctx context.Context, t *target) (finding, error) {
	var got tickets
	config := t.config.Clone()
	config.ClientSessionCache = &got
	plain, err := t.connect(ctx, t.stranger())
	if err != nil {
		return finding{}, err
	}
	c, err := t.secure(ctx, plain, config)
	if err != nil {
		return finding{}, err
	}
	defer c.close()
	if _, err := c.greet(); err != nil {
		return finding{}, err
	}
	if got.came > 0 {
		return seenFell("%d tickets came", got.came), nil
	}
	return seenHeld("none came before the first reply (%s, %s)", tls.VersionName(c.ConnectionState().Version), c.ConnectionState().CurveID), nil
}

// alpn offers other protocols. Whichever the server takes must not be the line protocol: that is what ALPACA needs (https://alpaca-attack.com).
func alpn(ctx context.Context, t *target) (finding, error) {
	var refused []string
	for _, name := range []string{"http/1.1", "h2", "imap", "pop3", "ftp", "irc"} {
		c, err := t.dialOffering(ctx, name)
		if isAlert(err) {
			refused = append(refused, name)
			continue
		}
		if err != nil {
			return finding{}, fmt.Errorf("%s: %w", name, err)
		}
		c.SetDeadline(time.Now().Add(patience))
		line, err := c.greet()
		c.close()
		if err == nil {
			return seenFell("offered %s alone, the server speaks the line protocol: %s", name, short(line)), nil
		}
	}
	return seenHeld("%d of 6 refused by an alert, none led to the line protocol", len(refused)), nil
}
