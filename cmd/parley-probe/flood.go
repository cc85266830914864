package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	floodAddress = 40  // connections from one address
	floodOverall = 720 // from floodOverall/perAddress addresses
	perAddress   = 12
)

var floodStages = []stage{
	{name: "flood-address", row: 2, run: floodOneAddress, flag: "--max-unauth-per-ip",
		tried: "40 connections from one address, TLS and then a line on each"},
	{name: "flood-overall", row: 2, many: true, run: floodManyAddresses, flag: "--max-unauth",
		tried: "720 connections from 60 addresses, 12 each 10 ms"},
}

// soonEnough is within how long of its beginning a connection is turned away, and not ended by a deadline of the server.
const soonEnough = 3 * time.Second

// flood opens connections on which nothing is said, and tells which of them the server turned away; all are closed after that.
func flood(ctx context.Context, n int, open func() (net.Conn, error)) (away []int, err error) {
	var (
		mu    sync.Mutex
		conns []net.Conn
		done  sync.WaitGroup
	)
	defer func() {
		for _, c := range conns {
			c.SetReadDeadline(time.Unix(1, 0))
		}
		done.Wait()
		for _, c := range conns {
			c.Close()
		}
		slices.Sort(away)
	}()
	turnedAway := func(i int) {
		mu.Lock()
		away = append(away, i)
		mu.Unlock()
	}
	for i := range n {
		if i%perAddress == 0 {
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return nil, err
			}
		}
		c, err := open()
		if ended(err) {
			turnedAway(i)
			continue
		}
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
		began := time.Now()
		done.Go(func() {
			_, err := c.Read(make([]byte, 1))
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && time.Since(began) < soonEnough {
				turnedAway(i)
			}
		})
	}
	for until := time.Now().Add(soonEnough); time.Now().Before(until); { // where none is turned away, the server may be busy yet
		if err := pause(ctx, atOnce); err != nil {
			return nil, err
		}
		mu.Lock()
		some := len(away) > 0
		mu.Unlock()
		if some {
			break
		}
	}
	return away, nil
}

// floodOneAddress asks each connection for an answer: who is let in gets one.
func floodOneAddress(ctx context.Context, t *target) (finding, error) {
	from := t.stranger()
	var conns []*conn
	defer func() {
		for _, c := range conns {
			c.close()
		}
	}()
	for range floodAddress {
		// By name of the line protocol: where browsers may come as well, more than a few may be in the handshake.
		c, err := t.dial(ctx, from)
		if ended(err) {
			continue
		}
		if err != nil {
			return finding{}, err
		}
		conns = append(conns, c)
	}
	in := 0
	for _, c := range conns {
		_, err := c.greet()
		if err == nil {
			in++
		} else if !ended(err) {
			return finding{}, err
		}
	}
	switch in {
	case floodAddress:
		return seenFell("all let in"), nil
	case 0:
		return finding{}, errors.New("not one was let in: the address is kept out for another reason")
	}
	return seenHeld("%d let in, %d closed at once", in, floodAddress-in), nil
}

// floodManyAddresses stays below what one address may have, so that what is turned away is so for the number of all.
func floodManyAddresses(ctx context.Context, t *target) (finding, error) {
	return t.watched(ctx, func() (finding, error) {
		away, err := flood(ctx, floodOverall, t.sources(func(from netip.Addr) (net.Conn, error) { return t.connect(ctx, from) }))
		switch {
		case err != nil:
			return finding{}, err
		case len(away) == 0:
			return seenFell("all let in"), nil
		case away[0] < perAddress:
			return finding{}, fmt.Errorf("of %d connections from one address number %d was turned away: whether there is a bound for all is not seen", perAddress, away[0]+1)
		}
		seen := fmt.Sprintf("%d let in, %d closed at once, the first of them number %d", floodOverall-len(away), len(away), away[0]+1)
		if len(t.people) > 0 {
			took, err := t.signInAfter(ctx)
			if err != nil {
				return seenFell("%s; afterwards nobody can sign in: %v", seen, err), nil
			}
			seen += fmt.Sprintf("; a sign-in after that took %v", round(took))
		}
		return seenHeld("%s", seen), nil
	})
}

// signInAfter signs in as soon as the server has noticed that the flood is over.
func (t *target) signInAfter(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	for time.Since(began) < patience {
		var c *conn
		if c, err = t.open(ctx, t.people[0]); err == nil {
			took = time.Since(began)
			c.leave()
			return took, nil
		}
		if err := pause(ctx, time.Second/5); err != nil {
			return 0, err
		}
	}
	return 0, err
}
