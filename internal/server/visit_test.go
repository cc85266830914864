package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"parley/internal/session"
)

// fronted is a server whose plain listener leads to the front given, and its address.
func fronted(t *testing.T, caps Caps, front func(*Visit)) (*Server, string) {
	log := slog.New(slog.DiscardHandler)
	s := New(nil, session.New(nil, nil, log, session.Options{}), log, Options{Caps: caps, Web: front})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeWeb(t.Context(), l, nil) }()
	t.Cleanup(func() {
		s.Drain(context.Background())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

func visit(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// TestVisitIsCutOff: a front that waits for a request for ever holds no drain up.
func TestVisitIsCutOff(t *testing.T) {
	came := make(chan struct{})
	s, addr := fronted(t, Caps{}, func(v *Visit) {
		close(came)
		io.Copy(io.Discard, v)
		v.Close()
		v.Close()
	})
	conn := visit(t, addr)
	<-came
	done := make(chan struct{})
	go func() {
		s.Drain(context.Background())
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the drain waits for who speaks HTTP")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the visit goes on")
	}
}

// TestUpgrade: what comes through a proxy counts for where it comes from, once that is said, and as long as it is open.
func TestUpgrade(t *testing.T) {
	visits := make(chan *Visit)
	s, addr := fronted(t, Caps{ConnsPerIP: 3, UnauthPerIP: 2}, func(v *Visit) { visits <- v })
	at := func(ip string) bool {
		visit(t, addr)
		v := <-visits
		ok := v.Upgrade(netip.MustParseAddr(ip))
		if ok && (v.From().String() != ip || !v.Plain()) {
			t.Errorf("it comes from %v, plain: %v", v.From(), v.Plain())
		}
		t.Cleanup(func() { v.Close() })
		if !ok {
			v.Close()
		}
		return ok
	}
	for i, want := range []bool{true, true, false, false} {
		if at("192.0.2.7") != want {
			t.Errorf("stranger %d: %v", i+1, !want)
		}
	}
	if !at("192.0.2.8") || !at("2001:db8::1") || !at("2001:db8::2") || at("2001:db8::3") {
		t.Error("another address, or an IPv6 network, does not count for itself")
	}
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if want := (counts{stranger: 5}); s.gate.all != want || s.gate.by[netip.Prefix{}] != nil {
		t.Errorf("%v by their standing, %v of no address", s.gate.all, s.gate.by[netip.Prefix{}])
	}
}
