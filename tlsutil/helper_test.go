package tlsutil_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"parley/tlsutil"
)

// issuer is a CA whose certificates can be wrong in any way, which MakeCerts' can't.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate, for ClientOptions.CAFile
}

func newIssuer(t testing.TB, name string, notAfter time.Time) *issuer {
	t.Helper()
	key := newKey(t)
	cert := signed(t, &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}, nil, key, key)
	file := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, file, pemOf("CERTIFICATE", cert.Raw), 0o644)
	return &issuer{cert, key, file}
}

// issue signs a certificate for 127.0.0.1 and localhost, valid today, after change has had its way with it.
func (ca *issuer) issue(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		NotBefore:   time.Now().Add(-24 * time.Hour),
		NotAfter:    time.Now().Add(24 * time.Hour),
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	key := newKey(t)
	leaf := signed(t, template, ca.cert, key, ca.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return key
}

func signed(t testing.TB, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	return cert
}

// save writes pair as LoadKeyPair reads it, over what is there.
func save(t testing.TB, pair tls.Certificate, certFile, keyFile string) {
	t.Helper()
	saveCert(t, pair, certFile)
	saveKey(t, pair, keyFile)
}

func saveCert(t testing.TB, pair tls.Certificate, file string) {
	t.Helper()
	replaceFile(t, file, pemOf("CERTIFICATE", pair.Certificate[0]), 0o644)
}

func saveKey(t testing.TB, pair tls.Certificate, file string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	check(t, err)
	replaceFile(t, file, pemOf("PRIVATE KEY", der), 0o600)
}

func replaceFile(t testing.TB, file string, data []byte, mode os.FileMode) {
	t.Helper()
	writeFile(t, file+".new", data, mode)
	check(t, os.Rename(file+".new", file))
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func writeFile(t testing.TB, file string, data []byte, mode os.FileMode) {
	t.Helper()
	check(t, os.WriteFile(file, data, mode))
	check(t, os.Chmod(file, mode))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// makeCerts makes a set for localhost and 127.0.0.1, and loads it.
func makeCerts(t testing.TB) (tlsutil.Result, *tlsutil.KeyPair) {
	t.Helper()
	r, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir(), Hosts: []string{"localhost", "127.0.0.1"}})
	check(t, err)
	keys, err := tlsutil.LoadKeyPair(r.Cert, r.Key, nil)
	check(t, err)
	return r, keys
}

func clientConfig(t testing.TB, o tlsutil.ClientOptions) *tls.Config {
	t.Helper()
	cfg, err := tlsutil.ClientConfig(o)
	check(t, err)
	return cfg
}

// serve sends every line back, and closes after "EXIT|". It returns its address, and ends with the test.
func serve(t testing.TB, cfg *tls.Config) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			running.Go(func() {
				defer stop()
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					_, _ = fmt.Fprintln(conn, lines.Text())
					if lines.Text() == "EXIT|" {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}

// echo fails the test unless what conn sends comes back.
func echo(t testing.TB, conn net.Conn) {
	t.Helper()
	const line = "PING|x\n"
	_, err := io.WriteString(conn, line)
	check(t, err)
	got := make([]byte, len(line))
	_, err = io.ReadFull(conn, got)
	check(t, err)
	if string(got) != line {
		t.Fatalf("got %q back, want %q", got, line)
	}
}
