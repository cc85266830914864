package tlsutil_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"parley/tlsutil"
)

// trusting is a client's configuration from outside: it trusts the CA, and says nothing about versions and protocols.
func trusting(t testing.TB, r tlsutil.Result) *tls.Config {
	t.Helper()
	cfg := clientConfig(t, tlsutil.ClientOptions{ServerName: "127.0.0.1", CAFile: r.CA})
	return &tls.Config{RootCAs: cfg.RootCAs, ServerName: "127.0.0.1"}
}

// TestServer is threats 4 and 5 from outside: what a handshake may ask for, and what it gets.
func TestServer(t *testing.T) {
	r, keys := makeCerts(t)
	line := serve(t, tlsutil.ServerConfig(keys, nil))
	both := serve(t, tlsutil.ServerConfig(keys, []string{tlsutil.ALPN, "http/1.1"}))
	for name, tt := range map[string]struct {
		addr   string
		change func(*tls.Config)
		proto  string // negotiated
		refuse string // the alert, "" where the handshake succeeds
	}{
		"no alpn":              {line, func(*tls.Config) {}, "", ""},
		"parley":               {line, func(c *tls.Config) { c.NextProtos = []string{"parley/1"} }, "parley/1", ""},
		"parley among others":  {line, func(c *tls.Config) { c.NextProtos = []string{"h2", "parley/1"} }, "parley/1", ""},
		"foreign":              {line, func(c *tls.Config) { c.NextProtos = []string{"imap"} }, "", "no application protocol"},
		"http at the line":     {line, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }, "", "no application protocol"},
		"next version":         {line, func(c *tls.Config) { c.NextProtos = []string{"parley/2"} }, "", "no application protocol"},
		"upper case":           {line, func(c *tls.Config) { c.NextProtos = []string{"PARLEY/1"} }, "", "no application protocol"},
		"both: http":           {both, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }, "http/1.1", ""},
		"both: the line first": {both, func(c *tls.Config) { c.NextProtos = []string{"http/1.1", "parley/1"} }, "parley/1", ""},
		"both: none":           {both, func(*tls.Config) {}, "", ""},
		"both: foreign":        {both, func(c *tls.Config) { c.NextProtos = []string{"h2"} }, "", "no application protocol"},
		"TLS 1.2":              {line, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "", "protocol version not supported"},
		"TLS 1.0":              {line, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, "", "protocol version not supported"},
		"classic group only":   {line, func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := trusting(t, r)
			tt.change(cfg)
			conn, err := tls.Dial("tcp", tt.addr, cfg)
			if tt.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refuse) {
					t.Fatalf("got %v, want %q", err, tt.refuse)
				}
				return
			}
			check(t, err)
			defer conn.Close()
			echo(t, conn)
			if got := conn.ConnectionState(); got.NegotiatedProtocol != tt.proto || got.Version != tls.VersionTLS13 {
				t.Errorf("negotiated %q, version %x", got.NegotiatedProtocol, got.Version)
			}
		})
	}
}

// Two peers of this project agree on a group that a quantum computer does not break.
func TestPostQuantum(t *testing.T) {
	r, keys := makeCerts(t)
	conn, err := tls.Dial("tcp", serve(t, tlsutil.ServerConfig(keys, nil)), clientConfig(t, tlsutil.ClientOptions{ServerName: "localhost", Pin: r.Pin}))
	check(t, err)
	defer conn.Close()
	if got := conn.ConnectionState().CurveID; got != tls.X25519MLKEM768 {
		t.Errorf("agreed on %v", got)
	}
}

// A client that would like to resume is given nothing to resume with.
func TestNoTickets(t *testing.T) {
	r, keys := makeCerts(t)
	addr := serve(t, tlsutil.ServerConfig(keys, nil))
	cfg := trusting(t, r)
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for range 3 {
		conn, err := tls.Dial("tcp", addr, cfg)
		check(t, err)
		echo(t, conn) // a ticket would come before this answer
		if conn.ConnectionState().DidResume {
			t.Error("a session was resumed")
		}
		conn.Close()
	}
}

// BenchmarkHandshake is what ServerConfig gives up by having no session tickets: the time from connecting to the first answer, with certificate and with ticket.
func BenchmarkHandshake(b *testing.B) {
	r, keys := makeCerts(b)
	for _, resume := range []bool{false, true} {
		name := map[bool]string{false: "full", true: "resumed"}[resume]
		b.Run(name, func(b *testing.B) {
			server := tlsutil.ServerConfig(keys, nil)
			server.SessionTicketsDisabled = !resume
			addr := serve(b, server)
			cfg := trusting(b, r)
			cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			resumed := false
			buf := []byte{'\n'}
			for b.Loop() {
				raw, err := net.Dial("tcp", addr)
				check(b, err)
				conn := tls.Client(raw, cfg)
				_, err = conn.Write(buf)
				check(b, err)
				_, err = conn.Read(buf)
				check(b, err)
				resumed = conn.ConnectionState().DidResume
				conn.Close()
			}
			if resumed != resume {
				b.Errorf("resumed: %v", resumed)
			}
		})
	}
}
