package tlsutil_test

import (
	"context"
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/tlsutil"
)

// openssl runs the program that people probe servers with. It reads input, and is killed if it takes long: a test that hangs says nothing.
func openssl(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is missing")
		}
		t.Skip("openssl is missing: nothing else shows that its users can connect")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestOpenSSLVerify(t *testing.T) {
	r, _ := makeCerts(t)
	stranger, _ := makeCerts(t)
	for name, tt := range map[string]struct {
		args []string
		say  string // "" where it must verify
	}{
		"chain":   {[]string{"-CAfile", r.CA}, ""},
		"name":    {[]string{"-CAfile", r.CA, "-verify_hostname", "localhost"}, ""},
		"address": {[]string{"-CAfile", r.CA, "-verify_ip", "127.0.0.1"}, ""},
		"other":   {[]string{"-CAfile", r.CA, "-verify_hostname", "example.org"}, "hostname mismatch"},
		"no CA":   {[]string{"-CAfile", stranger.CA}, "unable to get local issuer certificate"},
	} {
		args := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath", "-no-CAstore"}, tt.args...)
		out, err := openssl(t, "", append(args, r.Cert)...)
		if ok := tt.say == ""; ok != (err == nil) || !strings.Contains(out, tt.say) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestOpenSSLPin computes the pin as certs/README.md tells people to.
func TestOpenSSLPin(t *testing.T) {
	r, _ := makeCerts(t)
	key, err := openssl(t, "", "x509", "-in", r.Cert, "-noout", "-pubkey")
	check(t, err)
	der, err := openssl(t, key, "pkey", "-pubin", "-outform", "DER")
	check(t, err)
	sum, err := openssl(t, der, "dgst", "-sha256", "-binary")
	check(t, err)
	encoded, err := openssl(t, sum, "base64", "-A")
	check(t, err)
	if got := "sha256/" + strings.TrimSpace(encoded); got != r.Pin {
		t.Errorf("openssl says %s, MakeCerts %s", got, r.Pin)
	}
}

// TestOpenSSLClient is what the README tells people to type, and what the server must refuse.
func TestOpenSSLClient(t *testing.T) {
	r, keys := makeCerts(t)
	stranger, _ := makeCerts(t)
	addr := serve(t, tlsutil.ServerConfig(keys, nil))
	for name, tt := range map[string]struct {
		args []string
		say  string
		ok   bool
	}{
		"plain":         {[]string{"-CAfile", r.CA}, "PING|from a pipe", true},
		"name":          {[]string{"-CAfile", r.CA, "-verify_hostname", "localhost"}, "PING|from a pipe", true},
		"alpn":          {[]string{"-CAfile", r.CA, "-alpn", "parley/1"}, "PING|from a pipe", true},
		"wrong CA":      {[]string{"-CAfile", stranger.CA}, "certificate verify failed", false},
		"wrong name":    {[]string{"-CAfile", r.CA, "-verify_hostname", "example.org"}, "certificate verify failed", false},
		"TLS 1.2":       {[]string{"-CAfile", r.CA, "-tls1_2"}, "protocol version", false},
		"foreign alpn":  {[]string{"-CAfile", r.CA, "-alpn", "h2,http/1.1"}, "no application protocol", false},
		"older ciphers": {[]string{"-CAfile", r.CA, "-ciphersuites", "TLS_AES_128_CCM_SHA256"}, "handshake failure", false},
		"finite field":  {[]string{"-CAfile", r.CA, "-groups", "ffdhe2048"}, "handshake failure", false},
		"renegotiation": {[]string{"-CAfile", r.CA, "-tls1_2", "-legacy_renegotiation"}, "protocol version", false},
		"long alpn":     {[]string{"-CAfile", r.CA, "-alpn", strings.Repeat("x", 255)}, "no application protocol", false},
		"near alpn":     {[]string{"-CAfile", r.CA, "-alpn", "PARLEY/1,parley/1\n"}, "no application protocol", false},
		"longest name":  {[]string{"-CAfile", r.CA, "-servername", strings.Repeat("x", 255)}, "PING|from a pipe", true},
		"small records": {[]string{"-CAfile", r.CA, "-max_send_frag", "512", "-maxfraglen", "512"}, "PING|from a pipe", true},
		// A certificate proves nothing here: it is not asked for.
		"certificate": {[]string{"-CAfile", r.CA, "-cert", r.Cert, "-key", r.Key}, "PING|from a pipe", true},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"s_client", "-quiet", "-connect", addr, "-verify_return_error", "-no-CApath", "-no-CAstore"}, tt.args...)
			out, err := openssl(t, "PING|from a pipe\nEXIT|\n", args...)
			if tt.ok != (err == nil) || !strings.Contains(out, tt.say) {
				t.Errorf("%v, want %q in\n%s", err, tt.say, out)
			}
		})
	}
}

// TestOpenSSLResumption: the server gives openssl no session to resume, and so none to send early data in.
func TestOpenSSLResumption(t *testing.T) {
	r, keys := makeCerts(t)
	given := func(config *tls.Config) bool {
		session := filepath.Join(t.TempDir(), "session.pem")
		out, err := openssl(t, "PING|from a pipe\nEXIT|\n", "s_client", "-quiet", "-connect", serve(t, config), "-CAfile", r.CA, "-verify_return_error", "-sess_out", session)
		if err != nil || !strings.Contains(out, "PING|from a pipe") {
			t.Fatalf("%v\n%s", err, out)
		}
		_, err = os.Stat(session)
		return err == nil
	}
	if given(tlsutil.ServerConfig(keys, nil)) {
		t.Error("a session was given")
	}
	tickets := tlsutil.ServerConfig(keys, nil)
	tickets.SessionTicketsDisabled = false
	if !given(tickets) {
		t.Error("openssl keeps no session where it is given one: the check shows nothing")
	}
}
