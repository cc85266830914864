package metrics

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of the listener: who asks are few, and ask for little.
const (
	maxConns  = 16
	maxGather = 4 // scrapes at once
	maxHead   = 8 << 10
	headWait  = 5 * time.Second
	idleWait  = 2 * time.Minute // longer than between two scrapes
	writeWait = time.Minute     // a profile takes 30 s unless it is told otherwise, and no longer than this
)

// Server answers /metrics, /healthz and /readyz, and /debug/pprof/ where that was asked for.
type Server struct {
	http  http.Server
	ended chan struct{}
}

// Serve answers on l until Close; it owns l. profiles adds /debug/pprof/.
func (m *Monitor) Serve(l net.Listener, profiles bool, log *slog.Logger) *Server {
	s := &Server{ended: make(chan struct{})}
	errs := slog.NewLogLogger(log.With("event", "metrics.error", "front", "metrics").Handler(), slog.LevelWarn)
	s.http = http.Server{
		Handler: m.routes(profiles, errs), ErrorLog: errs, ConnState: atMost(maxConns), MaxHeaderBytes: maxHead,
		ReadHeaderTimeout: headWait, ReadTimeout: headWait, IdleTimeout: idleWait, WriteTimeout: writeWait,
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "event", "metrics.ended", "error", err)
		}
	}()
	return s
}

// Close closes the listener and its connections, and waits for the goroutine that accepts.
func (s *Server) Close() {
	s.http.Close()
	<-s.ended
}

func (m *Monitor) routes(profiles bool, errs promhttp.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: errs, MaxRequestsInFlight: maxGather}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if why := m.Unready(); why != "" {
			say(w, http.StatusServiceUnavailable, why)
			return
		}
		say(w, http.StatusOK, "ready")
	})
	if profiles { // but for /cmdline and /symbol, which nothing needs
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n")
}

// atMost closes connections above so many as they come.
func atMost(most int32) func(net.Conn, http.ConnState) {
	var open atomic.Int32
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > most {
				c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}
