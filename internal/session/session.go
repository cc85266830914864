package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/internal/chat"
	"parley/protocol"
)

// state says which commands may come. It is a set's element: see command.states.
type state uint8

const (
	fresh   state = 1 << iota // connected, not signed in
	invited                   // signed in, must change the password first
	active                    // signed in
)

// The server's reasons to end a session.
var (
	byeShutdown     = bye{code: protocol.ByeShutdown, text: "the server is stopping; come back in a moment", rest: true}
	byeIdle         = bye{code: protocol.ByeIdle, text: "nothing came for too long; PING keeps a session"}
	byeLogin        = bye{code: protocol.ByeLoginTimeout, text: "no sign-in came in time"}
	byeFlood        = bye{code: protocol.ByeFlood, text: "far more came than is allowed"}
	byeSlow         = bye{code: protocol.ByeSlow, text: "you read too slowly; what you missed is in HISTORY", drop: true}
	byeTooManyError = bye{code: protocol.ByeTooManyErrors, text: "too many lines were refused"}
)

// session is one connection. Fields are the reading goroutine's own, but for
// those below mu.
type session struct {
	svc   *Service
	id    string // UUID, for logs
	conn  net.Conn
	peer  Peer
	lines *protocol.Reader
	out   *outbox

	state       state
	seat        *chat.Seat
	allowance   *allowance
	since       time.Time     // when it was accepted
	armed       time.Time     // when the idle deadline was last set
	passwordAt  time.Time     // when it signed in by password; zero for a token
	version     int64         // of the account at sign-in, or after its own PASSWD
	unconfirmed bool          // no line came since it signed in by token
	over        bool          // read nothing more
	tried       string        // the name of the last HELLO, where it is one
	left        bool          // by EXIT
	errors      *rate.Limiter // nil before the first; see allow
	refused     *rate.Limiter
	counted     int64 // bytes of lines that were charged

	departed bool // under Service.mu: over, for everybody but its peer

	mu      sync.Mutex
	waits   time.Duration // after since, when it last began to wait for a line
	settled sync.Cond     // pending went down
	pending int           // messages that wait for the log
	last    *bye          // why the server ends the session; the first reason stays
}

func newSession(svc *Service, conn net.Conn, peer Peer) *session {
	s := &session{
		svc: svc, id: newID(), conn: conn, peer: peer,
		lines: protocol.NewReader(conn), state: fresh, since: time.Now(),
	}
	s.settled.L = &s.mu
	s.out = newOutbox(conn, svc.opts.OutboxBytes, svc.opts.WriteTimeout, func() { s.interrupt(byeSlow) })
	return s
}

// allow spends one of a budget of n, which most sessions never touch. 0 is no limit.
func allow(budget **rate.Limiter, n int, back rate.Limit) bool {
	if n <= 0 {
		return true
	}
	if *budget == nil {
		*budget = rate.NewLimiter(back, n)
	}
	return (*budget).Allow()
}

// log is the session's logger, made for the line: one that is kept costs an idle connection as much as the rest of the session.
func (s *session) log() *slog.Logger {
	log := s.svc.log.With("session", s.id, "from", s.peer.From)
	if s.state != fresh {
		log = log.With("user", s.seat.Name)
	}
	return log
}

// run serves the connection to its end.
func (s *session) run(ctx context.Context) {
	s.log().Info("connected", "event", "session.open", "front", s.peer.Front)
	err := s.read(ctx)
	s.settle()
	s.end(err)
}

// read takes lines until the session is over. Its error is why the connection was lost, if it was.
func (s *session) read(ctx context.Context) error {
	for !s.over {
		s.out.room()
		if !s.lines.HasLine() {
			s.out.flush()
		}
		if s.arm() {
			return nil
		}
		line, err := s.lines.ReadLine()
		switch {
		case err == nil || errors.Is(err, protocol.ErrTooLong):
			s.line(ctx, line, err != nil)
		case errors.Is(err, protocol.ErrFlood):
			s.interrupt(byeFlood)
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.interrupt(s.overdue())
			return nil
		default:
			return err
		}
	}
	return nil
}

// arm sets the deadline of the next read. It is true where the session must end now.
func (s *session) arm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		return !s.last.rest
	}
	now := time.Now()
	s.waits = now.Sub(s.since)
	switch {
	case s.state == fresh:
		if s.armed.IsZero() && s.svc.opts.LoginTimeout > 0 {
			s.conn.SetReadDeadline(s.since.Add(s.svc.opts.LoginTimeout))
		}
	case s.svc.opts.IdleTimeout <= 0:
		s.conn.SetReadDeadline(time.Time{})
	case now.Sub(s.armed) > s.svc.opts.IdleTimeout/64:
		s.conn.SetReadDeadline(now.Add(s.svc.opts.IdleTimeout))
	default:
		return false
	}
	s.armed = now
	return false
}

func (s *session) overdue() bye {
	if s.state == fresh {
		return byeLogin
	}
	return byeIdle
}

// interrupt ends the session for the reason given, from any goroutine.
func (s *session) interrupt(why bye) {
	s.mu.Lock()
	if s.last == nil {
		s.last = &why
	}
	// The reader wakes up and sees why.
	s.conn.SetReadDeadline(time.Unix(1, 0))
	s.mu.Unlock()
	if !why.rest {
		s.out.close()
	}
}

// Deliver implements chat.Member.
func (s *session) Deliver(events []byte) { s.out.event(events) }

// Flush implements chat.Member.
func (s *session) Flush() { s.out.flush() }

// End implements chat.Member.
func (s *session) End(reason string) {
	if reason == "" {
		reason = "your sessions were ended"
	}
	s.interrupt(bye{code: protocol.ByeEjected, text: reason, gone: true})
}

// begin makes room for one more message that waits for the log.
func (s *session) begin() {
	s.mu.Lock()
	for s.pending >= inFlight {
		s.settled.Wait() // the tail flushes
	}
	s.pending++
	s.mu.Unlock()
}

// done is begin's other end, after the message's reply is in the outbox.
func (s *session) done() {
	s.mu.Lock()
	s.pending--
	s.settled.Broadcast()
	s.mu.Unlock()
}

// settle waits for the replies to all messages so far.
func (s *session) settle() {
	s.mu.Lock()
	for s.pending > 0 {
		s.settled.Wait()
	}
	s.mu.Unlock()
}

// end tells the peer why, waits for the outbox, closes and cleans up.
func (s *session) end(lost error) {
	s.mu.Lock()
	why := s.last
	s.mu.Unlock()
	reason := endExit
	var last []byte
	var drop bool
	switch {
	case s.left:
	case why != nil:
		reason, last, drop = why.code, why.line(), why.drop
	case s.over:
		reason = endRefused
	case errors.Is(lost, io.EOF):
		reason = endClosed
	case lost != nil:
		reason = endLost
	}
	s.svc.counts.end(reason)
	s.depart(why == nil || !why.gone)
	wait := s.svc.opts.WriteTimeout
	if wait <= 0 || drop {
		wait = lastWords
	}
	s.out.finish(last, time.Now().Add(wait), drop)
	s.linger()
	if s.allowance != nil {
		s.svc.limits.drop(s.allowance)
	}
	log := s.log()
	if reason == endLost {
		log = log.With("error", lost.Error())
	}
	log.Info("disconnected", "event", "session.close", "reason", reason, "for", time.Since(s.since).Round(time.Millisecond).String())
}

// depart ends the session for everybody else, before its peer hears the last
// of it: who signs in anew at once meets no trace of it.
func (s *session) depart(lost bool) {
	if s.seat != nil && !s.left {
		s.seat.Exit(lost)
	}
	s.svc.departed(s)
}

// linger closes the sending side and reads on for a moment: closing with bytes
// unread would reset the connection, and the last words with it (RFC 1122, 4.2.2.13).
func (s *session) linger() {
	defer s.conn.Close()
	half, can := s.conn.(interface{ CloseWrite() error })
	if !can || half.CloseWrite() != nil {
		return
	}
	s.conn.SetReadDeadline(time.Now().Add(lastWords))
	io.CopyN(io.Discard, s.conn, lingerBytes)
}

// httpLine is what a line looks like that some program meant for a web server (ALPACA, https://alpaca-attack.com).
var httpLine = regexp.MustCompile(`^[A-Za-z]+ \S+ HTTP/|^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) `)
