package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"parley/auth"
	"parley/auth/authtest"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/cluster"
	"parley/internal/parleytest"
	"parley/internal/session"
)

// team is nodes around one NATS server.
type team struct {
	t      *testing.T
	nats   *server.Server
	way    *parleytest.Link // to it, wherever it listens now
	addr   atomic.Value     // where that is, a string
	timing cluster.Timing   // of nodes that start
	people []string
	store  *authtest.Store
	made   int
}

func newTeam(t *testing.T, accounts ...string) *team {
	tm := &team{t: t, people: accounts, store: authtest.NewStore(), timing: cluster.Steady}
	tm.way = parleytest.NewLink(t, func() string { return tm.addr.Load().(string) })
	tm.serve()
	t.Cleanup(tm.shutdown)
	return tm
}

// serve starts NATS, anew after shutdown.
func (tm *team) serve() {
	tm.t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		tm.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(parleytest.Patience) {
		tm.t.Fatal("the NATS server does not start")
	}
	tm.nats = s
	tm.addr.Store(s.Addr().String())
}

func (tm *team) shutdown() {
	tm.addr.Store("127.0.0.1:1") // nobody listens there
	tm.nats.Shutdown()
	tm.nats.WaitForShutdown()
}

func (tm *team) dial() *nats.Conn {
	tm.t.Helper()
	nc, err := nats.Connect("nats://"+tm.way.Addr, nats.Timeout(parleytest.Patience), nats.IgnoreDiscoveredServers(),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		tm.t.Fatal(err)
	}
	tm.t.Cleanup(nc.Close)
	return nc
}

// place is one node with all that it needs.
type place struct {
	tm       *team
	hub      *chat.Hub
	auth     *auth.Service
	sessions *session.Service
	nc       *nats.Conn
	node     *cluster.Node
	logged   *lines
	stopped  bool
}

// place makes one that is no node yet.
func (tm *team) place() *place {
	p := &place{tm: tm, nc: tm.dial(), logged: &lines{}}
	log := &chattest.Log{}
	p.hub = chat.New(log, chat.State{Accounts: tm.people}, chat.Options{
		MaxSessions: 3, Crowd: chat.DefaultCrowd, CrowdEvery: chat.DefaultCrowdEvery, Grace: 5 * time.Second, Append: session.Append,
	})
	log.Tail = p.hub.Tail
	var err error
	if p.auth, err = auth.New(context.Background(), tm.store, auth.Options{Cost: auth.MinCost, LoginRate: 3, LoginRateAddress: 50}); err != nil {
		tm.t.Fatal(err)
	}
	p.sessions = session.New(p.hub, p.auth, slog.New(slog.DiscardHandler), session.Options{Guests: true})
	return p
}

// join starts one that is a node.
func (tm *team) join() *place {
	tm.t.Helper()
	p := tm.place()
	p.start()
	return p
}

func (p *place) start() {
	p.tm.t.Helper()
	var err error
	p.node, err = cluster.StartWith(p.nc, "team", p.hub, p.auth, p.sessions, slog.New(slog.NewTextHandler(p.logged, nil)), p.tm.timing)
	if err != nil {
		p.tm.t.Fatal(err)
	}
	p.tm.t.Cleanup(p.stop)
	if err := p.nc.Flush(); err != nil { // what is published from here on is heard
		p.tm.t.Fatal(err)
	}
}

func (p *place) stop() {
	if p.stopped {
		return
	}
	p.stopped = true
	p.node.Close()
	p.sessions.Drain(context.Background())
	p.hub.Close()
	p.auth.Close()
}

// visitor is a session that writes down what it hears.
type visitor struct {
	*chat.Seat
	lines
	ended chan string
}

func (v *visitor) Deliver(events []byte) { v.Write(events) }
func (v *visitor) Flush()                {}
func (v *visitor) End(reason string)     { v.ended <- reason }

func (p *place) admit(name string) (*visitor, error) {
	p.tm.made++
	v := &visitor{ended: make(chan string, 8)}
	var err error
	v.Seat, err = p.hub.Admit(v, chat.Who{Session: fmt.Sprint(p.tm.made), Name: name, Guest: strings.HasPrefix(name, "~")})
	if err == nil {
		v.Enter(chat.Lobby)
	}
	return v, err
}

func (p *place) come(name string) *visitor {
	p.tm.t.Helper()
	v, err := p.admit(name)
	if err != nil {
		p.tm.t.Fatalf("%s: %v", name, err)
	}
	return v
}

func (v *visitor) join(t *testing.T, room string) {
	t.Helper()
	err := v.Join(room, false, func(_ int, _ int64, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// lines is a writer that is asked.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func tail(s string) string { return s[max(0, len(s)-1000):] }

func (l *lines) has(line string) int { return strings.Count(l.String(), line) }

// eventually waits until ok is true; it is long enough for any machine.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(parleytest.Patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so after %v: %s", parleytest.Patience, what)
		}
	}
}

// sees waits until the visitor finds these, and nobody else, in a room.
func (v *visitor) sees(t *testing.T, room string, names ...string) {
	t.Helper()
	slices.Sort(names)
	var here []string
	defer func() {
		if t.Failed() {
			t.Logf("%s sees %q, and heard %q", v.Name, here[:min(len(here), 20)], tail(v.String()))
		}
	}()
	eventually(t, fmt.Sprintf("%s sees %q in %s", v.Name, names, room), func() bool {
		here, _ = v.Present(room)
		return slices.Equal(here, names)
	})
}

// connect serves a session over a pipe and sends its first line; the answer is returned.
func (p *place) connect(line string) (net.Conn, string) {
	p.tm.t.Helper()
	here, there := net.Pipe()
	go p.sessions.Serve(context.Background(), there, session.Peer{From: netip.MustParseAddr("192.0.2.1"), Front: "line", SignedIn: func() {}})
	p.tm.t.Cleanup(func() { here.Close() })
	return here, do(p.tm.t, here, line)
}

func do(t *testing.T, c net.Conn, line string) string {
	t.Helper()
	if _, err := fmt.Fprintf(c, "%s\n", line); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(c); ; {
		reply, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(reply, "OK|") || strings.HasPrefix(reply, "ERROR|") {
			return strings.TrimSuffix(reply, "\n")
		}
	}
}

// stranger speaks the protocol by hand.
type stranger struct {
	t  *testing.T
	nc *nats.Conn
	id string
	to *nats.Subscription
}

func (tm *team) stranger(id string) *stranger {
	s := &stranger{t: tm.t, nc: tm.dial(), id: id}
	var err error
	if s.to, err = s.nc.SubscribeSync("team.nodes.to." + id); err != nil {
		tm.t.Fatal(err)
	}
	s.nc.Flush()
	return s
}

// says publishes a message of these fields.
func (s *stranger) says(to string, fields map[string]any) {
	s.t.Helper()
	subject := "team.nodes.all"
	if to != "" {
		subject = "team.nodes.to." + to
	}
	fields["node"] = s.id
	data, err := json.Marshal(fields)
	if err == nil {
		err = s.nc.Publish(subject, data)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.nc.Flush()
}

// hears returns the next message to it of a kind.
func (s *stranger) hears(kind string) (m struct {
	Node string
	Ask  int
}) {
	s.t.Helper()
	for {
		msg, err := s.to.NextMsg(parleytest.Patience)
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if strings.Contains(string(msg.Data), `"kind":"`+kind+`"`) {
			if err := json.Unmarshal(msg.Data, &m); err != nil {
				s.t.Fatal(err)
			}
			return m
		}
	}
}

// beats has it live on until the test ends.
func (s *stranger) beats() {
	stop, done := make(chan struct{}), make(chan struct{})
	s.says("", map[string]any{"kind": "beat"})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				s.nc.Publish("team.nodes.all", fmt.Appendf(nil, `{"kind":"beat","node":"%s"}`, s.id))
			}
		}
	}()
	s.t.Cleanup(func() { close(stop); <-done })
}
