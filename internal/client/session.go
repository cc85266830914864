package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"parley/protocol"
)

// Options are the bounds of a [Session]. A zero field is its default.
type Options struct {
	// OnEvent is told every event that is not part of an answer, in order, on the session's reading goroutine. While it runs
	// nothing is read, and the server feels it; it must not start requests. nil ignores events.
	OnEvent func(protocol.Event)

	Quiet         time.Duration // without a reply from the server before it is asked for a sign of life; 60 s
	ReplyTimeout  time.Duration // the longest wait for a reply, that of PING as well; 15 s
	SignInTimeout time.Duration // the same for HELLO and PASSWD, which may queue behind others, and for DELETE; 30 s
	WriteTimeout  time.Duration // for one line to be taken by the network; 10 s
	Pipeline      int           // requests in flight; one more waits for room; 64
}

func (o Options) withDefaults() Options {
	if o.OnEvent == nil {
		o.OnEvent = func(protocol.Event) {}
	}
	o.Quiet = cmp.Or(o.Quiet, time.Minute)
	o.ReplyTimeout = cmp.Or(o.ReplyTimeout, 15*time.Second)
	o.SignInTimeout = cmp.Or(o.SignInTimeout, 30*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.Pipeline = cmp.Or(o.Pipeline, 64)
	return o
}

// Reply is the server's answer to one request.
type Reply struct {
	Data   string           // behind OK|
	Events []protocol.Event // of a HISTORY or FIND, oldest first: MSG, or GONE where one was taken back
	Count  int              // of the lines that were the answer: those of Events, and others that only a later version knows
	Err    error            // a *protocol.Error where the server refused, a *LostError where no answer came
}

// LostError is why a connection ended. Err may be a *ByeError, a *MisbehaviorError or what the network said.
type LostError struct{ Err error }

func (e *LostError) Error() string { return "connection lost: " + e.Err.Error() }
func (e *LostError) Unwrap() error { return e.Err }

// ByeError is the server's own reason for closing. Text comes from the server.
type ByeError struct{ Code, Text string }

func (e *ByeError) Error() string { return "closed by the server: " + e.Code + ": " + e.Text }

// MisbehaviorError says what of the protocol the server broke.
type MisbehaviorError struct{ What string }

func (e *MisbehaviorError) Error() string { return "the server breaks the protocol: " + e.What }

// Causes within a LostError.
var (
	ErrSilent = errors.New("the server is silent")
	ErrClosed = errors.New("closed here")
)

// Session is one connection to a server. Its methods may be used by many goroutines at once.
type Session struct {
	conn net.Conn
	o    Options
	done chan struct{} // closed when the reading goroutine has ended
	err  error         // why; set before done is closed

	slots chan struct{} // holds one element for each request in flight
	write sync.Mutex    // held while a request is queued and written, so that both orders are one

	mu       sync.Mutex
	pending  []*request    // in flight, oldest first
	ended    bool          // no further request is taken
	closed   bool          // by Close
	since    time.Time     // since when the reading goroutine waits for bytes; zero while it does not
	patience time.Duration // what is left of it, counted while the reading goroutine waits; see patience.go

	// Of the reading goroutine alone.
	held    []protocol.Event // the newest events while pending[0] is answered by events; Command is empty for one of a later version
	bye     *ByeError
	invited bool // the account needs a password of its own: a NOTE says so once more, to those who type the protocol
}

// specials are the commands whose reply is unlike that of the others.
var specials = map[string]struct {
	slow  bool // it may queue behind other sign-ins, or has much to do
	holds int  // the most events that may be its answer
}{
	"HELLO": {slow: true}, "PASSWD": {slow: true}, "DELETE": {slow: true},
	"HISTORY": {holds: protocol.MaxLimit}, "FIND": {holds: protocol.MaxLimit},
}

type request struct {
	holds   int           // the most events that may be its answer
	timeout time.Duration // the most patience for its reply
	done    func(Reply)   // called once, on the reading goroutine
}

// NewSession starts a session on conn, which it owns from now on. [Session.Close] must be called in the end.
func NewSession(conn net.Conn, o Options) *Session {
	o = o.withDefaults()
	s := &Session{conn: conn, o: o, done: make(chan struct{}), slots: make(chan struct{}, o.Pipeline)}
	s.patience = o.Quiet
	go s.run()
	return s
}

// Done is closed when the session has ended, and every request has its reply.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err is why the session ended; only to be asked after Done.
func (s *Session) Err() error { return s.err }

// TLS is what secures the connection; false where nothing does, as in tests.
func (s *Session) TLS() (tls.ConnectionState, bool) {
	conn, ok := s.conn.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return conn.ConnectionState(), true
}

// Close ends the connection with close_notify, without EXIT: the resume token stays good. It waits for the reading goroutine.
func (s *Session) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.conn.Close()
	<-s.done
}

// Do sends a request and waits for its reply, whose Err it also returns. Where ctx ends first, the request has been sent all the same.
func (s *Session) Do(ctx context.Context, command string, fields ...string) (Reply, error) {
	answer := make(chan Reply, 1)
	if err := s.Start(ctx, func(r Reply) { answer <- r }, command, fields...); err != nil {
		return Reply{}, err
	}
	select {
	case r := <-answer:
		return r, r.Err
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	}
}

// Start sends a request without waiting for the reply, which done is told on the reading goroutine: before any event that comes
// after it, and never while ctx alone ends. done must not start requests itself. Start waits while as many requests as Options.Pipeline are in flight.
// On an error done is not called; a line over the protocol's bound is a *protocol.Error.
func (s *Session) Start(ctx context.Context, done func(Reply), command string, fields ...string) error {
	line := protocol.Append(nil, command, fields...)
	if len(line) > protocol.MaxLine {
		return protocol.Errorf(protocol.TooLong, "a line has at most %d bytes, this one %d", protocol.MaxLine, len(line))
	}
	for _, c := range line[:len(line)-1] {
		if c == '\n' {
			return protocol.Errorf(protocol.BadText, "a line can't hold a line end")
		}
	}
	select {
	case s.slots <- struct{}{}:
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
	r := &request{timeout: s.o.ReplyTimeout, done: func(r Reply) { <-s.slots; done(r) }}
	special := specials[command]
	if special.slow {
		r.timeout = s.o.SignInTimeout
	}
	r.holds = special.holds
	if !s.send(r, line) {
		<-s.slots
		<-s.done
		return s.err
	}
	return nil
}

// send queues r and writes its line. False: the session has ended, and r.done is not called.
// A failed write ends the session, and with it every request in flight.
func (s *Session) send(r *request, line []byte) bool {
	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return false
	}
	s.pending = append(s.pending, r)
	if len(s.pending) == 1 {
		s.restartPatience()
	}
	s.mu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(s.o.WriteTimeout))
	if _, err := s.conn.Write(line); err != nil {
		s.conn.Close() // the reading goroutine notices, and tells everybody
	}
	return true
}

// run is the reading goroutine. Nobody else calls OnEvent or a request's done.
func (s *Session) run() {
	cause := s.read()
	s.conn.Close()
	s.release(len(s.held))
	s.mu.Lock()
	switch {
	case s.closed:
		cause = ErrClosed
	case s.bye != nil:
		cause = s.bye
	}
	s.err = &LostError{cause}
	s.ended = true
	pending := s.pending
	s.pending = nil
	s.mu.Unlock()
	for _, r := range pending {
		r.done(Reply{Err: s.err})
	}
	close(s.done)
}

func (s *Session) read() error {
	lines := protocol.NewReader(patientReader{s})
	for {
		raw, err := lines.ReadLine()
		if err == protocol.ErrTooLong || err == protocol.ErrFlood {
			return &MisbehaviorError{"a line is too long"}
		} else if err != nil {
			return err
		}
		line, bad := protocol.Parse(raw)
		if bad != nil {
			return &MisbehaviorError{bad.Text}
		}
		if line.Command == protocol.ReplyOK || line.Command == protocol.ReplyError {
			err = s.reply(line)
		} else {
			err = s.event(line)
		}
		if err != nil {
			return err
		}
	}
}

// reply ends the oldest request.
func (s *Session) reply(line protocol.Line) error {
	r := s.oldest()
	if r == nil {
		return &MisbehaviorError{"a reply to nothing"}
	}
	answer := Reply{Data: line.Data}
	if line.Command == protocol.ReplyError {
		code, text, found := cut(line.Data)
		if !found {
			return &MisbehaviorError{"an ERROR without its explanation"}
		}
		answer.Err = &protocol.Error{Code: protocol.Code(code), Text: text}
	} else if r.holds > 0 {
		n, bad := protocol.ParseID(line.Data)
		if bad != nil || n > int64(len(s.held)) {
			return &MisbehaviorError{"an answer of another length than it says"}
		}
		answer.Count = int(n)
	}
	s.release(len(s.held) - answer.Count)
	answer.Events = slices.DeleteFunc(s.held, isUnknown)
	s.held = nil

	s.mu.Lock()
	s.pending = s.pending[1:]
	s.restartPatience()
	s.mu.Unlock()
	r.done(answer)
	return nil
}

func (s *Session) oldest() *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		return nil
	}
	return s.pending[0]
}

// event hands an event on, or holds it back: messages before the reply to HISTORY may be live ones or the answer, and only
// the reply tells how many of the last are its own. The same goes for messages that were taken back, and for what a later version
// may put in their place. Any other event parts them for certain.
func (s *Session) event(line protocol.Line) error {
	e, known, bad := protocol.ParseEvent(line)
	if bad != nil {
		return &MisbehaviorError{bad.Text}
	}
	if s.invited && e.Command == protocol.EventNote {
		return nil // told by SignedIn.Invited
	}
	if e.Command == protocol.EventBye {
		s.bye = &ByeError{Code: e.Code, Text: e.Text}
		return nil
	}
	s.held = append(s.held, e)
	r := s.oldest()
	if r == nil || r.holds == 0 || known && e.Command != protocol.EventMsg && e.Command != protocol.EventGone {
		s.release(len(s.held))
		return nil
	}
	s.release(len(s.held) - r.holds)
	// A long answer on a slow line is progress.
	s.mu.Lock()
	s.restartPatience()
	s.mu.Unlock()
	return nil
}

// release hands on the n oldest of the events held.
func (s *Session) release(n int) {
	for range n {
		if e := s.held[0]; !isUnknown(e) {
			s.o.OnEvent(e)
		}
		s.held = s.held[1:]
	}
}

func isUnknown(e protocol.Event) bool { return e.Command == "" }

func cut(data string) (first, rest string, found bool) {
	fields, bad := protocol.Fields(data, 2)
	if bad != nil {
		return "", "", false
	}
	return fields[0], fields[1], true
}
