package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"parley/internal/session"
	"parley/tlsutil"
)

// TestProvedIsOver: a CA that was shown a proof gets nothing more: no session, no page, and no line in the log; its place is free again.
// That holds where there is a page, whose connections are told apart by their greeting, and where there is none.
func TestProvedIsOver(t *testing.T) {
	for name, protos := range map[string][]string{"lines": {tlsutil.ALPN}, "with a page": {tlsutil.ALPN, tlsutil.HTTP}} {
		t.Run(name, func(t *testing.T) {
			keys, _ := pairConfigs(t)
			other, proofTrust := pairConfigs(t)
			shown, err := tlsutil.ServerConfig(other, nil).GetCertificate(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			log := slog.New(slog.NewTextHandler(&said, nil))
			// A session needs a hub: one that began without would panic.
			s := New(tlsutil.ServerConfig(keys, protos), session.New(nil, nil, log, session.Options{}), log, Options{
				Caps: Caps{Unauth: 2, UnauthPerIP: 1}, Web: func(*Visit) { t.Error("it came to the page") },
			})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- s.Serve(t.Context(), l) }()
			keys.Prove("localhost", shown)
			ask := proofTrust.Clone()
			ask.NextProtos, ask.VerifyConnection = []string{tlsutil.Proof}, nil
			for range 5 { // more than may be at once
				conn, err := tls.Dial("tcp", l.Addr().String(), ask)
				if err != nil {
					t.Fatal(err)
				}
				conn.SetDeadline(time.Now().Add(patience))
				conn.Write([]byte("HELLO|alice|x\n"))
				if n, err := io.Copy(io.Discard, conn); n > 0 || isTimeout(err) {
					t.Errorf("it was told %d bytes, %v", n, err)
				}
				conn.Close()
				for counted(s) > 0 {
					time.Sleep(time.Millisecond)
				}
			}
			keys.Prove("localhost", nil)
			if conn, err := tls.Dial("tcp", l.Addr().String(), ask); err == nil {
				conn.Close()
				t.Error("a proof that was not due was shown")
			}
			s.Drain(context.Background())
			if err := <-served; err != nil {
				t.Error(err)
			}
			if n := strings.Count(said.String(), "handshake failed"); n != 1 {
				t.Errorf("%d handshakes failed, want the last one:\n%s", n, &said)
			}
		})
	}
}

// counted is how many connections the gate counts.
func counted(s *Server) int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.all.sum()
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}
