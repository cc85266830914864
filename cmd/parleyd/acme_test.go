package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/acmetest"
	"parley/internal/parleytest"
	"parley/tlsutil"
)

// startACME starts a server whose certificate is a CA's, each for life. The CA reaches it by a forward, which stands for port 443.
func startACME(t *testing.T, life time.Duration, flags ...string) (*acmetest.CA, *parleytest.Server) {
	t.Helper()
	var s *parleytest.Server
	started := make(chan struct{})
	forward := parleytest.NewLink(t, func() string { <-started; return s.Addr })
	_, port, _ := net.SplitHostPort(forward.Addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	ca := acmetest.Start(t, life, n)
	s = parleytest.Start(t, append(flags, "--acme", "localhost", "--acme-directory", ca.Directory, "--acme-ca", ca.TLS)...)
	s.CA = ca.Root
	close(started)
	return ca, s
}

func issued(s *parleytest.Server) int {
	return strings.Count(s.Log(), `"the CA has issued a certificate"`)
}

// TestACME: from nothing to a certificate that the client trusts, which is renewed while people are connected, who notice nothing. What
// strangers ask for reaches no CA, and what proves names leads nowhere.
func TestACME(t *testing.T) {
	t.Parallel()
	ca, s := startACME(t, 24*time.Second) // an order has a third of it
	eventually(t, "there is a certificate", func() bool { return issued(s) > 0 })
	s.User("alice")
	cmd := exec.Command(parleytest.Build(t, "parley"), "--ca", ca.Root, "send", "alice@"+strings.Replace(s.Addr, "127.0.0.1", "localhost", 1), "lobby", "certified")
	cmd.Env = append(os.Environ(), "PARLEY_PASSWORD="+parleytest.Password, "XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the client: %v\n%s", err, out)
	}
	alice := s.SignIn("alice")
	first := alice.TLS.ConnectionState().PeerCertificates[0]
	_, orders := ca.Asked()

	// Strangers, for each name and protocol that they like.
	config := s.TLS()
	for _, name := range []string{"localhost", "other.example.org", "evil.localhost", ""} {
		for _, protos := range [][]string{{tlsutil.Proof}, {tlsutil.ALPN}, {tlsutil.HTTP}, nil} {
			stranger := config.Clone()
			stranger.NextProtos, stranger.ServerName = protos, name
			if name == "" {
				stranger.ServerName = "127.0.0.1" // is not sent
			}
			conn, err := tls.Dial("tcp", s.Addr, stranger)
			if err == nil {
				conn.Close()
			}
			if trusted := err == nil; trusted != (name == "localhost" && (protos == nil || protos[0] != tlsutil.Proof)) {
				t.Errorf("%q, %q: %v", name, protos, err)
			}
		}
	}
	if _, now := ca.Asked(); now > orders+1 { // one that was due anyway
		t.Errorf("strangers have made the server order %d times", now-orders)
	}

	next := first
	for renewals := issued(s); next.Equal(first); renewals = issued(s) { // it is shown a moment before it is told of
		eventually(t, "it is renewed", func() bool { return issued(s) > renewals })
		c := s.Dial()
		next = c.TLS.ConnectionState().PeerCertificates[0]
		c.Close()
	}
	alice.Do("MSG|still here")
	s.SignIn("alice")
	if next.Equal(first) || tlsutil.Pin(next) != tlsutil.Pin(first) || !next.NotAfter.After(first.NotAfter) {
		t.Errorf("until %v, then until %v", first.NotAfter, next.NotAfter)
	}
	if strings.Contains(s.Log(), `"level":"ERROR"`) {
		t.Error("something went wrong")
	}
	if code := s.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestACMEOutage: without its CA a server starts, says what is wrong, and refuses connections by TLS; SIGHUP has it ask again. A certificate that it has is
// shown over an outage and a kill.
func TestACMEOutage(t *testing.T) {
	t.Parallel()
	ca, s := startACME(t, 90*24*time.Hour, "--no-web")
	eventually(t, "there is a certificate", func() bool { return issued(s) > 0 })
	s.Kill()
	kept, err := filepath.Glob(filepath.Join(s.Data, "acme", "*", "cert.pem"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("%q, %v", kept, err)
	}
	ca.Refuse(http.StatusServiceUnavailable)
	s.Launch()
	if c, err := s.TryDialFrom(""); err != nil {
		t.Errorf("with the certificate from before: %v", err)
	} else {
		c.Close()
	}
	s.Kill()
	if err := os.Remove(kept[0]); err != nil {
		t.Fatal(err)
	}
	ca.Refuse(http.StatusTooManyRequests)
	s.Launch()
	eventually(t, "it says that it has none", func() bool { return strings.Contains(s.Log(), "nobody can connect") })
	if c, err := s.TryDialFrom(""); err == nil {
		c.Close()
		t.Error("connected without a certificate")
	}
	ca.Refuse(0)
	before := issued(s)
	s.Cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "there is a certificate", func() bool { return issued(s) > before })
	if c, err := s.TryDialFrom(""); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}
