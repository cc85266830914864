package tlsutil_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/tlsutil"
)

// files are a good pair on disk, and the CA to make others with.
type files struct {
	ca        *issuer
	cert, key string
	first     tls.Certificate
}

func newFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	f := files{ca: newIssuer(t, "ca", time.Now().Add(100*24*time.Hour)), cert: filepath.Join(dir, "server.pem"), key: filepath.Join(dir, "server-key.pem")}
	f.first = f.ca.issue(t, nil)
	save(t, f.first, f.cert, f.key)
	return f
}

func (f files) leafOnDisk(t *testing.T) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	check(t, err)
	return pair.Leaf
}

// TestKeyFileMode is threat 7: a key that others can use is refused, with the mode and the way out.
func TestKeyFileMode(t *testing.T) {
	f := newFiles(t)
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o644: false, 0o640: false, 0o604: false, 0o620: false, 0o601: false} {
		check(t, os.Chmod(f.key, mode))
		_, err := tlsutil.LoadKeyPair(f.cert, f.key, nil)
		if ok != (err == nil) {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "chmod 600 "+f.key) || !strings.Contains(err.Error(), fmt.Sprintf("has mode %04o", mode))) {
			t.Errorf("mode %04o: %v does not tell what to do", mode, err)
		}
	}
}

// TestCredential: where systemd lets the service in by an access control list, the mode shows the group's right to read; anywhere else
// that is too wide, and so is more than that.
func TestCredential(t *testing.T) {
	f := newFiles(t)
	for dir, narrowest := range map[string]os.FileMode{filepath.Dir(f.key) + "/": 0o440, filepath.Dir(filepath.Dir(f.key)): 0o400, "": 0o400} {
		t.Setenv("CREDENTIALS_DIRECTORY", dir)
		for _, mode := range []os.FileMode{0o400, 0o440, 0o444, 0o460, 0o450} {
			check(t, os.Chmod(f.key, mode))
			if _, err := tlsutil.LoadKeyPair(f.cert, f.key, nil); (err == nil) != (mode <= narrowest) {
				t.Errorf("mode %04o with credentials in %q: %v", mode, dir, err)
			}
		}
	}
}

func TestLoadKeyPairRefuses(t *testing.T) {
	good := newFiles(t)
	other := newFiles(t)
	for name, tt := range map[string]struct{ cert, key, say string }{
		"no certificate":     {good.cert + ".gone", good.key, "no such file"},
		"no key":             {good.cert, good.key + ".gone", "no such file"},
		"another's key":      {good.cert, other.key, "private key does not match"},
		"key as certificate": {good.key, good.key, "server-key.pem with key"},
		"a folder":           {filepath.Dir(good.cert), good.key, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := tlsutil.LoadKeyPair(tt.cert, tt.key, nil)
			if err == nil || keys != nil || !strings.Contains(err.Error(), tt.say) {
				t.Fatalf("got %v, %v; want an error with %q", keys, err, tt.say)
			}
		})
	}
}

// served is the pin of what a new connection is shown.
func served(t *testing.T, keys *tlsutil.KeyPair) string {
	t.Helper()
	cert, err := tlsutil.ServerConfig(keys, nil).GetCertificate(&tls.ClientHelloInfo{})
	check(t, err)
	if !cert.PrivateKey.(*ecdsa.PrivateKey).PublicKey.Equal(cert.Leaf.PublicKey) {
		t.Fatal("serving a certificate with another's key")
	}
	if keys.Pin() != tlsutil.Pin(cert.Leaf) {
		t.Fatalf("Pin() is %s, served is %s", keys.Pin(), tlsutil.Pin(cert.Leaf))
	}
	return tlsutil.Pin(cert.Leaf)
}

// watched has keys under Watch in a bubble of its own time, and runs steps; what each leaves behind is seen one interval later.
func watched(t *testing.T, run func(t *testing.T, f files, keys *tlsutil.KeyPair, log *bytes.Buffer)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFiles(t)
		var log bytes.Buffer
		keys, err := tlsutil.LoadKeyPair(f.cert, f.key, slog.New(slog.NewTextHandler(&log, nil)))
		check(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			keys.Watch(ctx, 0)
		}()
		run(t, f, keys, &log)
		cancel()
		<-done
	})
}

func tick() {
	time.Sleep(tlsutil.DefaultWatchInterval)
	synctest.Wait()
}

func TestWatch(t *testing.T) {
	watched(t, func(t *testing.T, f files, keys *tlsutil.KeyPair, log *bytes.Buffer) {
		tick()
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("nothing changed, but the log says:\n%s", log)
		}
		next := f.ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"next.example.org"} })
		save(t, next, f.cert, f.key)
		if got := served(t, keys); got != tlsutil.Pin(f.first.Leaf) {
			t.Errorf("replaced before anybody looked: %s", got)
		}
		tick()
		if got := served(t, keys); got != tlsutil.Pin(next.Leaf) {
			t.Errorf("still serving %s", got)
		}
		if want := f.leafOnDisk(t).NotAfter; !keys.Expires().Equal(want) {
			t.Errorf("expires %v, the file's does %v", keys.Expires(), want)
		}
		if got := strings.Join(keys.Names(), " "); got != "next.example.org 127.0.0.1" {
			t.Errorf("names are %q", got)
		}
		if !strings.Contains(log.String(), "certificate replaced") {
			t.Errorf("not logged:\n%s", log)
		}
	})
}

// TestWatchHalfWritten: the certificate is replaced long before the key.
func TestWatchHalfWritten(t *testing.T) {
	watched(t, func(t *testing.T, f files, keys *tlsutil.KeyPair, log *bytes.Buffer) {
		next := f.ca.issue(t, nil)
		saveCert(t, next, f.cert)
		for range 5 {
			tick()
			if got := served(t, keys); got != tlsutil.Pin(f.first.Leaf) {
				t.Fatalf("serving %s from half a pair", got)
			}
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log)
		}
		saveKey(t, next, f.key)
		tick()
		if got := served(t, keys); got != tlsutil.Pin(next.Leaf) {
			t.Errorf("still serving %s", got)
		}
	})
}

// TestBadNeverReplacesGood tries every way of being bad, by both ways of reloading, and then that the next good pair is taken.
func TestBadNeverReplacesGood(t *testing.T) {
	issued := func(change func(*x509.Certificate)) func(*testing.T, files) {
		return func(t *testing.T, f files) { save(t, f.ca.issue(t, change), f.cert, f.key) }
	}
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, f files)
		say   string
	}{
		"expired":       {issued(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "expired on"},
		"not yet valid": {issued(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), "not valid before"},
		"no names":      {issued(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }), "names no host"},
		"no server's":   {issued(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), "not for servers"},
		"empty":         {func(t *testing.T, f files) { writeFile(t, f.cert, nil, 0o644) }, "failed to find any PEM data"},
		"cut off":       {func(t *testing.T, f files) { check(t, os.Truncate(f.cert, 100)) }, "failed to find any PEM data"},
		"gone":          {func(t *testing.T, f files) { check(t, os.Remove(f.cert)) }, "no such file"},
		"key gone":      {func(t *testing.T, f files) { check(t, os.Remove(f.key)) }, "no such file"},
		"key readable":  {func(t *testing.T, f files) { check(t, os.Chmod(f.key, 0o644)) }, "chmod 600"},
		"wrong key":     {func(t *testing.T, f files) { saveKey(t, f.ca.issue(t, nil), f.key) }, "does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			watched(t, func(t *testing.T, f files, keys *tlsutil.KeyPair, log *bytes.Buffer) {
				tt.spoil(t, f)
				tick()
				tick()
				if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), tt.say) {
					t.Errorf("logged %d times, want once with %q:\n%s", n, tt.say, log)
				}
				if err := keys.Reload(); err == nil || !strings.Contains(err.Error(), tt.say) {
					t.Errorf("Reload: %v", err)
				}
				if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
					t.Errorf("a reload that was asked for must be logged each time; logged %d times", n)
				}
				if got := served(t, keys); got != tlsutil.Pin(f.first.Leaf) {
					t.Fatalf("serving %s", got)
				}
				next := f.ca.issue(t, nil)
				save(t, next, f.cert, f.key)
				tick()
				if got := served(t, keys); got != tlsutil.Pin(next.Leaf) {
					t.Errorf("still serving %s after the repair", got)
				}
			})
		})
	}
}

// A key that only lost its wide mode is taken, though neither its time nor its size changed.
func TestWatchSeesChmod(t *testing.T) {
	watched(t, func(t *testing.T, f files, keys *tlsutil.KeyPair, log *bytes.Buffer) {
		next := f.ca.issue(t, nil)
		save(t, next, f.cert, f.key)
		check(t, os.Chmod(f.key, 0o644))
		tick()
		check(t, os.Chmod(f.key, 0o600))
		tick()
		if got := served(t, keys); got != tlsutil.Pin(next.Leaf) {
			t.Errorf("still serving %s", got)
		}
	})
}

// What went wrong, was put right and goes wrong again the same way is logged again, although the pair in use was never replaced.
func TestWatchLogsAgain(t *testing.T) {
	watched(t, func(t *testing.T, f files, keys *tlsutil.KeyPair, log *bytes.Buffer) {
		for range 2 {
			check(t, os.Chmod(f.key, 0o644))
			tick()
			check(t, os.Chmod(f.key, 0o600))
			tick()
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
			t.Errorf("logged %d times, want twice:\n%s", n, log)
		}
	})
}

// A certificate that clients refuse is used where there is nothing better: at the start, and in place of one that has expired meanwhile.
func TestExpiredIsBetterThanNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFiles(t)
		var log bytes.Buffer
		keys, err := tlsutil.LoadKeyPair(f.cert, f.key, slog.New(slog.NewTextHandler(&log, nil)))
		check(t, err)
		time.Sleep(25 * time.Hour) // f.first has 24
		if _, err := tlsutil.LoadKeyPair(f.cert, f.key, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Errorf("expired at the start: %v", err)
		}
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "it expired on") {
			t.Errorf("no warning:\n%s", &log)
		}
		next := f.ca.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
		save(t, next, f.cert, f.key)
		check(t, keys.Reload())
		if got := served(t, keys); got != tlsutil.Pin(next.Leaf) {
			t.Errorf("serving %s", got)
		}
	})
}

// TestReloadUnderConnections: who is connected stays so, and who comes gets the new certificate, while pairs are replaced all the time.
func TestReloadUnderConnections(t *testing.T) {
	f := newFiles(t)
	keys, err := tlsutil.LoadKeyPair(f.cert, f.key, nil)
	check(t, err)
	addr := serve(t, tlsutil.ServerConfig(keys, nil))
	cfg := clientConfig(t, tlsutil.ClientOptions{ServerName: "127.0.0.1", CAFile: f.ca.file})

	old, err := tls.Dial("tcp", addr, cfg)
	check(t, err)
	defer old.Close()
	stop := make(chan struct{})
	var dialers sync.WaitGroup
	for range 4 {
		dialers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := tls.Dial("tcp", addr, cfg)
				if err != nil {
					t.Errorf("while reloading: %v", err)
					return
				}
				conn.Close()
			}
		})
	}
	for range 20 {
		next := f.ca.issue(t, nil)
		saveCert(t, next, f.cert)
		if err := keys.Reload(); err == nil {
			t.Error("half a pair was taken")
		}
		saveKey(t, next, f.key)
		check(t, keys.Reload())
		conn, err := tls.Dial("tcp", addr, cfg)
		check(t, err)
		if got := tlsutil.Pin(conn.ConnectionState().PeerCertificates[0]); got != tlsutil.Pin(next.Leaf) {
			t.Errorf("a new connection was shown %s", got)
		}
		conn.Close()
		echo(t, old)
	}
	close(stop)
	dialers.Wait()
}
