package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/metrics"
	"parley/internal/store"
	"parley/tlsutil"
)

// monitoring is how a server is looked at from outside. Without --metrics nothing is, and nothing is timed.
type monitoring struct {
	Metrics string `placeholder:"ADDR" group:"monitoring" help:"Serve /metrics, /healthz and /readyz here, by HTTP: 127.0.0.1:9464; :PORT is on loopback, other addresses are as written."`
	Pprof   bool   `group:"monitoring" help:"Serve Go's profiles there too, under /debug/pprof/; loopback only."`

	monitor *metrics.Monitor // nil without --metrics
}

func (m *monitoring) check() error {
	switch {
	case m.Metrics == "" && m.Pprof:
		return errors.New("--pprof needs --metrics ADDR, where the profiles are served")
	case m.Metrics == "":
		return nil
	case m.Pprof && !isLoopback(m.addr()):
		return fmt.Errorf("--metrics %q is not on loopback, and --pprof would let everybody who reaches it slow the server down: leave --pprof out, or write 127.0.0.1:PORT", m.Metrics)
	}
	return checkAddr("--metrics", m.Metrics)
}

// addr is the address with loopback as its host where it has none.
func (m *monitoring) addr() string {
	if host, port, err := net.SplitHostPort(m.Metrics); err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return m.Metrics
}

// begin serves what there is to see of a server that is not up yet, until the function that it returns is called. An inherited
// socket takes the place of --metrics.
func (m *monitoring) begin(by *manager, log *slog.Logger) (end func(), err error) {
	listeners := by.take(metricsSocket)
	switch {
	case len(listeners) > 1:
		return nil, fmt.Errorf("there are %d inherited sockets %q, and one is served", len(listeners), metricsSocket)
	case len(listeners) == 1:
	case m.Metrics == "":
		return func() {}, nil
	default:
		if listeners, err = listen("--metrics", []string{m.addr()}); err != nil {
			return nil, err
		}
	}
	at := listeners[0].Addr().String()
	if m.Pprof && !isLoopback(at) {
		return nil, fmt.Errorf("--pprof is for loopback only, and the inherited socket %q listens on %s", metricsSocket, at)
	}
	log.Info("serving metrics", "event", "metrics.listening", "addr", at, "pprof", m.Pprof)
	if !isLoopback(at) {
		log.Warn("whoever reaches this address can read the metrics", "event", "metrics.open", "addr", at)
	}
	m.monitor = metrics.New()
	return m.monitor.Serve(listeners[0], m.Pprof, log).Close, nil
}

// observe has what takes time tell how much it took.
func (m *monitoring) observe(keeping *store.Options, rooms *chat.Options, signing *auth.Options) {
	if m.monitor != nil {
		keeping.Kept, rooms.Told, signing.Hashed = m.monitor.Kept, m.monitor.Told, m.monitor.Hashed
	}
}

// serving says that people are let in.
func (m *monitoring) serving(h *house, in *entrances, keys *tlsutil.KeyPair) {
	if m.monitor != nil {
		m.monitor.Serving(metrics.Sources{
			Auth: h.auth, Hub: h.hub, Sessions: h.sessions, Server: in.server, Web: in.front, Store: h.store, Stream: h.stream, Expires: keys.Expires,
		})
	}
}

// draining says that they are no longer.
func (m *monitoring) draining() {
	if m.monitor != nil {
		m.monitor.Draining()
	}
}
