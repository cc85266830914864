// Package acmetest is a CA for tests that speaks ACME (RFC 8555): Pebble, in the test's own process.
package acmetest

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// CA is a running CA. It asks for proof of a name at a port of 127.0.0.1, which stands for 443.
type CA struct {
	Directory string // its URL
	TLS       string // file with what the directory's own certificate is trusted by
	Root      string // file with what the certificates that it issues are trusted by

	mu     sync.Mutex
	refuse int // status to answer everything with; 0 is none
	seen   int
	orders int
}

// configure has Pebble look at once, and want each order proved anew. It knows no other way than the environment, which nothing else of these names reads.
var configure = sync.OnceFunc(func() {
	os.Setenv("PEBBLE_VA_NOSLEEP", "1")
	os.Setenv("PEBBLE_AUTHZREUSE", "0")
})

// Start starts a CA whose certificates last for life, until the test ends.
func Start(t testing.TB, life time.Duration, port443 int) *CA {
	t.Helper()
	configure()
	quiet, kept := log.New(io.Discard, "", 0), db.NewMemoryStore()
	profiles := map[string]ca.Profile{"default": {Description: "the only one", ValidityPeriod: uint64(life / time.Second)}}
	authority := ca.New(quiet, kept, "", "ecdsa", 0, 1, profiles)
	front := wfe.New(quiet, kept, va.New(quiet, 0, port443, false, "", kept), authority, []string{"ca.example.org"}, false, false, 1, 1)
	c, pages := &CA{}, front.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := c.count(r); status != 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(status)
			io.WriteString(w, `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"come back later"}`)
			return
		}
		kept := &answer{ResponseWriter: w}
		pages.ServeHTTP(kept, r)
		c.answered(r, kept.status)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	c.Directory, c.TLS, c.Root = server.URL+wfe.DirectoryPath, filepath.Join(dir, "tls.pem"), filepath.Join(dir, "root.pem")
	save(t, c.TLS, server.Certificate().Raw)
	save(t, c.Root, authority.GetRootCert(0).DER)
	return c
}

func save(t testing.TB, name string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *CA) count(r *http.Request) (refuse int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen++
	return c.refuse
}

// answered counts an order that was taken: Pebble refuses some requests for their nonce, as CAs may at any time (RFC 8555, 6.5), and those come again.
func (c *CA) answered(r *http.Request, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/order-plz" && status == http.StatusCreated {
		c.orders++
	}
}

// An answer knows its status.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Refuse has the CA answer everything with an HTTP status, as one that is down or has had enough; 0 ends that.
func (c *CA) Refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = status
}

// Asked is how many requests there were, and how many orders were taken.
func (c *CA) Asked() (requests, orders int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen, c.orders
}
