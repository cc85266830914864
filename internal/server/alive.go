package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// door is a listener and its accept loop.
type door struct {
	net.Listener
	round chan struct{} // has one when the loop was woken by knock, and came round
}

// knock wakes the loop, which may have nothing else to wake it for days.
func (d *door) knock() error {
	l, ok := d.Listener.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return fmt.Errorf("a listener of type %T can't be woken", d.Listener)
	}
	select {
	case <-d.round: // of a time when nobody waited any more
	default:
	}
	return l.SetDeadline(time.Unix(1, 0))
}

// woken takes the deadline back that knock has set.
func (d *door) woken() {
	_ = d.Listener.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Time{}) // fails on a closed listener alone
	select {
	case d.round <- struct{}{}:
	default:
	}
}

// Alive returns nil when each accept loop has shown that it comes round, or when Drain has begun; else an error, when ctx ends.
// It needs no connection. One call at a time.
func (s *Server) Alive(ctx context.Context) error {
	s.mu.Lock()
	doors, draining := s.doors, s.draining
	s.mu.Unlock()
	if draining {
		return nil
	}
	for _, d := range doors {
		if err := d.knock(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	for _, d := range doors {
		select {
		case <-d.round:
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.draining { // meanwhile
				return nil
			}
			return fmt.Errorf("accepting on %s has stopped: %w", d.Addr(), ctx.Err())
		}
	}
	return nil
}
