package tlsutil_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/tlsutil"
)

func TestMakeCerts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "certs")
	r, err := tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Hosts: []string{"Chat.Example.org.", "127.0.0.1", "[::1]", "chat.example.org", "*.example.org"}})
	check(t, err)
	if want := []string{"chat.example.org", "*.example.org", "127.0.0.1", "::1"}; !slices.Equal(r.Names, want) {
		t.Errorf("names %q, want %q", r.Names, want)
	}
	modes := map[string]fs.FileMode{}
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		info, err := e.Info()
		check(t, err)
		modes[e.Name()] = info.Mode()
	}
	if len(modes) != 4 || modes["ca.pem"] != 0o644 || modes["server.pem"] != 0o644 || modes["ca-key.pem"] != 0o600 || modes["server-key.pem"] != 0o600 {
		t.Errorf("modes %v: want four files, the keys 0600", modes)
	}

	ca, leaf := loadLeaf(t, r.CA, r.CAKey), loadLeaf(t, r.Cert, r.Key)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, name := range []string{"chat.example.org", "any.example.org", "127.0.0.1", "[::1]"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !ca.IsCA || ca.MaxPathLen != 0 || ca.KeyUsage&x509.KeyUsageCertSign == 0 || leaf.IsCA || !leaf.BasicConstraintsValid {
		t.Errorf("the CA must be one with path length 0, and the leaf none: %+v, %+v", ca.MaxPathLen, leaf.IsCA)
	}
	if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("leaf is for %v, %v", leaf.ExtKeyUsage, leaf.KeyUsage)
	}
	if len(leaf.SubjectKeyId) == 0 || len(ca.SubjectKeyId) == 0 || !bytes.Equal(leaf.AuthorityKeyId, ca.SubjectKeyId) {
		t.Error("key identifiers are missing or do not chain")
	}
	if ca.SerialNumber.BitLen() < 100 || leaf.SerialNumber.BitLen() < 100 {
		t.Errorf("serial numbers %v and %v are not random ones of 128 bits or more", ca.SerialNumber, leaf.SerialNumber)
	}
	if r.Pin != tlsutil.Pin(leaf) || !r.Expires.Equal(leaf.NotAfter) {
		t.Errorf("result %+v is not what the certificate says", r)
	}
}

func loadLeaf(t *testing.T, certFile, keyFile string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	check(t, err)
	return pair.Leaf
}

func TestMakeCertsRefuses(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tt := range []struct{ host, say string }{
		{"", "is empty"},
		{".", "is empty"},
		{"chat example", "only letters"},
		{"chat_1.example.org", "only letters"},
		{"münchen.example.org", "xn--"},
		{"a..b", "empty part"},
		{"-a.example.org", "begins nor ends"},
		{"a-.example.org", "begins nor ends"},
		{"https://example.org", "://"},
		{"example.org:7443", "without a port"},
		{"127.0.0.1:7443", "without a port"},
		{"256.1.1.1", "neither an IP address"},
		{"1.2.3", "neither an IP address"},
		{"fe80::1%eth0", "zone"},
		{"*", "at least two parts"},
		{"*.org", "at least two parts"},
		{"a.*.org", "only letters"},
		{"a*.example.org", "only letters"},
		{long + "a.org", "at most 63"},
		{strings.Repeat(long+".", 4) + "org", "at most 253"},
		{"a\nb", "only letters"},
	} {
		dir := filepath.Join(t.TempDir(), "certs")
		_, err := tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Hosts: []string{"localhost", tt.host}})
		if err == nil || !strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), "\n") {
			t.Errorf("host %q: got %v, want an error with %q", tt.host, err, tt.say)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("host %q: something was made", tt.host)
		}
	}
	if _, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no host") {
		t.Errorf("no hosts: %v", err)
	}
}

// contents are the files of dir by name; whatever is left lying about shows here too.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		all[e.Name()] = string(data)
	}
	return all
}

func changed(before, after map[string]string) []string {
	var names []string
	for name, data := range after {
		if before[name] != data {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestForce(t *testing.T) {
	everything := []string{"ca-key.pem", "ca.pem", "server-key.pem", "server.pem"}
	for _, there := range everything {
		dir := t.TempDir()
		o := tlsutil.Options{Dir: dir, Hosts: []string{"localhost"}}
		writeFile(t, filepath.Join(dir, there), []byte("precious"), 0o644)
		before := contents(t, dir)
		_, err := tlsutil.MakeCerts(o)
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, there)+" is there already") {
			t.Errorf("over %s: %v", there, err)
		}
		if c := changed(before, contents(t, dir)); c != nil {
			t.Errorf("over %s: %q changed", there, c)
		}
		o.Force = true
		r, err := tlsutil.MakeCerts(o)
		check(t, err)
		if c := changed(before, contents(t, dir)); !slices.Equal(c, everything) {
			t.Errorf("force over %s changed %q", there, c)
		}
		_, err = tlsutil.LoadKeyPair(r.Cert, r.Key, nil) // also: a key file of mode 0644 became one of 0600
		check(t, err)
	}
}

// TestRenew: clients that know the CA, or the pin, never notice.
func TestRenew(t *testing.T) {
	dir := t.TempDir()
	o := tlsutil.Options{Dir: dir, Hosts: []string{"chat.example.org", "127.0.0.1"}}
	first, err := tlsutil.MakeCerts(o)
	check(t, err)
	before := contents(t, dir)

	second, err := tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Renew: true})
	check(t, err)
	if c := changed(before, contents(t, dir)); !slices.Equal(c, []string{"server.pem"}) {
		t.Errorf("renewing changed %q", c)
	}
	if second.Pin != first.Pin || !slices.Equal(second.Names, first.Names) {
		t.Errorf("renewed to %+v, want the pin and names of %+v", second, first)
	}

	third, err := tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Renew: true, Hosts: []string{"new.example.org"}})
	check(t, err)
	if third.Pin != first.Pin || !slices.Equal(third.Names, []string{"new.example.org"}) {
		t.Errorf("renewed to %+v, want the old pin and the new name", third)
	}
	roots := x509.NewCertPool()
	roots.AddCert(loadLeaf(t, first.CA, first.CAKey))
	_, err = loadLeaf(t, third.Cert, third.Key).Verify(x509.VerifyOptions{Roots: roots, DNSName: "new.example.org"})
	check(t, err)
}

func TestRenewRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(dir string)
		say   string
	}{
		"nothing there":   {func(dir string) { check(t, os.RemoveAll(dir)) }, "ca.pem: no such file"},
		"no CA key":       {func(dir string) { check(t, os.Remove(filepath.Join(dir, "ca-key.pem"))) }, "ca-key.pem: no such file"},
		"readable CA key": {func(dir string) { check(t, os.Chmod(filepath.Join(dir, "ca-key.pem"), 0o640)) }, "mode 0640"},
		"no server key":   {func(dir string) { check(t, os.Remove(filepath.Join(dir, "server-key.pem"))) }, "server-key.pem: no such file"},
		"foreign key": {func(dir string) {
			saveKey(t, newIssuer(t, "x", time.Now().Add(time.Hour)).issue(t, nil), filepath.Join(dir, "server-key.pem"))
		}, "private key does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Hosts: []string{"localhost"}})
			check(t, err)
			tt.spoil(dir)
			_, err = tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Renew: true})
			if err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("got %v, want an error with %q", err, tt.say)
			}
		})
	}
}

// TestLifetimes lives through a CA's ten years.
func TestLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		made := time.Now()
		r, err := tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Hosts: []string{"localhost"}})
		check(t, err)
		leaf := loadLeaf(t, r.Cert, r.Key)
		if !leaf.NotBefore.Before(made) || !r.Expires.Equal(made.Add(tlsutil.LeafLifetime)) {
			t.Errorf("valid from %v to %v, made at %v", leaf.NotBefore, r.Expires, made)
		}

		time.Sleep(tlsutil.CALifetime - 24*time.Hour)
		r, err = tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Renew: true})
		check(t, err)
		if left := time.Until(r.Expires); left != 24*time.Hour {
			t.Errorf("renewed on the CA's last day for %v: it would outlive the CA", left)
		}

		time.Sleep(25 * time.Hour)
		_, err = tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Renew: true})
		if err == nil || !strings.Contains(err.Error(), "expired on") || !strings.Contains(err.Error(), "force") {
			t.Errorf("renewed by an expired CA: %v", err)
		}
	})
}

// TestCertsWholeOrAbsent has the last step fail: a folder is where server.pem must go. Nothing half-written may be left, and no temporary file.
func TestCertsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "server.pem"), 0o755))
	_, err := tlsutil.MakeCerts(tlsutil.Options{Dir: dir, Hosts: []string{"localhost"}, Force: true})
	if err == nil {
		t.Fatal("made a certificate where a folder is")
	}
	check(t, os.Remove(filepath.Join(dir, "server.pem")))
	for name, data := range contents(t, dir) {
		if strings.HasPrefix(name, ".") || !strings.HasSuffix(data, "-----\n") {
			t.Errorf("left %s with %d bytes", name, len(data))
		}
	}
}
