package tlsutil_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"parley/tlsutil"
)

const hello = "HELLO|alice|correct horse battery staple\n"

// rogue accepts one connection as cfg, and returns its address and what it will have received in plain text when the connection is over.
func rogue(t *testing.T, cfg *tls.Config) (string, <-chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { ln.Close() })
	got := make(chan string, 1)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			got <- "no connection"
			return
		}
		defer raw.Close()
		conn := tls.Server(raw, cfg)
		data, _ := io.ReadAll(conn)
		got <- string(data)
	}()
	return ln.Addr().String(), got
}

// sayHello writes without a handshake first, as the most careless client would, and returns what became of it.
func sayHello(t *testing.T, addr string, cfg *tls.Config) error {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	check(t, err)
	conn := tls.Client(raw, cfg)
	defer conn.Close()
	_, err = io.WriteString(conn, hello)
	return err
}

// TestTrust is threat 6: whatever is wrong with a server, it gets no byte of HELLO, and the client can say what it was.
func TestTrust(t *testing.T) {
	good := newIssuer(t, "good", time.Now().Add(time.Hour))
	other := newIssuer(t, "other", time.Now().Add(time.Hour))
	stale := newIssuer(t, "stale", time.Now().Add(-time.Hour))
	fine := good.issue(t, nil)
	foreign := other.issue(t, nil)
	expired := good.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	early := good.issue(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
	nameless := good.issue(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })
	noServer := good.issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	hostile := good.issue(t, func(c *x509.Certificate) {
		c.IPAddresses = nil
		c.DNSNames = slices.Repeat([]string{"\x1b]0;owned\x07" + strings.Repeat("a", 5000)}, 50)
	})
	local := good.issue(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("fe80::1")} })
	pin := func(c tls.Certificate) string { return tlsutil.Pin(c.Leaf) }

	const ip = "127.0.0.1"
	parley := []string{tlsutil.ALPN}
	for name, tt := range map[string]struct {
		cert   tls.Certificate
		protos []string
		opts   tlsutil.ClientOptions
		want   tlsutil.Kind // "" where the server is to be trusted
		say    string       // what the error must tell
	}{
		"ca":                    {fine, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, "", ""},
		"ca, dns name":          {fine, parley, tlsutil.ClientOptions{ServerName: "LocalHost.", CAFile: good.file}, "", ""},
		"pin":                   {fine, parley, tlsutil.ClientOptions{ServerName: ip, Pin: pin(fine)}, "", ""},
		"pin, dns name":         {fine, parley, tlsutil.ClientOptions{ServerName: "localhost", Pin: pin(fine)}, "", ""},
		"pin and ca":            {fine, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file, Pin: pin(fine)}, "", ""},
		"leaf as ca":            {fine, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: leafFile(t, fine)}, "", ""},
		"system store":          {fine, parley, tlsutil.ClientOptions{ServerName: ip}, tlsutil.KindChain, "give --ca FILE"},
		"unknown ca":            {foreign, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, tlsutil.KindChain, good.file},
		"expired ca":            {stale.issue(t, nil), parley, tlsutil.ClientOptions{ServerName: ip, CAFile: stale.file}, tlsutil.KindDate, "the CA that signed the server's certificate expired"},
		"not for servers":       {noServer, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, tlsutil.KindChain, "incompatible key usage"},
		"wrong name":            {fine, parley, tlsutil.ClientOptions{ServerName: "chat.example.org", CAFile: good.file}, tlsutil.KindName, "is for localhost, 127.0.0.1; you asked for chat.example.org"},
		"wrong address":         {fine, parley, tlsutil.ClientOptions{ServerName: "::1", CAFile: good.file}, tlsutil.KindName, "you asked for ::1"},
		"no name":               {nameless, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, tlsutil.KindName, "for no host at all"},
		"hostile names":         {hostile, parley, tlsutil.ClientOptions{ServerName: "localhost", CAFile: good.file}, tlsutil.KindName, "and 45 more"},
		"expired":               {expired, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, tlsutil.KindDate, "expired on " + expired.Leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC")},
		"not yet valid":         {early, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, tlsutil.KindDate, "check this machine's clock"},
		"wrong pin":             {fine, parley, tlsutil.ClientOptions{ServerName: ip, Pin: pin(foreign)}, tlsutil.KindPin, pin(fine) + ", but " + pin(foreign)},
		"wrong pin, right ca":   {fine, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file, Pin: pin(foreign)}, tlsutil.KindPin, "somebody is in between"},
		"right pin, wrong ca":   {fine, parley, tlsutil.ClientOptions{ServerName: ip, CAFile: other.file, Pin: pin(fine)}, tlsutil.KindChain, other.file},
		"pin, wrong name":       {fine, parley, tlsutil.ClientOptions{ServerName: "chat.example.org", Pin: pin(fine)}, tlsutil.KindName, "you asked for chat.example.org"},
		"pin, wrong address":    {fine, parley, tlsutil.ClientOptions{ServerName: "::1", Pin: pin(fine)}, tlsutil.KindName, "you asked for ::1"},
		"pin, expired":          {expired, parley, tlsutil.ClientOptions{ServerName: ip, Pin: pin(expired)}, tlsutil.KindDate, "expired on"},
		"pin, not yet valid":    {early, parley, tlsutil.ClientOptions{ServerName: ip, Pin: pin(early)}, tlsutil.KindDate, "not valid before"},
		"pin, hostile names":    {hostile, parley, tlsutil.ClientOptions{ServerName: "localhost", Pin: pin(hostile)}, tlsutil.KindName, "and 45 more"},
		"no alpn":               {fine, nil, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, tlsutil.KindALPN, "does not speak parley/1"},
		"no alpn, pin":          {fine, nil, tlsutil.ClientOptions{ServerName: ip, Pin: pin(fine)}, tlsutil.KindALPN, "does not speak parley/1"},
		"no alpn, pin and ca":   {fine, nil, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file, Pin: pin(fine)}, tlsutil.KindALPN, "does not speak parley/1"},
		"foreign alpn":          {fine, []string{"imap"}, tlsutil.ClientOptions{ServerName: ip, CAFile: good.file}, tlsutil.KindALPN, "does not speak parley/1"},
		"foreign alpn, pinned":  {fine, []string{"imap"}, tlsutil.ClientOptions{ServerName: ip, Pin: pin(fine)}, tlsutil.KindALPN, "does not speak parley/1"},
		"address in brackets":   {fine, parley, tlsutil.ClientOptions{ServerName: "[127.0.0.1]", CAFile: good.file}, "", ""},
		"link-local":            {local, parley, tlsutil.ClientOptions{ServerName: "fe80::1%eth0", CAFile: good.file}, "", ""},
		"link-local, pin":       {local, parley, tlsutil.ClientOptions{ServerName: "[fe80::1%eth0]", Pin: pin(local)}, "", ""},
		"mapped address, pin":   {fine, parley, tlsutil.ClientOptions{ServerName: "::ffff:127.0.0.1", Pin: pin(fine)}, "", ""},
		"ca's own name is none": {fine, parley, tlsutil.ClientOptions{ServerName: "good", CAFile: good.file}, tlsutil.KindName, "you asked for good"},
	} {
		t.Run(name, func(t *testing.T) {
			addr, got := rogue(t, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{tt.cert}, NextProtos: tt.protos})
			err := sayHello(t, addr, clientConfig(t, tt.opts))
			received := <-got
			if tt.want == "" {
				if err != nil || received != hello {
					t.Fatalf("got %v, server received %q; want HELLO to arrive", err, received)
				}
				return
			}
			if received != "" {
				t.Errorf("the server received %q", received)
			}
			wantTrustError(t, tt.opts, err, tt.want, tt.say)
			trust, _ := tt.opts.Explain(err)
			presented := ""
			if tt.want == tlsutil.KindChain {
				presented = pin(tt.cert)
			}
			if got := trust.PresentedPin(); got != presented {
				t.Errorf("the presented pin is %q, want %q", got, presented)
			}
		})
	}
}

func wantTrustError(t *testing.T, o tlsutil.ClientOptions, err error, kind tlsutil.Kind, say string) {
	t.Helper()
	trust, ok := o.Explain(err)
	if !ok {
		t.Fatalf("not a matter of trust: %v", err)
	}
	text := trust.Error()
	if trust.Kind != kind || !strings.Contains(text, say) {
		t.Errorf("got %s: %q; want %s: …%s…", trust.Kind, text, kind, say)
	}
	if len(text) > 3000 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("not fit to be shown: %q", text)
	}
}

func leafFile(t *testing.T, cert tls.Certificate) string {
	file := filepath.Join(t.TempDir(), "server.pem")
	saveCert(t, cert, file)
	return file
}

// A server that can't do better than TLS 1.2 gets nothing either.
func TestOldServer(t *testing.T) {
	ca := newIssuer(t, "ca", time.Now().Add(time.Hour))
	cert := ca.issue(t, nil)
	addr, got := rogue(t, &tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{tlsutil.ALPN}})
	o := tlsutil.ClientOptions{ServerName: "127.0.0.1", CAFile: ca.file}
	err := sayHello(t, addr, clientConfig(t, o))
	if received := <-got; err == nil || received != "" {
		t.Fatalf("got %v, and the server received %q", err, received)
	}
}

// What is no matter of trust is not explained as one.
func TestExplainOthers(t *testing.T) {
	_, err := net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
	for _, err := range []error{nil, io.EOF, os.ErrDeadlineExceeded, err} {
		if trust, ok := (tlsutil.ClientOptions{}).Explain(err); ok {
			t.Errorf("%v explained as %v", err, trust)
		}
	}
}

func TestClientOptions(t *testing.T) {
	r, _ := makeCerts(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, []byte(content), 0o644)
		return path
	}
	for name, tt := range map[string]struct {
		opts tlsutil.ClientOptions
		say  string
	}{
		"no name":     {tlsutil.ClientOptions{CAFile: r.CA}, "no server name"},
		"missing ca":  {tlsutil.ClientOptions{ServerName: "a", CAFile: filepath.Join(dir, "gone.pem")}, "gone.pem: no such file"},
		"empty ca":    {tlsutil.ClientOptions{ServerName: "a", CAFile: file("empty.pem", "")}, "empty.pem holds no certificate"},
		"key as ca":   {tlsutil.ClientOptions{ServerName: "a", CAFile: r.CAKey}, "ca-key.pem holds no certificate"},
		"damaged ca":  {tlsutil.ClientOptions{ServerName: "a", CAFile: file("bad.pem", string(pemOf("CERTIFICATE", []byte("x"))))}, "bad.pem holds a damaged certificate"},
		"folder":      {tlsutil.ClientOptions{ServerName: "a", CAFile: dir}, "is not a regular file"},
		"huge ca":     {tlsutil.ClientOptions{ServerName: "a", CAFile: file("huge.pem", strings.Repeat("\n", 1<<20+1))}, "is larger than"},
		"no pin":      {tlsutil.ClientOptions{ServerName: "a", Pin: "md5/abc"}, "must be sha256/ and 44 characters"},
		"no pin + ca": {tlsutil.ClientOptions{ServerName: "a", CAFile: r.CA, Pin: "sha256/"}, "must be sha256/ and 44 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := tlsutil.ClientConfig(tt.opts)
			if err == nil || cfg != nil || !strings.Contains(err.Error(), tt.say) {
				t.Fatalf("got %v, %v; want an error with %q", cfg, err, tt.say)
			}
		})
	}
}
