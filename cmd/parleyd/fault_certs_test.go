package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// rotation puts certificates of the server's CA, each with a key of its own, in the place of the server's.
// A certificate's serial number is its round; bad ones have numbers from badSerial on.
type rotation struct {
	t         *testing.T
	server    *parleytest.Server
	ca        tls.Certificate
	cert, key string
	shown     atomic.Int64 // the latest that a client has seen
	written   atomic.Int64 // the latest good one on its way
}

const badSerial = 1 << 20

func newRotation(t *testing.T, s *parleytest.Server) *rotation {
	t.Helper()
	ca, err := tls.LoadX509KeyPair(s.CA, filepath.Join(s.Certs, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return &rotation{t: t, server: s, ca: ca, cert: filepath.Join(s.Certs, "server.pem"), key: filepath.Join(s.Certs, "server-key.pem")}
}

// pair makes a certificate and its key, as PEM.
func (r *rotation) pair(serial int64, expires time.Time) (cert, key []byte) {
	r.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: expires,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, r.ca.Leaf, private.Public(), r.ca.PrivateKey)
	if err != nil {
		r.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		r.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// replace puts a file in the place of another at one moment.
func (r *rotation) replace(name string, content []byte, mode os.FileMode) {
	r.t.Helper()
	err := os.WriteFile(name+".new", content, mode)
	if err == nil {
		err = os.Chmod(name+".new", mode)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rotation) hup() { r.server.Cmd.Process.Signal(syscall.SIGHUP) }

// good puts the next certificate in place and waits until clients see it.
func (r *rotation) good() {
	r.t.Helper()
	cert, key := r.pair(r.written.Add(1), time.Now().Add(time.Hour))
	r.replace(r.cert, cert, 0o644)
	r.replace(r.key, key, 0o600)
	r.hup()
	eventually(r.t, "the new certificate is shown", func() bool {
		r.visit(nil)
		return r.shown.Load() == r.written.Load() || r.t.Failed()
	})
}

// badPairs are what must never be shown, made of a pair that would be good.
var badPairs = []struct {
	name string
	put  func(r *rotation, cert, key []byte)
}{
	{"another key", func(r *rotation, cert, _ []byte) { r.replace(r.cert, cert, 0o644) }},
	{"half of a certificate", func(r *rotation, cert, key []byte) {
		r.replace(r.cert, cert[:len(cert)/2], 0o644)
		r.replace(r.key, key, 0o600)
	}},
	{"half of a key", func(r *rotation, cert, key []byte) {
		r.replace(r.cert, cert, 0o644)
		r.replace(r.key, key[:len(key)/2], 0o600)
	}},
	{"rubbish", func(r *rotation, cert, key []byte) {
		r.replace(r.cert, []byte(strings.Repeat("no certificate at all\n", 100)), 0o644)
	}},
	{"nothing", func(r *rotation, _, _ []byte) { r.replace(r.cert, nil, 0o644) }},
	{"no file", func(r *rotation, _, _ []byte) { os.Remove(r.key) }},
	{"a key that others may read", func(r *rotation, cert, key []byte) {
		r.replace(r.cert, cert, 0o644)
		r.replace(r.key, key, 0o644)
	}},
	{"expired", func(r *rotation, _, _ []byte) {
		cert, key := r.pair(badSerial, time.Now().Add(-time.Hour))
		r.replace(r.cert, cert, 0o644)
		r.replace(r.key, key, 0o600)
	}},
}

// bad puts a bad pair in place and waits until the server has refused it.
func (r *rotation) bad(n int) {
	r.t.Helper()
	refused := func() int { return strings.Count(r.server.Log(), `"new certificate refused`) }
	cert, key := r.pair(badSerial, time.Now().Add(time.Hour))
	before := refused()
	bad := badPairs[n%len(badPairs)]
	bad.put(r, cert, key)
	r.hup()
	eventually(r.t, bad.name+" is refused", func() bool { return refused() > before || r.t.Failed() })
	r.visit(nil)
}

// visit connects, which must work, and checks which certificate is shown: never a bad one, never one
// older than the latest that somebody has seen before.
func (r *rotation) visit(then func(*parleytest.Conn)) {
	known := r.shown.Load()
	c, err := r.server.TryDialFrom("")
	if err != nil {
		r.t.Errorf("with certificate %d shown and %d on its way: %v", known, r.written.Load(), err)
		return
	}
	defer c.Close()
	serial := c.TLS.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	if written := r.written.Load(); written > 0 && known > 0 && (serial < known || serial > written) {
		r.t.Errorf("certificate %d is shown after %d, %d is the latest", serial, known, written)
	}
	for serial < badSerial {
		if now := r.shown.Load(); now >= serial || r.shown.CompareAndSwap(now, serial) {
			break
		}
	}
	if then != nil {
		then(c)
	}
}

// TestCertificatesRotate: certificates are replaced again and again, with bad ones in between, while people
// sign in, talk and leave. Each sees a good one, nobody is cut off, and nothing acknowledged is lost.
func TestCertificatesRotate(t *testing.T) {
	t.Parallel()
	rounds := 100
	if os.Getenv("PARLEY_SOAK") != "" {
		rounds = 2000
	}
	const talkers = 2
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "visitor")
	r := newRotation(t, s)
	r.good()
	book := newBook()
	book.pace = 2 * time.Millisecond
	witness := hear(t, s, "witness")
	book.talkers(t, s, talkers)
	var visits atomic.Int64
	book.running.Go(func() {
		for !closed(book.stop) && !t.Failed() {
			r.visit(func(c *parleytest.Conn) {
				if _, err := c.TLS.Write([]byte("HELLO|visitor|" + parleytest.Password + "\nEXIT|\n")); err != nil {
					t.Errorf("a visitor: %v", err)
				}
				if line, err := c.TryLine(parleytest.Patience); err != nil || !strings.HasPrefix(line, "OK|") {
					t.Errorf("a visitor is answered %q, %v", line, err)
				}
			})
			visits.Add(1)
		}
	})
	for n := range rounds {
		r.bad(n)
		r.good()
	}
	book.end()
	kept := readAs(t, s, "visitor")
	book.compare(t, kept)
	witness.compare(t, kept)
	if n := book.dropped(talkers); n != 0 || visits.Load() == 0 {
		t.Errorf("those who talked were cut off %d times, %d visits", n, visits.Load())
	}
	t.Logf("%d good certificates and as many bad ones, %d visitors signed in meanwhile", rounds, visits.Load())
}
