package auth

import "time"

// Stats are what the hashing of passwords does now.
type Stats struct {
	Hashing   int // passwords that are hashed
	Waiting   int // sign-ins, and new passwords, that wait for a worker
	Places    int // of both together, before others are told ErrBusy
	Throttled int // names and addresses that reached the limit of failed sign-ins in the last hour
}

// Stats counts; it may be called at any time.
func (s *Service) Stats() Stats {
	held, working := s.pool.load()
	return Stats{Hashing: working, Waiting: max(0, held-working), Places: s.pool.places, Throttled: s.throttle.limited()}
}

func (p *pool) load() (held, working int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held, min(len(p.turn), p.held)
}

// timed is aside, with what it took told to hashed, where there is one. came is when the work came to the pool.
func (p *pool) timed(came time.Time, work func()) {
	if p.hashed == nil {
		p.aside(work)
		return
	}
	began := time.Now()
	p.aside(work)
	p.hashed(began.Sub(came), time.Since(began))
}
