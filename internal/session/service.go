package session

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"parley/auth"
	"parley/internal/chat"
)

// Options are the bounds of sessions. Zero means no limit, everywhere.
type Options struct {
	Guests       bool
	MessageRate  Rate          // MSG and SEND, by account
	CommandRate  Rate          // every other command, by account
	ByteRate     Rate          // by account
	Errors       int           // ERROR replies of a session before it ends; one is given back every ErrorEvery
	Refused      int           // rate-limited replies of a session before it ends as a flood; 20 are given back a second
	LoginTimeout time.Duration // from the handshake to a good HELLO
	IdleTimeout  time.Duration // without a line
	WriteTimeout time.Duration // for a write to go through
	MaxTopic     int           // bytes of a topic
	OutboxBytes  int           // of events that wait for a session, and again of its own answers
}

// What the protocol names and nobody needs to change.
const (
	errorEvery   = 5 * time.Second
	refusedRate  = 20              // given back a second
	inFlight     = 64              // messages of a session that wait for the log at once
	freshLogin   = 5 * time.Minute // PASSWD is allowed this long after a sign-in by password
	findLimit    = 50
	historyLimit = 50          // where none is asked for
	lastWords    = time.Second // for a peer to take them, and to close in its turn
	lingerBytes  = 1 << 20     // that are thrown away meanwhile
)

// Service is what all sessions share.
type Service struct {
	hub    *chat.Hub
	auth   *auth.Service
	log    *slog.Logger
	opts   Options
	limits *limits
	counts counts

	mu       sync.Mutex
	sessions map[string]*session // by UUID, while their connections are open
	draining bool
	running  sync.WaitGroup

	elsewhere atomic.Pointer[Elsewhere]
}

// Elsewhere asks the other nodes of a cluster. Each call is answered within a second or so, by what could be found out till then.
type Elsewhere struct {
	// Live says whether the session with this UUID is under way on another node. One that can't be reached has none.
	Live func(ctx context.Context, session string) bool
	// EndGuest ends the guest's sessions on the other nodes, and says how many there were. Its error: not all answered.
	EndGuest func(ctx context.Context, name, reason string) (int, error)
	// EndSession ends the session with this UUID, and says how many there were: one, or none. Its error: not all answered.
	EndSession func(ctx context.Context, session, reason string) (int, error)
	// Note tells who is on the other nodes, and says how many sessions that were. Its error: not all answered.
	Note func(ctx context.Context, room, text string) (int, error)
}

// Link has the service ask the other nodes from now on; nil ends that.
func (s *Service) Link(e *Elsewhere) { s.elsewhere.Store(e) }

// New makes a Service.
func New(hub *chat.Hub, auth *auth.Service, log *slog.Logger, opts Options) *Service {
	return &Service{
		hub: hub, auth: auth, log: log, opts: opts,
		limits:   newLimits([costs]Rate{command: opts.CommandRate, message: opts.MessageRate, bytes: opts.ByteRate}),
		sessions: make(map[string]*session),
		counts:   counts{Stats: newStats()},
	}
}

// Peer is who is at the other end of a connection.
type Peer struct {
	From     netip.Addr // for throttles, guests' rates and the log
	Front    string     // by which the peer came, for the log
	SignedIn func()     // called once when HELLO was good
}

// Serve runs the session of one connection, its handshake done, to its end, and closes the connection.
func (s *Service) Serve(ctx context.Context, conn net.Conn, peer Peer) {
	one := newSession(s, conn, peer)
	if !s.add(one) {
		conn.Close()
		return
	}
	defer s.remove(one)
	one.run(ctx)
}

func (s *Service) add(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.running.Add(1)
	s.sessions[one.id] = one
	return true
}

func (s *Service) remove(one *session) {
	s.mu.Lock()
	delete(s.sessions, one.id)
	s.mu.Unlock()
	s.running.Done()
}

// departed says that the session is over, though its connection may linger.
func (s *Service) departed(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.departed = true
}

// Live says whether the session with this UUID is under way here.
func (s *Service) Live(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[id]
	return one != nil && !one.departed
}

// liveAnywhere says whether it is under way, here or on another node.
func (s *Service) liveAnywhere(ctx context.Context, id string) bool {
	if s.Live(id) {
		return true
	}
	e := s.elsewhere.Load()
	return e != nil && e.Live(ctx, id)
}

// endGuest ends the guest's sessions on all nodes, and says how many there were.
func (s *Service) endGuest(ctx context.Context, name, reason string) (int, error) {
	here, away, err := s.hub.EndGuest(name, reason)
	e := s.elsewhere.Load()
	if err != nil || away == 0 || e == nil {
		return here, err
	}
	away, err = e.EndGuest(ctx, name, reason)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	return here + away, nil
}

// Drain ends every session: each answers what it has read, says BYE|shutdown
// and closes. It returns when all have, or cuts off the rest when ctx ends.
func (s *Service) Drain(ctx context.Context) {
	s.mu.Lock()
	s.draining = true
	for _, one := range s.sessions {
		one.interrupt(byeShutdown)
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.mu.Lock()
		for _, one := range s.sessions {
			one.conn.Close()
		}
		s.mu.Unlock()
		<-done
	}
}

func newID() string { return uuid.NewString() }
