package main

import (
	"bytes"
	"sync/atomic"
)

// room is where members hear senders. Its lists are made before anybody speaks, and stay.
type room struct {
	name    string
	size    int       // of each text
	first   int       // the number of its first sender
	senders []*sender // numbered first, first+1, …
	members []*member
	latency *latencies // of what is heard here
}

// sender is a member that speaks.
type sender struct {
	member *member
	room   *room
	number int
	sent   atomic.Uint32
	buf    []byte // owned by who sends: a goroutine of its own, or the pacer
	text   []byte

	window
}

// is says whether the server's name for who spoke is this sender's; some servers give none.
func (s *sender) is(user []byte) bool { return len(user) == 0 || string(user) == s.member.shown }

// appendNext appends the next n messages, due then.
func (s *sender) appendNext(n int, due int64) {
	for range n {
		if s.due != nil {
			s.due[int(s.sent.Load())%len(s.due)].Store(due)
		}
		s.text = appendText(s.text[:0], s.number, s.sent.Load(), due, s.room.size)
		s.buf = s.member.dialect.appendSay(s.buf, s.room.name, s.text)
		s.sent.Add(1)
	}
}

// say sends n messages with one write.
func (s *sender) say(n int, due int64) error {
	s.buf = s.buf[:0]
	s.appendNext(n, due)
	return s.member.write(s.buf)
}

// member is one connection that hears a room. Its listening goroutine owns all of it but the connection's writing side and what is atomic.
type member struct {
	*conn
	shown  string // its name as others see it
	ledger ledger
	heard  atomic.Int64 // messages
	told   atomic.Int64 // other lines
	bytes  atomic.Int64 // read
	said   *sender      // itself as a sender, or nil
	late   []int64      // latencies of the messages of one read

	over    chan struct{} // closed when its goroutine has ended
	dropped atomic.Bool   // the connection was cut on purpose
}

// listen counts and checks what comes until the connection ends.
func (m *member) listen(r *run) error {
	var e event
	for {
		now := r.clock()
		begin := m.at
		heard := int64(0)
		for {
			n := m.dialect.parse(m.buf[m.at:m.have], &e)
			if n == 0 {
				break
			}
			m.at += n
			switch e.kind {
			case message:
				if string(e.room) == m.ledger.room.name {
					m.hear(&e, now)
					heard++
				}
			case reply:
				if m.said != nil && e.id != 0 {
					m.said.accepted(r.clock)
				}
			case refusal:
				if m.dropped.Load() && bytes.HasPrefix(e.line, byeShutdown) {
					return refused(e.line) // a server that is being started anew says so, and that is all the loss is
				}
				m.ledger.faults.Refused++
				r.fail(refused(e.line))
			case other:
				m.told.Add(1)
			case ping:
				if err := m.write(m.dialect.appendPong(nil, e.text)); err != nil {
					return err
				}
			}
		}
		m.bytes.Add(int64(m.at - begin))
		m.heard.Add(heard)
		if len(m.late) > 0 {
			m.ledger.room.latency.record(m.late)
			m.late = m.late[:0]
		}
		if err := m.more(); err != nil {
			return err
		}
	}
}

// hear takes one message.
func (m *member) hear(e *event, now int64) {
	at, seq, due := m.ledger.take(e)
	if at == noText {
		return
	}
	m.late = append(m.late, max(now-due, 0))
	m.ledger.room.senders[at].delivered(m, seq)
}
