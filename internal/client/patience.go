package client

import (
	"errors"
	"os"
	"time"

	"parley/protocol"
)

// patientReader reads from a session's connection and decides when the server has been silent for too long. What counts is the time
// spent waiting for bytes, so that a pause on this side (a stopped terminal, a sleeping machine) is not blamed on the server.
type patientReader struct{ *Session }

// Read implements io.Reader. After Options.Quiet without a reply, and with no request in flight, it sends PING; a reply that takes
// longer than its request's timeout ends the session with ErrSilent. Events do not put the PING off: to the server, a client
// that only listens is idle.
func (s patientReader) Read(p []byte) (int, error) {
	for {
		s.mu.Lock()
		s.since = time.Now()
		s.arm()
		s.mu.Unlock()

		n, err := s.conn.Read(p)

		s.mu.Lock()
		s.patience -= time.Since(s.since)
		s.since = time.Time{}
		waitsForReply, spent := len(s.pending) > 0, s.patience <= 0
		s.mu.Unlock()

		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		switch {
		case !spent: // the deadline was an older one
		case waitsForReply:
			return 0, ErrSilent
		default:
			ping := &request{timeout: s.o.ReplyTimeout, done: func(Reply) {}}
			s.send(ping, protocol.Append(nil, "PING", ""))
		}
	}
}

// restartPatience begins the wait for the reply to the oldest request, or for the next PING where there is none. mu is held.
func (s *Session) restartPatience() {
	s.patience = s.o.Quiet
	if len(s.pending) > 0 {
		s.patience = s.pending[0].timeout
	}
	if !s.since.IsZero() { // a read is under way: it must not outwait the new bound
		s.since = time.Now()
		s.arm()
	}
}

// arm makes the read under way end when patience does. mu is held.
func (s *Session) arm() {
	s.conn.SetReadDeadline(s.since.Add(s.patience))
}
