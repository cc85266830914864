package session_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"parley/auth"
	"parley/auth/authtest"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/session"
)

const password = "a long enough passphrase"

// hashed is the hash of password, made once: places are made by the thousand.
var hashed = sync.OnceValue(func() []byte {
	ctx, store := context.Background(), authtest.NewStore()
	service, err := auth.New(ctx, store, auth.Options{Cost: 4})
	if err != nil {
		panic(err)
	}
	defer service.Close()
	if err := service.Add(ctx, "anybody", password, false, false); err != nil {
		panic(err)
	}
	account, err := store.Account(ctx, "anybody")
	if err != nil {
		panic(err)
	}
	return account.Hash
})

// invited at the end of a name makes its account one that must change its password first.
const invited = " (invited)"

// place is a session service whose sessions are reached through pipes, with everything in memory.
type place struct {
	t       testing.TB
	service *session.Service
	auth    *auth.Service
	log     *chattest.Log
	hub     *chat.Hub
}

// newPlace makes a place with these accounts. Its bounds are off, but for what change sets.
func newPlace(t testing.TB, accounts []string, change func(*session.Options)) *place {
	log := &chattest.Log{}
	return newPlaceOn(t, log, log, accounts, change)
}

// newPlaceOn is newPlace with a log that keeps what it is given in kept.
func newPlaceOn(t testing.TB, kept *chattest.Log, log chat.Log, accounts []string, change func(*session.Options)) *place {
	ctx := context.Background()
	p := &place{t: t, log: kept}
	var err error
	store := authtest.NewStore()
	for _, name := range accounts {
		a := auth.Account{Name: strings.TrimSuffix(name, invited), Hash: hashed(), Invited: strings.HasSuffix(name, invited)}
		if _, err := store.Change(ctx, auth.Change{Account: a}); err != nil {
			t.Fatal(err)
		}
	}
	p.auth, err = auth.New(ctx, store, auth.Options{Cost: 4, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	state := chat.State{}
	for _, name := range accounts {
		state.Accounts = append(state.Accounts, strings.TrimSuffix(name, invited))
	}
	p.hub = chat.New(log, state, chat.Options{
		Crowd: chat.DefaultCrowd, CrowdEvery: chat.DefaultCrowdEvery, Grace: chat.DefaultGrace, Append: session.Append,
	})
	kept.Tail = p.hub.Tail
	opts := session.Options{Guests: true}
	if change != nil {
		change(&opts)
	}
	p.service = session.New(p.hub, p.auth, slog.New(slog.DiscardHandler), opts)
	t.Cleanup(func() {
		p.service.Drain(context.Background())
		p.hub.Close()
		p.auth.Close()
	})
	return p
}

// peer is the other end of a session.
type peer struct {
	t testing.TB
	net.Conn
	*bufio.Reader
}

func (p *place) connect() *peer {
	here, there := net.Pipe()
	go p.service.Serve(context.Background(), there, session.Peer{From: netip.MustParseAddr("192.0.2.1"), Front: "line", SignedIn: func() {}})
	return &peer{p.t, here, bufio.NewReader(here)}
}

// guest connects and signs in as ~name.
func (p *place) guest(name string) *peer {
	c := p.connect()
	if reply := c.do("HELLO|" + name); !strings.HasPrefix(reply, "OK|") {
		p.t.Fatal(reply)
	}
	return c
}

func (c *peer) send(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c, strings.Join(lines, "\n")+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *peer) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c *peer) line() string {
	c.t.Helper()
	line, err := c.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (c *peer) do(line string) string {
	c.t.Helper()
	c.send(line)
	for {
		if reply := c.line(); strings.HasPrefix(reply, "OK|") || strings.HasPrefix(reply, "ERROR|") {
			return reply
		}
	}
}

// want reads the next line and fails unless it begins so.
func (c *peer) want(prefix string) {
	c.t.Helper()
	if line := c.line(); !strings.HasPrefix(line, prefix) {
		c.t.Errorf("got %q, want %q…", line, prefix)
	}
}

func (c *peer) wantEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.Reader); err != nil || len(rest) > 0 {
		c.t.Errorf("at the end: %q, %v", rest, err)
	}
}
