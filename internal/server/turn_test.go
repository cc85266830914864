package server

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"parley/tlsutil"
)

// dialed is both ends of a connection over loopback.
func dialed(t *testing.T) (accepted, dialed net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialed, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close(); dialed.Close() })
	dialed.SetDeadline(time.Now().Add(patience))
	return accepted, dialed
}

// TestTurns: there is one turn, and peers who stall in each part of their handshake do not keep it. While
// somebody computes, others wait.
func TestTurns(t *testing.T) {
	keys, trust := pairConfigs(t)
	one := make(turns, 1)
	shake := func(socket net.Conn) <-chan error {
		c, err := secure(socket, tlsutil.ServerConfig(keys, nil), one)
		if err != nil {
			t.Fatal(err)
		}
		shaken := make(chan error, 1)
		go func() { err := c.shake(); shaken <- err }()
		return shaken
	}
	silent, _ := dialed(t)
	shake(silent)
	half, peer := dialed(t)
	shake(half)
	if _, err := peer.Write([]byte{22, 3, 1, 2, 0, 1}); err != nil { // the beginning of a ClientHello
		t.Fatal(err)
	}
	unfinished, peer := dialed(t)
	shake(unfinished)
	go tls.Client(mute{peer}, trust).Handshake() // says hello, and nothing to the answer
	for range 3 {
		server, client := dialed(t)
		shaken := shake(server)
		if err := tls.Client(client, trust).Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-shaken; err != nil {
			t.Fatal(err)
		}
	}

	one <- struct{}{} // somebody computes
	server, client := dialed(t)
	shaken := shake(server)
	go tls.Client(client, trust).Handshake()
	select {
	case err := <-shaken:
		t.Fatalf("a handshake did not wait for its turn: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	<-one
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
}

// mute is a connection that hears nothing.
type mute struct{ net.Conn }

func (m mute) Read(b []byte) (int, error) { return 0, io.ErrNoProgress }
