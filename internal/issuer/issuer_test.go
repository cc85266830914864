package issuer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/acmetest"
	"parley/internal/issuer"
	"parley/tlsutil"
)

const patience = 2 * time.Minute

// world is a CA, and a server that proves names to it.
type world struct {
	t    *testing.T
	ca   *acmetest.CA
	addr net.Listener
	opts issuer.Options
	log  syncBuffer
}

func newWorld(t *testing.T, life time.Duration) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	w := &world{t: t, addr: l, ca: acmetest.Start(t, life, l.Addr().(*net.TCPAddr).Port)}
	w.opts = issuer.Options{
		Names: []string{"localhost"}, Directory: w.ca.Directory, CAFile: w.ca.TLS, Dir: filepath.Join(t.TempDir(), "acme"),
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.log.String())
		}
	})
	return w
}

// open runs an issuer, whose pair is shown at the entrance, until stop.
func (w *world) open() (i *issuer.Issuer, stop func()) {
	w.t.Helper()
	i, err := issuer.Open(w.opts)
	check(w.t, err)
	entrance, err := net.FileListener(must(w.addr.(*net.TCPListener).File()))
	check(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { i.Run(ctx) })
	config := tlsutil.ServerConfig(i.Keys(), nil)
	running.Go(func() {
		for {
			conn, err := entrance.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				tls.Server(conn, config).Handshake()
			})
		}
	})
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			entrance.Close()
			running.Wait()
		})
	}
	w.t.Cleanup(stop)
	return i, stop
}

// TestIssue: the first certificate is got and kept, and a restart shows it without asking the CA again.
func TestIssue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 90*24*time.Hour)
	i, stop := w.open()
	if i.Keys().Leaf() != nil {
		t.Fatal("there is a certificate before the CA was asked")
	}
	eventually(t, "there is a certificate", func() bool { return i.Keys().Leaf() != nil })
	w.trusted("localhost")
	pin := i.Keys().Pin()
	stop()
	for _, name := range []string{"account-key.pem", "key.pem", "cert.pem"} {
		info, err := os.Stat(w.file(name))
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", name, info.Mode().Perm())
		}
	}
	for _, dir := range []string{w.opts.Dir, filepath.Dir(w.file("key.pem"))} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
	requests, orders := w.ca.Asked()
	i, stop = w.open()
	if i.Keys().Pin() != pin {
		t.Errorf("another pin after a restart: %s, %s", i.Keys().Pin(), pin)
	}
	w.trusted("localhost")
	i.Hurry()
	time.Sleep(50 * time.Millisecond) // long enough to ask, were it to
	stop()
	if again, _ := w.ca.Asked(); again != requests || orders != 1 {
		t.Errorf("%d orders; %d requests at a restart", orders, again-requests)
	}
	if secret := string(must(os.ReadFile(w.file("account-key.pem")))); strings.Contains(w.log.String(), strings.Split(secret, "\n")[1]) {
		t.Error("the account's key is in the log")
	}
}

// TestRenew: the certificate is replaced before its end, for the same key, while who connects is always shown one that holds; and more names are
// certified when there are more.
func TestRenew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 18*time.Second) // an order has a third of it
	i, stop := w.open()
	eventually(t, "there is a certificate", func() bool { return i.Keys().Leaf() != nil })
	first, pin := i.Keys().Leaf(), i.Keys().Pin()
	eventually(t, "it is renewed", func() bool {
		w.trusted("localhost")
		return !i.Keys().Leaf().Equal(first)
	})
	if i.Keys().Pin() != pin {
		t.Error("renewing has changed the pin")
	}
	if !i.Keys().Expires().After(first.NotAfter) || strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("until %v, then until %v", first.NotAfter, i.Keys().Expires())
	}
	stop()
}

// TestFailure: a CA that does not do its part leaves everything as it is, is told of once, is not asked again soon, not even by a restart, and is by Hurry.
func TestFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 90*24*time.Hour)
	w.ca.Refuse(http.StatusTooManyRequests)
	_, stop := w.open()
	eventually(t, "the failure is told", func() bool { return strings.Contains(w.log.String(), "nobody can connect") })
	requests, _ := w.ca.Asked()
	stop()
	if failures := string(must(os.ReadFile(w.file("failures")))); !strings.Contains(failures, `"failures":1`) {
		t.Errorf("kept for the next start: %s", failures)
	}
	w.ca.Refuse(0)
	i, stop := w.open()
	time.Sleep(50 * time.Millisecond) // long enough to ask, were it to
	if again, _ := w.ca.Asked(); again != requests || i.Keys().Leaf() != nil {
		t.Errorf("a restart has asked %d times", again-requests)
	}
	i.Hurry()
	eventually(t, "there is a certificate", func() bool { return i.Keys().Leaf() != nil })
	stop()
	if _, err := os.Stat(w.file("failures")); !os.IsNotExist(err) {
		t.Errorf("success has not ended the failures: %v", err)
	}

	// A further name has it ask at once; while that fails, the certificate in use stays.
	had := i.Keys().Leaf()
	w.opts.Names = append(w.opts.Names, "nowhere.invalid")
	i, stop = w.open()
	eventually(t, "the failure is told", func() bool { return strings.Contains(w.log.String(), "the old one stays in use") })
	if !strings.Contains(w.log.String(), "nowhere.invalid: the CA could not see that it is this server's") {
		t.Error("the log does not say which name failed")
	}
	w.trusted("localhost")
	if !i.Keys().Leaf().Equal(had) {
		t.Error("the certificate was replaced")
	}
	stop()
}

// TestForgery: a CA that cannot show who it is, or sends us into the clear, gets nothing.
func TestForgery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 90*24*time.Hour)
	w.opts.CAFile = w.ca.Root // not what its directory is trusted by
	i, stop := w.open()
	eventually(t, "the failure is told", func() bool { return strings.Contains(w.log.String(), "certificate signed by unknown authority") })
	stop()
	if requests, _ := w.ca.Asked(); requests > 0 || i.Keys().Leaf() != nil {
		t.Errorf("%d requests to a CA that is none", requests)
	}
}

func TestOpenRefuses(t *testing.T) {
	fine := func(t *testing.T) issuer.Options {
		return issuer.Options{Names: []string{"chat.example.org"}, Directory: issuer.LetsEncrypt, Dir: filepath.Join(t.TempDir(), "acme"), Log: slog.New(slog.DiscardHandler)}
	}
	if _, err := issuer.Open(fine(t)); err != nil {
		t.Fatal(err)
	}
	var many []string
	for n := range issuer.MaxNames + 1 {
		many = append(many, "n"+strconv.Itoa(n)+".example.org")
	}
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, o *issuer.Options)
		say   string
	}{
		"no name":      {func(_ *testing.T, o *issuer.Options) { o.Names = nil }, "for 1 to 100 names"},
		"many names":   {func(_ *testing.T, o *issuer.Options) { o.Names = many }, "not for 101"},
		"an address":   {func(_ *testing.T, o *issuer.Options) { o.Names = []string{"192.0.2.1"} }, "is an address"},
		"a wildcard":   {func(_ *testing.T, o *issuer.Options) { o.Names = []string{"*.example.org"} }, "each name in full"},
		"no name's":    {func(_ *testing.T, o *issuer.Options) { o.Names = []string{"a b"} }, "only letters"},
		"in the clear": {func(_ *testing.T, o *issuer.Options) { o.Directory = "http://ca.example.org/directory" }, "https://"},
		"no host":      {func(_ *testing.T, o *issuer.Options) { o.Directory = "https:///directory" }, "https://"},
		"no CA's file": {func(_ *testing.T, o *issuer.Options) { o.CAFile = filepath.Join(o.Dir, "none.pem") }, "no such file"},
		"a wide folder": {func(t *testing.T, o *issuer.Options) {
			check(t, os.MkdirAll(filepath.Join(o.Dir, "acme-v02.api.letsencrypt.org"), 0o755))
		}, "chmod 700"},
		"a wide key": {func(t *testing.T, o *issuer.Options) {
			_, err := issuer.Open(*o)
			check(t, err)
			check(t, os.Chmod(filepath.Join(o.Dir, "acme-v02.api.letsencrypt.org", "account-key.pem"), 0o640))
		}, "chmod 600"},
		"no key": {func(t *testing.T, o *issuer.Options) {
			check(t, os.MkdirAll(filepath.Join(o.Dir, "acme-v02.api.letsencrypt.org"), 0o700))
			check(t, os.WriteFile(filepath.Join(o.Dir, "acme-v02.api.letsencrypt.org", "key.pem"), []byte("x"), 0o600))
		}, "no key in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			o := fine(t)
			tt.spoil(t, &o)
			if _, err := issuer.Open(o); err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("%v, want %q", err, tt.say)
			}
		})
	}
	if names, err := issuer.Names([]string{"Chat.Example.org.", "chat.example.org", "b.example.org"}); err != nil || !slices.Equal(names, []string{"chat.example.org", "b.example.org"}) {
		t.Errorf("%q, %v", names, err)
	}
}

func (w *world) file(name string) string {
	w.t.Helper()
	found := must(filepath.Glob(filepath.Join(w.opts.Dir, "*", name)))
	if len(found) != 1 {
		return filepath.Join(w.opts.Dir, "none", name)
	}
	return found[0]
}

// trusted connects as a client that trusts the CA alone.
func (w *world) trusted(name string) {
	w.t.Helper()
	config, err := tlsutil.ClientConfig(tlsutil.ClientOptions{ServerName: name, CAFile: w.ca.Root})
	check(w.t, err)
	conn, err := tls.Dial("tcp", w.addr.Addr().String(), config)
	if err != nil {
		w.t.Fatalf("as a client: %v", err)
	}
	conn.Close()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
