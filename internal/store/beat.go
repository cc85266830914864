package store

import (
	"context"
	"fmt"
)

// Beat returns nil when something has gone the way of a write once around, through the sequencer (in a cluster, by whoever applies the
// stream's entries) and the tail; it writes nothing, and needs neither room on the disk nor NATS. It returns nil as well where the
// store is not started or closed, and else an error when ctx ends first.
func (s *Store) Beat(ctx context.Context) error {
	s.mu.Lock()
	if s.closed || !s.started {
		s.mu.Unlock()
		return nil
	}
	if s.beat == nil {
		s.beat = make(chan struct{})
	}
	beat := s.beat
	tell(s.ready)
	s.mu.Unlock()
	select {
	case <-beat:
		return nil
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the log has stopped: %w", ctx.Err())
	}
}

// asked says whether somebody waits for a beat.
func (s *Store) asked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beat != nil
}

// beaten answers those who wait. The tail goroutine calls it after each batch, also an empty one.
func (s *Store) beaten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beat != nil {
		close(s.beat)
		s.beat = nil
	}
}
