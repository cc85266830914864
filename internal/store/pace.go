package store

import "time"

// A pace decides how long a batch waits for company. A sync costs as much for one
// message as for thirty, so where messages come densely, from several people or from one who
// does not wait for answers, one that comes soon after the last sync waits a little for more. A
// lone message never waits, nor does one whose writer waits for each answer. It belongs to the sequencer.
type pace struct {
	last   time.Time // when the last batch became durable
	recent [8]coming
	next   int
}

// coming is a message that came lately.
type coming struct {
	at      time.Time
	session string
	others  bool // it was not alone in its batch
}

const (
	paceMost = 4 * time.Millisecond // between two syncs, where messages come densely
	paceStep = time.Millisecond     // without another one, the batch waits no longer
	enough   = 32                   // messages that wait for no more
	dense    = 4                    // others within paceMost
)

// company waits until there is something in the queue, and for company where that is worth it.
func (s *Store) company() {
	<-s.ready
	n, session := s.waiting()
	if n == 0 || n >= enough || !s.pace.dense(session, time.Now()) {
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
		if n, _ = s.waiting(); n == before {
			return
		}
	}
}

// waiting is how many messages wait in the queue, and the session of the first. It
// is 0 where there are other writes, which are not held up.
func (s *Store) waiting() (n int, session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ""
	}
	for i := range s.queue {
		said, ok := s.queue[i].op.(*said)
		if !ok {
			return 0, ""
		}
		if i == 0 {
			session = said.Session
		}
	}
	return len(s.queue), session
}

// note remembers a batch that became durable.
func (p *pace) note(batch []item, now time.Time) {
	p.last = now
	for _, it := range batch[max(0, len(batch)-len(p.recent)):] {
		if said, ok := it.op.(*said); ok {
			p.recent[p.next] = coming{now, said.Session, len(batch) > 1}
			p.next = (p.next + 1) % len(p.recent)
		}
	}
}

// dense says whether others than this session's, or several at once, came lately.
func (p *pace) dense(session string, now time.Time) bool {
	n := 0
	for _, c := range p.recent {
		if now.Sub(c.at) < paceMost && (c.others || c.session != session) {
			n++
		}
	}
	return n >= dense
}
