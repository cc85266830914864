package store

import (
	"slices"
	"time"
)

// A pace decides how long a batch waits for company. A sync, and the writes to everybody in the
// room that follow it, cost as much for one message as for thirty. So where someone says many
// at once without waiting for answers, or many sign in, a batch that comes soon after the last sync waits a
// little for the rest. A lone message never waits, nor do many people's. It belongs to the sequencer.
type pace struct {
	last   time.Time    // when the last batch became durable
	recent [8]time.Time // when other writes came, and messages that were not their session's only one in the batch
	next   int
}

const (
	paceMost = 4 * time.Millisecond // between two syncs
	paceStep = time.Millisecond     // without another message, the batch waits no longer
	enough   = 32                   // messages that wait for no more
	dense    = 4                    // of recent, within paceMost, that make a batch wait
)

// company waits until there is something in the queue, and for company where that is worth it.
func (s *Store) company() {
	<-s.ready
	n := s.waiting()
	if n >= enough || !s.pace.dense(time.Now()) {
		return
	}
	timer := time.NewTimer(paceStep)
	defer timer.Stop()
	for until := s.pace.last.Add(paceMost); time.Now().Before(until); timer.Reset(paceStep) {
		select {
		case <-s.ready: // there is enough, or the store closes
			return
		case <-timer.C:
		}
		before := n
		if n = s.waiting(); n == before {
			return
		}
	}
}

// waiting is how many writes wait in the queue; enough when it closes.
func (s *Store) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return enough
	}
	return len(s.queue)
}

// note remembers a batch that became durable.
func (p *pace) note(batch []item, now time.Time) {
	p.last = now
	batch = batch[max(0, len(batch)-len(p.recent)):]
	for i := range batch {
		said, ok := batch[i].op.(*said)
		if !ok || slices.ContainsFunc(batch[:i], said.sameSession) {
			p.recent[p.next] = now
			p.next = (p.next + 1) % len(p.recent)
		}
	}
}

func (s *said) sameSession(it item) bool {
	other, ok := it.op.(*said)
	return ok && other.Session == s.Session
}

func (p *pace) dense(now time.Time) bool {
	n := 0
	for _, at := range p.recent {
		if now.Sub(at) < paceMost {
			n++
		}
	}
	return n >= dense
}
