package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/internal/session"
	"parley/tlsutil"
)

// Options are the entrance's bounds.
type Options struct {
	Caps             Caps
	HandshakeTimeout time.Duration // for the whole TLS handshake; 0 is no limit
	Web              func(*Visit)  // takes a connection over that speaks HTTP, and its closing; nil where none may
}

// Server accepts connections and hands them to sessions.
type Server struct {
	tls      *tls.Config
	sessions *session.Service
	log      *slog.Logger
	opts     Options
	gate     *gate
	turns    turns
	trim     trimmer

	mu        sync.Mutex
	loops     []*loop
	strangers map[net.Conn]struct{} // in their handshake, or speaking HTTP
	draining  bool
	conns     sync.WaitGroup

	refusals sync.Mutex // guards what follows
	refused  int        // not logged yet
	logNext  *rate.Limiter
	counted  Stats // but for what is counted when it is asked for
}

// New makes a server.
func New(config *tls.Config, sessions *session.Service, log *slog.Logger, opts Options) *Server {
	return &Server{
		tls: config, sessions: sessions, log: log, opts: opts,
		gate:      newGate(opts.Caps),
		turns:     newTurns(),
		strangers: make(map[net.Conn]struct{}),
		logNext:   rate.NewLimiter(rate.Every(time.Second), 1),
		counted:   newStats(),
	}
}

// purpose is what the connections of one listener are for.
type purpose struct {
	tls   *tls.Config // nil is plain
	as    standing    // what they come as; visitors are for the web front
	proxy bool        // a reverse proxy is at the other end: its own address says nothing
}

// Serve accepts connections until Drain, or until accepting fails for good.
// It returns nil after a Drain that found it listening. What negotiates http/1.1, where the config offers it, is for Options.Web.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if s.opts.Web != nil && slices.Contains(s.tls.NextProtos, tlsutil.HTTP) {
		return s.serve(ctx, l, purpose{tls: greeting(s.tls), as: shaking})
	}
	return s.serve(ctx, l, purpose{tls: s.tls, as: stranger})
}

// ServeWeb is Serve for an address where everything is for Options.Web. Where config is nil it is plain, for a reverse proxy on the
// same machine: connections then count for no address until [Visit.Forwarded] says where they come from.
func (s *Server) ServeWeb(ctx context.Context, l net.Listener, config *tls.Config) error {
	return s.serve(ctx, l, purpose{tls: config, as: visitor, proxy: config == nil})
}

func (s *Server) serve(ctx context.Context, l net.Listener, p purpose) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		return l.Close()
	}
	here := &loop{Listener: l, round: make(chan struct{}, 1)}
	s.loops = append(s.loops, here)
	s.mu.Unlock()
	var wait time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			s.accept(ctx, conn, p)
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			here.woken()
		default:
			// Out of file descriptors, mostly. Those who are in go on; so does this, when some have left.
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.failed()
			s.log.Warn("accepting failed; trying again", "event", "accept.failed", "error", err, "in", wait)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// Peers that are gone without a word are found within eight minutes, by probes (RFC 9293, 3.8.4).
const (
	probeAfter = 2 * time.Minute // without anything, and up to as much again
	probeEvery = 30 * time.Second
	probes     = 4
)

// probe has the kernel look whether the peer is there, at times of the connection's own: thousands of
// probes at one moment overflow a queue, time and again of the same connections, whose peers would be taken for gone.
func probe(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{ // fails on a closed connection alone
			Enable: true, Idle: probeAfter + rand.N(probeAfter), Interval: probeEvery + rand.N(probeEvery), Count: probes,
		})
	}
}

// accept lets the connection in where the caps allow it.
func (s *Server) accept(ctx context.Context, conn net.Conn, p purpose) {
	from := address(conn)
	if p.proxy {
		from = netip.Addr{}
	}
	pass, why := s.gate.enter(from, p.as)
	if pass == nil {
		conn.Close()
		s.logRefused(from, why)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		pass.leave()
		conn.Close()
		return
	}
	probe(conn)
	s.strangers[conn] = struct{}{}
	s.conns.Add(1)
	go s.shake(ctx, p, &Visit{socket: conn, from: from, pass: pass, server: s})
}

// shake does the handshake, on a goroutine of its own that then ends: the session's begins with a
// fresh, small stack.
func (s *Server) shake(ctx context.Context, p purpose, v *Visit) {
	socket := v.socket
	if s.opts.HandshakeTimeout > 0 {
		socket.SetDeadline(time.Now().Add(s.opts.HandshakeTimeout))
	}
	conn, err := secure(socket, p.tls, s.turns)
	if err == nil {
		if p.as == shaking {
			conn.wire.greet = v.greet
		}
		err = conn.shake() // Drain cuts it off
		conn.wire.greet = nil
	}
	if err != nil {
		s.known(socket)
		if !errors.Is(err, errRefused) && !errors.Is(err, errProved) {
			s.unshaken(err)
			s.log.Info("handshake failed", "event", "handshake.failed", "from", v.from, "error", err.Error())
		}
		socket.Close()
		s.leave(v.pass)
		return
	}
	s.trim.handshake()
	s.shaken(p)
	socket.SetDeadline(time.Time{})
	if v.pass.standing == visitor {
		v.conn = conn
		s.opts.Web(v)
		return
	}
	s.known(socket)
	conn.loose()
	go s.session(ctx, conn, v.from, v.pass)
}

// known says that Drain need not cut the connection off: it is a session's, or closed.
func (s *Server) known(socket net.Conn) {
	s.mu.Lock()
	delete(s.strangers, socket)
	s.mu.Unlock()
}

func (s *Server) session(ctx context.Context, conn *conn, from netip.Addr, pass *pass) {
	defer s.leave(pass)
	s.sessions.Serve(ctx, conn, session.Peer{From: from, Front: "line", SignedIn: pass.signIn})
}

// leave is the end of a connection.
func (s *Server) leave(pass *pass) {
	pass.leave()
	s.conns.Done()
}

// logRefused tells of refused connections once a second at most: a flood must not fill the log.
func (s *Server) logRefused(from netip.Addr, why string) {
	s.refusals.Lock()
	defer s.refusals.Unlock()
	s.refused++
	s.counted.Refused[why]++
	if s.logNext.Allow() {
		s.log.Warn("connections refused", "event", "conn.refused", "from", from, "bound", why, "count", s.refused)
		s.refused = 0
	}
}

// Drain stops accepting, cuts off handshakes and what speaks HTTP, and ends the sessions; those
// that have not ended when ctx does are cut off. It returns after the last connection.
func (s *Server) Drain(ctx context.Context) {
	s.mu.Lock()
	s.draining = true
	for _, l := range s.loops {
		l.Close()
	}
	for conn := range s.strangers {
		conn.Close()
	}
	s.mu.Unlock()
	s.sessions.Drain(ctx)
	s.conns.Wait()
	s.trim.end()
}

// address is the peer's, without its port.
func address(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
