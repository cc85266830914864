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
	{name: "flood-address", row: 2, timed: true, run: floodOneAddress, flag: "--max-unauth-per-ip",
		tried: "40 connections from one address, TLS and no more"},
	{name: "flood-overall", row: 2, many: true, timed: true, run: floodManyAddresses, flag: "--max-unauth",
		tried: "720 connections from 60 addresses, 12 each 10 ms"},
}

// flood opens connections on which nothing is said, and tells which of them the server closed at once; all are closed after that.
func flood(ctx context.Context, n int, open func() (net.Conn, error)) (away []int, err error) {
	var (
		mu    sync.Mutex
		conns []net.Conn
		done  sync.WaitGroup
	)
	defer func() {
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
		c.SetReadDeadline(time.Now().Add(atOnce)) // less than any deadline of the server, which would close it as well
		done.Go(func() {
			if _, err := c.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				turnedAway(i)
			}
		})
	}
	done.Wait()
	return away, nil
}

func floodOneAddress(ctx context.Context, t *target) (finding, error) {
	from := t.stranger()
	// By name of the line protocol: where browsers may come as well, more than a few may be in the handshake.
	away, err := flood(ctx, floodAddress, func() (net.Conn, error) { return t.dial(ctx, from) })
	switch {
	case err != nil:
		return finding{}, err
	case len(away) == 0:
		return seenFell("all let in"), nil
	case len(away) == floodAddress:
		return finding{}, errors.New("not one was let in: the address is kept out for another reason")
	}
	return seenHeld("%d let in, %d closed at once", floodAddress-len(away), len(away)), nil
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
