package stream_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"parley/internal/parleytest"
	"parley/internal/stream"
	"parley/tlsutil"
)

// refused opens and wants a sentence with these words, at once: there is time for a hundred tries.
func refused(t *testing.T, o stream.Options, words string) error {
	t.Helper()
	if o.Wait == 0 {
		o.Wait = time.Hour
	}
	began := time.Now()
	s, err := stream.Open(context.Background(), o)
	if err == nil {
		s.Close()
		t.Fatalf("it was opened; wanted %q", words)
	}
	if !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "nats: ") {
		t.Errorf("%q, and not %q", err, words)
	}
	if took := time.Since(began); took > parleytest.Patience {
		t.Errorf("%q took %v", words, took)
	}
	return err
}

func TestOptionsRefused(t *testing.T) {
	defer nobodyLeft(t)
	dir := t.TempDir()
	open, none := filepath.Join(dir, "open"), filepath.Join(dir, "none")
	if err := os.WriteFile(open, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	const here = "nats://127.0.0.1:1"
	for _, c := range []struct {
		o     stream.Options
		words string
	}{
		{stream.Options{Servers: ""}, "tls://host:4222"},
		{stream.Options{Servers: "127.0.0.1:4222"}, "tls://host:4222"},
		{stream.Options{Servers: "nats://example.org:4222"}, "not encrypted"},
		{stream.Options{Servers: here + ",nats://10.0.0.1:4222"}, "not encrypted"},
		{stream.Options{Servers: "nats://127.0.0.1.example.org"}, "not encrypted"},
		{stream.Options{Servers: "ws://127.0.0.1:1"}, "not by \"ws://\""},
		{stream.Options{Servers: here + ",tls://127.0.0.1:1"}, "one of them for all"},
		{stream.Options{Servers: "tls://bob:secret@example.org"}, "credentials file"},
		{stream.Options{Servers: "tls://token@example.org"}, "credentials file"},
		{stream.Options{Servers: here, Name: "a.b"}, "can't be a stream's name"},
		{stream.Options{Servers: here, Replicas: 2}, "1, 3 or 5"},
		{stream.Options{Servers: here, Timeout: time.Minute}, "5s at the most"},
		{stream.Options{Servers: here, Pending: -1}, "at least 1"},
		{stream.Options{Servers: here, Creds: open}, "chmod 600"},
		{stream.Options{Servers: here, Creds: none}, "can't read the NATS credentials"},
		{stream.Options{Servers: "tls://127.0.0.1:1", CA: none}, "can't read the CA"},
		{stream.Options{Servers: "tls://127.0.0.1:1", CA: open}, "no certificate"},
		{stream.Options{Servers: here, Wait: 600 * time.Millisecond}, "no NATS server answers"},
	} {
		err := refused(t, c.o, c.words)
		if errors.Is(err, stream.ErrPlain) != (c.words == "not encrypted") {
			t.Errorf("%q is ErrPlain, or is not", err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is told: %q", err)
		}
	}
}

// TestServerRefused: what waiting does not mend is told at once.
func TestServerRefused(t *testing.T) {
	t.Parallel()
	base := func() *natsserver.Options {
		return &natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()}
	}
	want := base()
	want.Username, want.Password = "bob", "secret"
	refused(t, stream.Options{Servers: startNode(t, want).ClientURL()}, "does not accept the credentials")

	without := base()
	without.JetStream = false
	refused(t, stream.Options{Servers: startNode(t, without).ClientURL(), Wait: 5 * time.Second}, "JetStream is not enabled")

	short := base()
	short.MaxPayload = stream.MaxEntry - 1
	refused(t, stream.Options{Servers: startNode(t, short).ClientURL(), Replicas: 1}, "max_payload")

	single := startNode(t, base()).ClientURL()
	refused(t, stream.Options{Servers: single}, "needs a cluster")
	one := stream.Options{Servers: single, Replicas: 1, Name: "one"}
	s, err := stream.Open(context.Background(), one)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	refused(t, stream.Options{Servers: single, Name: "one"}, "has 1 replicas, fewer than the 3")
	refused(t, stream.Options{Servers: strings.Replace(single, "nats:", "tls:", 1), Replicas: 1}, "has no TLS")

	jetstream(t, s, "STREAM.CREATE.other", `{"name":"other","subjects":["other.log.>"],"storage":"file"}`)
	refused(t, stream.Options{Servers: single, Replicas: 1, Name: "other"}, "is not parley's")
	jetstream(t, s, "STREAM.CREATE.wide", `{"name":"wide","subjects":["taken.>"],"storage":"file"}`)
	refused(t, stream.Options{Servers: single, Replicas: 1, Name: "taken"}, "already keeps the subjects")
	jetstream(t, s, "STREAM.UPDATE.one", `{"name":"one","subjects":["one.log.>"],"storage":"file","num_replicas":1,"discard":"new","duplicate_window":120000000000,
		"allow_direct":true,"max_msg_size":65536,"max_age":3600000000000,"metadata":{"parley":"1","parley-identity":"x"},"republish":{"src":"one.log.>","dest":"one.tail.>"}}`)
	refused(t, one, "its limit of age is 1h0m0s, and should be 0s")
}

func TestTLS(t *testing.T) {
	certs, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certs.Cert, certs.Key)
	if err != nil {
		t.Fatal(err)
	}
	node := startNode(t, &natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		TLS: true, TLSTimeout: 60, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}})
	url := "tls://" + node.Addr().String()
	o := stream.Options{Servers: url, CA: certs.CA, Replicas: 1, Wait: parleytest.Patience}
	s, err := stream.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	must(t, s, "said", "x")
	if state, err := s.Conn().TLSConnectionState(); err != nil || state.Version < tls.VersionTLS12 || len(state.VerifiedChains) == 0 {
		t.Errorf("%+v, %v", state, err)
	}
	s.Close()
	o.CA = ""
	refused(t, o, "not signed by a CA known here")
	o.Servers, o.CA = strings.Replace(url, "127.0.0.1", "localhost", 1), certs.CA
	refused(t, o, "is for another host")
	o.Servers = strings.Replace(url, "tls:", "nats:", 1)
	refused(t, o, "use tls://")
	o.CA = ""
	refused(t, o, "not signed by a CA known here")
}

// signer is a fresh key of some kind, and its public half.
func signer(t *testing.T, fresh func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	pair, err := fresh()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair, public
}

// TestCreds: a server with an operator lets in who has credentials of an account it knows.
func TestCreds(t *testing.T) {
	operator, operatorID := signer(t, nkeys.CreateOperator)
	account, accountID := signer(t, nkeys.CreateAccount)
	stranger, _ := signer(t, nkeys.CreateAccount)
	claims := jwt.NewAccountClaims(accountID)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	token, err := claims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	_, systemID := signer(t, nkeys.CreateAccount)
	systemToken, err := jwt.NewAccountClaims(systemID).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	accounts := &natsserver.MemAccResolver{}
	for id, token := range map[string]string{accountID: token, systemID: systemToken} {
		if err := accounts.Store(id, token); err != nil {
			t.Fatal(err)
		}
	}
	node := startNode(t, &natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		AuthTimeout: 60, TrustedKeys: []string{operatorID}, AccountResolver: accounts, SystemAccount: systemID})
	creds := func(by nkeys.KeyPair, until time.Time) string {
		user, userID := signer(t, nkeys.CreateUser)
		claims := jwt.NewUserClaims(userID)
		claims.Expires = until.Unix()
		token, err := claims.Encode(by)
		if err != nil {
			t.Fatal(err)
		}
		seed, err := user.Seed()
		if err != nil {
			t.Fatal(err)
		}
		file, err := jwt.FormatUserConfig(token, seed)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "parley.creds")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var logged strings.Builder
	later := time.Now().Add(time.Hour)
	o := stream.Options{Servers: node.ClientURL(), Creds: creds(account, later), Replicas: 1, Wait: parleytest.Patience, Log: slog.New(slog.NewTextHandler(&logged, nil))}
	s, err := stream.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	must(t, s, "said", "x")
	s.Close()
	o.Creds = creds(stranger, later)
	refused(t, o, "does not accept the credentials")
	o.Creds = creds(account, time.Now().Add(-time.Hour))
	refused(t, o, "credentials")
	o.Creds = ""
	refused(t, o, "wants some and none were given")
	if !strings.Contains(logged.String(), "made the stream") || strings.Contains(logged.String(), "eyJ") {
		t.Error("the log has a secret")
	}
}
