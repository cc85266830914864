package auth

import (
	"context"
	"errors"
)

// ErrBusy is returned where too many wait to hash already, or the service is closed: try again later.
var ErrBusy = errors.New("auth: too many sign-ins at once")

// pool bounds how many hash at once, and how many wait for that. It has no
// goroutines: the work is done in the caller's.
type pool struct {
	room   chan struct{} // one for each that works or waits
	turn   chan struct{} // one for each that works
	closed chan struct{}
}

func newPool(workers, queue int) *pool {
	return &pool{
		room:   make(chan struct{}, workers+queue),
		turn:   make(chan struct{}, workers),
		closed: make(chan struct{}),
	}
}

// do runs work when its turn comes: ErrBusy at once if the queue is full,
// ctx's error if that ends first. Work that has begun is waited for, since
// bcrypt can't be interrupted.
func (p *pool) do(ctx context.Context, work func()) error {
	select {
	case p.room <- struct{}{}:
		defer func() { <-p.room }()
	default:
		return ErrBusy
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-p.closed:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
	work()
	return nil
}

// close turns away who waits and returns when nobody works any more. It takes
// all turns and keeps them. Called once.
func (p *pool) close() {
	close(p.closed)
	for range cap(p.turn) {
		p.turn <- struct{}{}
	}
}
