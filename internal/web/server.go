package web

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"parley/internal/session"
)

// Visitor is a connection from the entrance, TLS done. Reads and writes wait, under the deadlines, until Loose.
type Visitor interface {
	net.Conn
	From() netip.Addr        // the peer's address; not valid where a proxy has yet to say it
	Plain() bool             // no TLS: a reverse proxy on this machine is at the other end
	Upgrade(netip.Addr) bool // it speaks lines from now on, and comes from there; false where there are too many that do
	SignedIn()               // it is no stranger any more
	Loose()                  // writes wait no more
	Cork()                   // for these see internal/session
	Uncork() (gone bool, err error)
	Drain() (gone bool, err error)
}

// Options are the bounds of connections that speak HTTP. Zero means no limit.
type Options struct {
	Names         func() []string // the server's, which Host and Origin must be; they may change
	HeaderTimeout time.Duration   // for the head of a request
	Life          time.Duration   // of a connection that does not become a WebSocket
	WriteTimeout  time.Duration   // for a response to go through
}

// What nobody needs to change.
const (
	keepAlive   = 2 * time.Second // between two requests; of such connections the entrance lets few in
	maxHead     = 8 << 10         // bytes of a request's head, give or take what net/http adds
	maxRequests = 64              // of one connection
)

// Server is the web front. Its methods are safe for concurrent use.
type Server struct {
	ctx      context.Context
	sessions *session.Service
	log      *slog.Logger
	opts     Options
	files    map[string]file
	http     http.Server
	visits   chan net.Conn
	closed   chan struct{}
	close    sync.Once
	answers  answers
}

// New makes a server whose sessions run under ctx.
func New(ctx context.Context, sessions *session.Service, log *slog.Logger, opts Options) (*Server, error) {
	page, err := fs.Sub(embedded, "page")
	if err != nil {
		return nil, err
	}
	files, err := load(page)
	if err != nil {
		return nil, err
	}
	s := &Server{
		ctx: ctx, sessions: sessions, log: log, opts: opts, files: files,
		visits: make(chan net.Conn), closed: make(chan struct{}), answers: answers{by: map[string]int64{aPage: 0, aSocket: 0, aRefusal: 0}},
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.http = http.Server{
		Handler: s, Protocols: protocols, DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout: opts.HeaderTimeout, ReadTimeout: opts.Life, WriteTimeout: opts.WriteTimeout,
		IdleTimeout: keepAlive, MaxHeaderBytes: maxHead,
		ErrorLog: slog.NewLogLogger(log.With("event", "web.error", "front", "web").Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, &caller{visit: conn.(Visitor), since: time.Now()})
		},
	}
	return s, nil
}

// Run serves what Serve brings, until Close.
func (s *Server) Run() {
	if err := s.http.Serve(visits{s}); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("the web front ended", "event", "web.ended", "error", err)
	}
}

// Serve takes over a connection, and its closing.
func (s *Server) Serve(v Visitor) {
	select {
	case s.visits <- v:
	case <-s.closed:
		v.Close()
	}
}

// Close ends Run, and closes the connections that speak HTTP. Those that are sessions are the session service's to end.
func (s *Server) Close() {
	s.close.Do(func() { close(s.closed) })
	s.http.Close()
}

// visits is the listener that net/http wants.
type visits struct{ s *Server }

// Accept implements net.Listener.
func (v visits) Accept() (net.Conn, error) {
	select {
	case conn := <-v.s.visits:
		return conn, nil
	case <-v.s.closed:
		return nil, http.ErrServerClosed
	}
}

// Close implements net.Listener.
func (v visits) Close() error { return nil }

// Addr implements net.Listener.
func (v visits) Addr() net.Addr { return &net.TCPAddr{} }

// caller is who sends a connection's requests, which net/http serves one after the other.
type caller struct {
	visit    Visitor
	since    time.Time
	requests int
	from     netip.Addr // of the present request
}

type callerKey struct{}

// last says that the connection has had its requests or its time.
func (c *caller) last(life time.Duration) bool {
	c.requests++
	return c.requests >= maxRequests || life > 0 && time.Since(c.since) > life
}

// refusal is a response that is no page.
type refusal struct {
	status int
	text   string // a sentence for people
}

func (r *refusal) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(r.status)
	w.Write([]byte(r.text + "\n"))
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(callerKey{}).(*caller)
	secure(w.Header(), c.visit.Plain(), r.Host)
	if c.last(s.opts.Life) || hasBody(r) { // what of a body follows is never read as a request (RFC 9112, 6.1 and 11.2)
		w.Header().Set("Connection", "close")
	}
	refused := s.route(w, r, c)
	s.answers.count(r, refused)
	if refused != nil {
		refused.write(w)
	}
}

func hasBody(r *http.Request) bool { return r.ContentLength != 0 }

// route answers a request, or says why not.
func (s *Server) route(w http.ResponseWriter, r *http.Request, c *caller) *refusal {
	var ok bool
	if c.from, ok = origin(c.visit, r.Header.Values("X-Forwarded-For")); !ok {
		return &refusal{http.StatusBadRequest, "The last entry of X-Forwarded-For is no address."}
	}
	names := s.opts.Names()
	if !isHost(names, r.Host) {
		s.log.Info("refused", "event", "web.refused", "from", c.from, "front", "web", "host", r.Host)
		return &refusal{http.StatusMisdirectedRequest, "This server has another name; use the one in its certificate, or one given by --host."}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return &refusal{http.StatusMethodNotAllowed, "Only GET and HEAD are answered here."}
	}
	if hasBody(r) {
		return &refusal{http.StatusBadRequest, "A request has no body here."}
	}
	if r.URL.Path == "/ws" {
		return s.upgrade(w, r, c, names)
	}
	f, found := s.files[r.URL.Path]
	if !found {
		return &refusal{http.StatusNotFound, "There is nothing here; the chat is at /."}
	}
	f.write(w, r)
	return nil
}
