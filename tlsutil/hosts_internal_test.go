package tlsutil

import (
	"crypto/x509"
	"net"
	"strings"
	"testing"
)

// FuzzParseHost: what is accepted is a name that a client can then verify, and means the same when read again.
func FuzzParseHost(f *testing.F) {
	for _, seed := range []string{"localhost", "Chat.Example.org.", "*.example.org", "127.0.0.1", "::1", "[::1]", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3", "a..b", "-", "xn--mnchen-3ya.org"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, addr, err := parseHost(host)
		if err != nil {
			return
		}
		if again, _, err := parseHost(name); err != nil || again != name {
			t.Fatalf("%q became %q, which became %q, %v", host, name, again, err)
		}
		cert := &x509.Certificate{}
		if addr.IsValid() {
			cert.IPAddresses = []net.IP{addr.AsSlice()}
		} else {
			cert.DNSNames = []string{name}
		}
		if err := cert.VerifyHostname(strings.Replace(name, "*", "a", 1)); err != nil {
			t.Fatalf("%q is accepted, but no client could verify it: %v", host, err)
		}
	})
}
