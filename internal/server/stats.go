package server

import (
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"syscall"
)

// Stats are what a server has done, and what it has.
type Stats struct {
	Connections      map[Kind]int
	MaxConns         int              // that may be open; 0 is no limit
	Refused          map[string]int64 // connections that did not fit, by the flag of the bound
	Handshakes       int64            // of TLS, that were good
	HandshakesFailed map[string]int64 // by why
	AcceptFailures   int64            // for want of file descriptors, mostly
}

// Kind is what connections are counted by.
type Kind struct {
	State string // handshake, http, unauthenticated, signed-in
	Front string // line, web; unknown in a handshake that may lead to either
}

// Why handshakes fail.
const (
	failTimeout      = "timeout"      // --handshake-timeout was over
	failClosed       = "closed"       // the peer closed the connection
	failNotTLS       = "not-tls"      // what came was no TLS
	failRejected     = "rejected"     // the peer ended it: it does not trust the certificate, mostly
	failUnacceptable = "unacceptable" // what the peer offers is not taken: an old version, another protocol
	failStopped      = "stopped"      // this server is stopping
)

// newStats has every key there is, so that what has not happened is 0.
func newStats() Stats {
	s := Stats{Refused: make(map[string]int64), HandshakesFailed: make(map[string]int64)}
	for _, flag := range []string{"max-conns", "max-conns-per-ip", "max-unauth", "max-unauth-per-ip", "max-http", "max-http-per-ip"} {
		s.Refused[flag] = 0
	}
	for _, why := range []string{failTimeout, failClosed, failNotTLS, failRejected, failUnacceptable, failStopped} {
		s.HandshakesFailed[why] = 0
	}
	return s
}

// Stats counts; it may be called at any time.
func (s *Server) Stats() Stats {
	s.refusals.Lock()
	st := s.counted
	st.Refused, st.HandshakesFailed = maps.Clone(st.Refused), maps.Clone(st.HandshakesFailed)
	s.refusals.Unlock()
	st.MaxConns = s.gate.conns.all.n
	st.Connections = s.gate.kinds()
	return st
}

func (g *gate) kinds() map[Kind]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return map[Kind]int{
		{"handshake", "unknown"}:    g.all[shaking],
		{"http", "web"}:             g.all[visitor],
		{"unauthenticated", "line"}: g.all[stranger] - g.web[stranger],
		{"unauthenticated", "web"}:  g.web[stranger],
		{"signed-in", "line"}:       g.all[known] - g.web[known],
		{"signed-in", "web"}:        g.web[known],
	}
}

func (s *Server) failed() {
	s.refusals.Lock()
	defer s.refusals.Unlock()
	s.counted.AcceptFailures++
}

// shaken counts a handshake, where there was one.
func (s *Server) shaken(p purpose) {
	if p.tls == nil {
		return
	}
	s.refusals.Lock()
	defer s.refusals.Unlock()
	s.counted.Handshakes++
}

func (s *Server) unshaken(err error) {
	s.refusals.Lock()
	defer s.refusals.Unlock()
	s.counted.HandshakesFailed[whyFailed(err)]++
}

// whyFailed tells the errors of a handshake apart, as far as crypto/tls does by other means than words.
func whyFailed(err error) string {
	var header tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failTimeout
	case errors.Is(err, net.ErrClosed):
		return failStopped
	case errors.As(err, &header):
		return failNotTLS
	case errors.As(err, &op) && op.Op == "remote error": // an alert
		return failRejected
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return failClosed
	}
	return failUnacceptable
}
