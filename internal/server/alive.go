package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// loop is a listener and its accept loop.
type loop struct {
	net.Listener
	round chan struct{} // has one when the loop was woken by knock, and came round
}

// deadliner is what TCP listeners are.
type deadliner interface{ SetDeadline(time.Time) error }

// knock wakes the loop, which may have nothing else to wake it for days.
func (l *loop) knock() error {
	waker, ok := l.Listener.(deadliner)
	if !ok {
		return fmt.Errorf("a listener of type %T can't be woken", l.Listener)
	}
	select {
	case <-l.round: // of a time when nobody waited any more
	default:
	}
	return waker.SetDeadline(time.Unix(1, 0))
}

// woken takes the deadline back that knock has set.
func (l *loop) woken() {
	if waker, ok := l.Listener.(deadliner); ok {
		_ = waker.SetDeadline(time.Time{}) // fails on a closed listener alone
	}
	select {
	case l.round <- struct{}{}:
	default:
	}
}

// Alive returns nil when each accept loop has shown that it comes round, or when Drain has begun; else an error, when ctx ends.
// It needs no connection. One call at a time.
func (s *Server) Alive(ctx context.Context) error {
	s.mu.Lock()
	loops, draining := s.loops, s.draining
	s.mu.Unlock()
	if draining {
		return nil
	}
	for _, l := range loops {
		if err := l.knock(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	for _, l := range loops {
		select {
		case <-l.round:
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.draining { // meanwhile
				return nil
			}
			return fmt.Errorf("accepting on %s has stopped: %w", l.Addr(), ctx.Err())
		}
	}
	return nil
}
