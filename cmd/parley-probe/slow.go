package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/tlsutil"
)

// slowStages mostly wait, for deadlines of the server.
var slowStages = []stage{
	{name: "slow-handshake", row: 1, beside: true, run: slowHandshake, flag: "--handshake-timeout",
		tried: "84 sockets (12 where there is one address to send from) that send a byte of a ClientHello each second, for 15 s at the most"},
	{name: "slow-hello", row: 1, beside: true, run: slowHello, flag: "--login-timeout",
		tried: "84 sockets (12 where there is one address to send from), handshake done, that send a byte of a HELLO each second, for 20 s at the most"},
	{name: "slow-request", row: 1, beside: true, run: slowRequest, flag: "--handshake-timeout",
		tried: "84 sockets (12 where there is one address to send from), handshake done, that send a byte of an HTTP request each second, for 20 s at the most"},
	{name: "slow-answers", row: 17, people: 1, room: true, beside: true, run: slowAnswers, flag: "--write-timeout",
		tried: "two sessions that ask for 3 MB of HISTORY each and read nothing for 11 s; where the server bears that, for 25 s"},
}

// trickle is a connection on which a byte is written each second.
type trickle struct {
	net.Conn
	began time.Time
	over  time.Duration // when the server had closed it; 0: not yet
}

// run writes text until the server closes, or until text or most is at its end.
func (s *trickle) run(text []byte, most time.Duration) {
	answers := make([]byte, 4096)
	for i := 0; i < len(text) && time.Since(s.began) < most; i++ {
		next := time.Now().Add(time.Second)
		s.SetDeadline(next)
		_, err := s.Write(text[i : i+1])
		for err == nil { // until the next second, or the end
			_, err = s.Read(answers)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			s.over = time.Since(s.began)
			return
		}
	}
}

// atOnce is when a connection that ends was refused, and no deadline waited for.
const atOnce = time.Second / 2

// trickles opens slow sockets, at most 12 from one address, and tells how the server bears them: below 256 in all, above which it may drop
// new ones at random, and below 16 from an address.
func (t *target) trickles(ctx context.Context, text []byte, most time.Duration, open func() (net.Conn, error)) (finding, error) {
	var (
		all    []*trickle
		done   sync.WaitGroup
		failed error
		away   int // turned away
	)
	number := perAddress
	if t.many {
		number = 7 * perAddress // with its neighbours less than 256 in all
	}
	for range number {
		if failed = pause(ctx, 3*time.Millisecond); failed != nil { // handshakes cost the server, and who is in should not notice
			break
		}
		c, err := open()
		if ended(err) {
			away++
			continue
		}
		if failed = err; failed != nil {
			break
		}
		one := &trickle{Conn: c, began: time.Now()}
		all = append(all, one)
		done.Go(func() { one.run(text, most) })
	}
	shut := func() {
		for _, one := range all {
			one.SetDeadline(time.Unix(1, 0))
			one.Close()
		}
	}
	defer context.AfterFunc(ctx, shut)()
	meanwhile, entered := "", error(nil)
	if failed == nil {
		meanwhile, entered = t.entrance(ctx)
	} else {
		shut()
	}
	stayed := t.stays(ctx, done.Wait)
	if failed == nil && ctx.Err() != nil {
		failed = context.Cause(ctx)
	}
	shut()
	if failed != nil {
		return finding{}, failed
	}
	f, err := judgeTrickles(all, away, most, meanwhile)
	switch {
	case err != nil || f.verdict == fell:
		return f, err
	case entered != nil:
		return seenFell("nobody else gets in: %v; %s", entered, f.seen), nil
	case stayed != nil:
		return finding{}, fmt.Errorf("the server closed younger connections with them, or is another one now: %w", stayed)
	}
	return f, nil
}

// stays opens a connection every other second until wait returns, and says whether the last but one, younger than all that were to be closed,
// was still served then.
func (t *target) stays(ctx context.Context, wait func()) error {
	over := make(chan struct{})
	go func() {
		defer close(over)
		wait()
	}()
	var last, young *conn
	defer func() {
		for _, c := range []*conn{last, young} {
			if c != nil {
				c.close()
			}
		}
	}()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-over:
			if last == nil {
				last = young
			}
			if last == nil {
				return errors.New("they were closed before another could be opened")
			}
			_, err := last.greet()
			return err
		case <-tick.C:
			c, err := t.dial(ctx, t.stranger())
			if err != nil {
				continue // greet tells
			}
			if last != nil {
				last.close()
			}
			last, young = young, c
		}
	}
}

func judgeTrickles(all []*trickle, away int, most time.Duration, meanwhile string) (finding, error) {
	var times []time.Duration
	open := 0
	for _, one := range all {
		switch {
		case one.over == 0:
			open++
		case one.over < atOnce:
			away++
		default:
			times = append(times, one.over)
		}
	}
	seen := ""
	if away > 0 {
		seen = fmt.Sprintf("%d turned away at once, ", away)
	}
	if open > 0 {
		return seenFell("%s%d of %d still open after %v; %s", seen, open, open+len(times), most, meanwhile), nil
	}
	if len(times) == 0 {
		return finding{}, fmt.Errorf("all %d were turned away at once", away)
	}
	return seenHeld("%s%d closed by the server after %.1f to %.1f s; %s", seen, len(times), slices.Min(times).Seconds(),
		slices.Max(times).Seconds(), meanwhile), nil
}

// entrance says how long others take to get in meanwhile.
func (t *target) entrance(ctx context.Context) (said string, err error) {
	began := time.Now()
	var c *conn
	for range 3 {
		if c, err = t.dial(ctx, t.stranger()); err == nil {
			_, err = c.greet()
			c.close()
		}
		if err == nil || pause(ctx, time.Second/5) != nil {
			break
		}
	}
	if err != nil {
		return "", err
	}
	said = fmt.Sprintf("meanwhile a stranger was answered after %v", round(time.Since(began)))
	if len(t.people) == 0 {
		return said, nil
	}
	began = time.Now()
	if c, err = t.open(ctx, t.people[0]); err != nil {
		return "", err
	}
	said += fmt.Sprintf(", a sign-in took %v", round(time.Since(began)))
	c.leave()
	return said, nil
}

// sources gives each address to perAddress connections.
func (t *target) sources(connect func(from netip.Addr) (net.Conn, error)) func() (net.Conn, error) {
	n, from := 0, netip.Addr{}
	return func() (net.Conn, error) {
		if n%perAddress == 0 {
			from = t.stranger()
		}
		n++
		return connect(from)
	}
}

func slowHandshake(ctx context.Context, t *target) (finding, error) {
	hello, err := clientHello(ctx, t.config)
	if err != nil {
		return finding{}, err
	}
	return t.trickles(ctx, hello, 15*time.Second, t.sources(func(from netip.Addr) (net.Conn, error) { return t.connect(ctx, from) }))
}

// clientHello is what a handshake begins with.
func clientHello(ctx context.Context, config *tls.Config) ([]byte, error) {
	ours, theirs := net.Pipe()
	go func() {
		tls.Client(ours, config).HandshakeContext(ctx)
		ours.Close()
	}()
	defer theirs.Close()
	theirs.SetDeadline(time.Now().Add(patience))
	hello := make([]byte, 4096)
	n, err := theirs.Read(hello)
	return hello[:n], err
}

// slowHello says a name that never ends within the time: it is nobody's.
func slowHello(ctx context.Context, t *target) (finding, error) {
	return t.trickles(ctx, []byte("HELLO|"+strings.Repeat("slow", 10)), 20*time.Second, t.sources(func(from netip.Addr) (net.Conn, error) {
		return t.dial(ctx, from)
	}))
}

// slowRequest is slowHello by the browsers' way in.
func slowRequest(ctx context.Context, t *target) (finding, error) {
	config, err := t.offering(tlsutil.HTTP)
	if err != nil {
		return finding{}, err
	}
	switch c, err := t.browse(ctx); {
	case errors.Is(err, errNoWeb):
		return noWeb, nil
	case err != nil:
		return finding{}, err
	default:
		c.close()
	}
	return t.trickles(ctx, []byte("GET /"+strings.Repeat("slow", 10)), 20*time.Second, t.sources(func(from netip.Addr) (net.Conn, error) {
		plain, err := t.connect(ctx, from)
		if err != nil {
			return nil, err
		}
		return t.secure(ctx, plain, config)
	}))
}
