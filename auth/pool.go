package auth

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// ErrBusy is returned where too many wait to hash already, in all, for one name or from one
// address; where the account changed too often meanwhile; or where the service is closed: try again later.
var ErrBusy = errors.New("auth: too many sign-ins at once")

// pool bounds how many hash at once, and how many wait for that. It has no
// goroutines: the work is done in the caller's.
type pool struct {
	turn   chan struct{} // one for each that works
	aside  func(func())
	hashed func(waited, took time.Duration) // nil: nobody wants to know
	closed chan struct{}

	places, perName, perAddress int // that may be held at once

	mu    sync.Mutex
	held  int // by who works or waits
	names map[string]int
	addrs map[netip.Prefix]int
}

// newPool has workers and queue places in all; aside runs the work.
func newPool(workers, queue, perName, perAddress int, aside func(func())) *pool {
	return &pool{
		turn:       make(chan struct{}, workers),
		aside:      aside,
		closed:     make(chan struct{}),
		places:     workers + queue,
		perName:    perName,
		perAddress: perAddress,
		names:      make(map[string]int),
		addrs:      make(map[netip.Prefix]int),
	}
}

// do runs work when its turn comes: ErrBusy at once if no place is free for w,
// ctx's error if that ends first. Work that has begun is waited for, since
// bcrypt can't be interrupted.
func (p *pool) do(ctx context.Context, w who, work func()) error {
	if !p.enter(w) {
		return ErrBusy
	}
	defer p.leave(w)
	came := time.Now()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-p.closed:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
	p.timed(came, work)
	return nil
}

// enter takes a place. Successes are not throttled, so without shares whoever
// knows one password could hold all places for ever. An empty name or address
// has no share of its own: the operators' are limited by the places alone.
func (p *pool) enter(w who) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held >= p.places || p.names[w.name] >= p.perName || p.addrs[w.addr] >= p.perAddress {
		return false
	}
	p.held++
	if w.name != "" {
		p.names[w.name]++
	}
	if w.addr.IsValid() {
		p.addrs[w.addr]++
	}
	return true
}

func (p *pool) leave(w who) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
	giveBack(p.names, w.name)
	giveBack(p.addrs, w.addr)
}

// giveBack keeps the map as small as the pool.
func giveBack[K comparable](held map[K]int, key K) {
	if held[key]--; held[key] <= 0 {
		delete(held, key)
	}
}

// close turns away who waits and returns when nobody works any more. It takes
// all turns and keeps them. Called once.
func (p *pool) close() {
	close(p.closed)
	for range cap(p.turn) {
		p.turn <- struct{}{}
	}
}
