package tlsutil_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"parley/tlsutil"
)

// TestProof: what proves a name is shown to who asks for that alone, while it is due; everybody else is shown the certificate.
func TestProof(t *testing.T) {
	f := newFiles(t)
	keys, err := tlsutil.LoadKeyPair(f.cert, f.key, nil)
	check(t, err)
	addr := serve(t, tlsutil.ServerConfig(keys, []string{tlsutil.ALPN, tlsutil.HTTP}))
	proof := f.ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"chat.example.org"} })
	trusted := x509.NewCertPool()
	trusted.AddCert(f.ca.cert)
	// shown is the pin that a client sees, and what it negotiated.
	shown := func(name string, protos ...string) (string, string, error) {
		conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, NextProtos: protos, RootCAs: trusted})
		if err != nil {
			return "", "", err
		}
		defer conn.Close()
		return tlsutil.Pin(conn.ConnectionState().PeerCertificates[0]), conn.ConnectionState().NegotiatedProtocol, nil
	}
	refused := func(when, name string) {
		t.Helper()
		if _, _, err := shown(name, tlsutil.Proof); err == nil || !strings.Contains(err.Error(), "no application protocol") {
			t.Errorf("%s: %v", when, err)
		}
	}
	refused("nothing is due", "chat.example.org")
	keys.Prove("Chat.example.org", &proof)
	if pin, proto, err := shown("chat.Example.org", tlsutil.Proof); err != nil || pin != tlsutil.Pin(proof.Leaf) || proto != tlsutil.Proof {
		t.Errorf("the proof that is due: %s, %s, %v", pin, proto, err)
	}
	refused("another's name", "localhost")
	also := f.ca.issue(t, nil) // due for a name that the server has a certificate for
	keys.Prove("localhost", &also)
	for _, protos := range [][]string{nil, {tlsutil.ALPN}, {tlsutil.HTTP}, {tlsutil.ALPN, tlsutil.Proof}, {tlsutil.Proof, tlsutil.HTTP}} {
		if pin, proto, err := shown("localhost", protos...); err != nil || pin != tlsutil.Pin(f.first.Leaf) || proto == tlsutil.Proof {
			t.Errorf("who offers %q meanwhile: %s, %q, %v", protos, pin, proto, err)
		}
	}
	keys.Prove("localhost", nil)
	keys.Prove("chat.example.ORG", nil)
	refused("not due any more", "chat.example.org")
}

// TestExpected: before a pair is there, handshakes fail; a pair that comes is taken, and one that is bad is not.
func TestExpected(t *testing.T) {
	f := newFiles(t)
	check(t, os.Rename(f.cert, f.cert+".later"))
	keys := tlsutil.ExpectKeyPair(f.cert, f.key, nil)
	addr := serve(t, tlsutil.ServerConfig(keys, nil))
	cfg := clientConfig(t, tlsutil.ClientOptions{ServerName: "127.0.0.1", CAFile: f.ca.file})
	if conn, err := tls.Dial("tcp", addr, cfg); err == nil {
		conn.Close()
		t.Error("connected without a certificate")
	}
	if keys.Leaf() != nil || keys.Names() != nil || keys.Pin() != "" || !keys.Expires().IsZero() {
		t.Errorf("before there is one: %v, %q, %v", keys.Names(), keys.Pin(), keys.Expires())
	}
	if err := keys.Reload(); err == nil {
		t.Error("nothing was loaded")
	}
	check(t, os.Rename(f.cert+".later", f.cert))
	check(t, keys.Reload())
	conn, err := tls.Dial("tcp", addr, cfg)
	check(t, err)
	conn.Close()
	if keys.Pin() != tlsutil.Pin(f.first.Leaf) {
		t.Errorf("pin %q", keys.Pin())
	}
}
