package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"parley/tlsutil"
)

// patience is far more than anything here takes.
const patience = 2 * time.Minute

// pairConfigs are a server's keys and a client that trusts them.
func pairConfigs(t testing.TB) (*tlsutil.KeyPair, *tls.Config) {
	t.Helper()
	made, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir(), Hosts: []string{"localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := tlsutil.LoadKeyPair(made.Cert, made.Key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := tlsutil.ClientConfig(tlsutil.ClientOptions{CAFile: made.CA, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	return keys, trust
}

// pair is a connection as sessions get it, and its client. little says that their sockets hold little.
func pair(t testing.TB, little bool) (*conn, *tls.Conn) {
	keys, trust := pairConfigs(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if little {
		if err := errors.Join(accepted.(*net.TCPConn).SetWriteBuffer(4<<10), socket.(*net.TCPConn).SetReadBuffer(4<<10)); err != nil {
			t.Fatal(err)
		}
	}
	server, err := secure(accepted, tlsutil.ServerConfig(keys, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := tls.Client(socket, trust)
	client.SetDeadline(time.Now().Add(patience))
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	err = server.shake()
	if err := errors.Join(err, <-shaken); err != nil {
		t.Fatal(err)
	}
	server.loose()
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// numbered is a record full of lines that go on from *n.
func numbered(n *int) []byte {
	var b []byte
	for len(b) < 16000 {
		b = fmt.Appendf(b, "%08d\n", *n)
		*n++
	}
	return b
}

// A peer that stalls holds up no write, and when it reads on it gets all of it, in order, up to close_notify.
func TestWireOfFullSocket(t *testing.T) {
	server, client := pair(t, true)
	said, gone := 0, true
	var err error
	for rounds := 0; gone; rounds++ { // until the sockets hold no more
		if rounds > 1000 {
			t.Fatal("the sockets hold everything")
		}
		server.Cork()
		for range 4 {
			if _, err := server.Write(numbered(&said)); err != nil {
				t.Fatal(err)
			}
		}
		if gone, err = server.Uncork(); err != nil {
			t.Fatal(err)
		}
	}
	server.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := server.Write([]byte("still not\n")); err != nil { // no deadline is asked, nothing is torn
		t.Fatal(err)
	}
	read := make(chan []byte)
	go func() {
		all, err := io.ReadAll(client)
		if err != nil {
			t.Error(err)
		}
		read <- all
	}()
	server.SetWriteDeadline(time.Now().Add(patience))
	for gone := false; !gone; {
		if gone, err = server.Drain(); err != nil {
			t.Fatal(err)
		}
	}
	if server.wire.kept != nil {
		t.Error("a buffer is held for nothing")
	}
	if _, err := server.Write([]byte("the last\n")); err != nil {
		t.Fatal(err)
	}
	if err := server.CloseWrite(); err != nil {
		t.Error(err)
	}
	var want strings.Builder
	for i := range said {
		fmt.Fprintf(&want, "%08d\n", i)
	}
	want.WriteString("still not\nthe last\n")
	if got := string(<-read); got != want.String() {
		t.Errorf("%d bytes came, want %d; or others", len(got), want.Len())
	}
}

// A peer that takes nothing is waited for until the deadline, and what is kept for it is bounded.
func TestWireOfOneWhoTakesNothing(t *testing.T) {
	server, _ := pair(t, true)
	said := 0
	for gone := true; gone; {
		if _, err := server.Write(numbered(&said)); err != nil {
			t.Fatal(err)
		}
		gone, _ = server.Uncork()
	}
	var err error
	for range 2 * keptMost / 16000 {
		if _, err = server.Write(numbered(&said)); err != nil {
			break
		}
	}
	if !errors.Is(err, errKept) {
		t.Errorf("more than is allowed was kept: %v", err)
	}
	server, _ = pair(t, true)
	for gone := true; gone; {
		if _, err := server.Write(numbered(&said)); err != nil {
			t.Fatal(err)
		}
		gone, _ = server.Uncork()
	}
	server.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	for err = nil; err == nil; { // the sockets may take some more yet
		_, err = server.Drain()
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("waiting ended by %v", err)
	}
}

// A peer that is gone is an error, at the latest of the second write.
func TestWireOfOneWhoHasGone(t *testing.T) {
	server, client := pair(t, true)
	client.NetConn().(*net.TCPConn).SetLinger(0)
	client.NetConn().Close()
	var err error
	for until := time.Now().Add(patience); err == nil && time.Now().Before(until); {
		_, err = server.Write([]byte("x\n"))
	}
	if err == nil {
		t.Error("writing to nobody goes on")
	}
}

// BenchmarkWire is what one flush to one peer costs, sealing and system call together.
func BenchmarkWire(b *testing.B) {
	for _, size := range []int{128, 4 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			server, client := pair(b, false)
			client.SetDeadline(time.Time{})
			go io.Copy(io.Discard, client)
			line := make([]byte, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := server.Write(line); err != nil {
					b.Fatal(err)
				}
				for gone, _ := server.Uncork(); !gone; {
					gone, _ = server.Drain()
				}
			}
		})
	}
}

// TestKeptIsBounded: what waits for a peer that takes little at a time, while as much comes again, holds no more memory for it.
func TestKeptIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	socket, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	w, err := newWire(socket)
	if err != nil {
		t.Fatal(err)
	}
	w.loose = true
	most := 0
	for written := 0; written < 16<<20; {
		if w.kept != nil {
			most = max(most, cap(w.kept.b))
		}
		if w.kept == nil || len(w.kept.b)-w.kept.sent < keptMost-4096 {
			if _, err := w.Write(make([]byte, 2000)); err != nil {
				t.Fatal(err)
			}
			written += 2000
			continue
		}
		if _, err := io.CopyN(io.Discard, peer, 16<<10); err != nil {
			t.Fatal(err)
		}
		w.raw.Control(func(fd uintptr) { w.moreWrite(fd) })
	}
	if most < keptMost/2 || most > 4*keptMost {
		t.Errorf("up to %d bytes are held for at most %d that wait", most, keptMost)
	}
}
