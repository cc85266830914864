package cluster

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/session"
)

// timing is how long things take; tests are in more of a hurry.
type timing struct {
	beat   time.Duration // between heartbeats
	batch  time.Duration // from a change until it is told, with all others of that time
	answer time.Duration // the longest wait for the other nodes' answers
}

var usual = timing{beat: time.Second, batch: 50 * time.Millisecond, answer: time.Second}

const (
	silence    = 5    // beats after which a node that was not heard is gone
	maxNotices = 4096 // notices of one batch; beyond them they are left out
	maxHeard   = 8192 // messages that wait to be heard; NATS drops those beyond, which their numbers show
	maxToSay   = 1024 // questions and answers that wait to be said; beyond them they are left out
)

// Node is this process among the nodes of its team.
type Node struct {
	id       string
	nc       *nats.Conn
	all, to  string // subjects: what all hear, and the beginning of what one node hears
	time     timing
	hub      *chat.Hub
	auth     *auth.Service
	sessions *session.Service
	log      *slog.Logger
	warned   map[string]*pace

	heard   chan *nats.Msg
	toSay   chan said
	wake    chan struct{} // something is in changed or notices
	subs    []*nats.Subscription
	stop    chan struct{}
	running sync.WaitGroup

	peers     map[string]*peer // by node; hear's own
	questions uint64           // after a node's state, so far

	seq   uint64      // of the last change told; tell's own
	noted uint64      // of the last notices
	cut   atomic.Bool // NATS was out of reach when tell last looked: nc itself may make who asks it wait

	mu      sync.Mutex
	changed map[string]struct{} // people, since the last batch
	notices []auth.Notice       // likewise
	wanted  map[string]uint64   // nodes that asked for the state, and by which of their questions
	known   map[string]struct{} // nodes that are there: the keys of peers
	asked   map[uint64]*question
	lastAsk uint64
}

// said is a message on its way out.
type said struct {
	subject string
	message *message
}

// Start makes this process a node among those that use nc's server and name, a word of letters, digits, '-' and '_'. What the hub
// has is told, and the hub, the service of accounts and the one of sessions hear of the others, until Close.
// nc stays the caller's, who closes the Node after the sessions have ended, and nc after that; that it writes within seconds or gives up
// (nats.FlusherTimeout) bounds how long Close takes. Where NATS is out of reach Start does not wait for it.
func Start(nc *nats.Conn, name string, hub *chat.Hub, a *auth.Service, sessions *session.Service, log *slog.Logger) (*Node, error) {
	return start(nc, name, hub, a, sessions, log, usual)
}

func start(nc *nats.Conn, name string, hub *chat.Hub, a *auth.Service, sessions *session.Service, log *slog.Logger, t timing) (*Node, error) {
	if name == "" || strings.ContainsAny(name, ".*> \t\r\n") {
		return nil, fmt.Errorf("cluster: %q is no word for a subject", name)
	}
	n := &Node{
		id: uuid.NewString(), nc: nc, all: name + ".nodes.all", to: name + ".nodes.to.",
		time: t, hub: hub, auth: a, sessions: sessions, log: log, warned: newPaces(),
		heard: make(chan *nats.Msg, maxHeard), toSay: make(chan said, maxToSay), wake: make(chan struct{}, 1), stop: make(chan struct{}),
		peers:   make(map[string]*peer),
		changed: make(map[string]struct{}), wanted: make(map[string]uint64), known: make(map[string]struct{}),
		asked: make(map[uint64]*question),
	}
	for _, subject := range []string{n.all, n.to + n.id} {
		sub, err := nc.ChanSubscribe(subject, n.heard)
		if err != nil {
			n.unsubscribe()
			return nil, fmt.Errorf("listening to the other nodes: %w", err)
		}
		n.subs = append(n.subs, sub)
	}
	hub.Link(n.id, n.noteChange)
	for name := range hub.Here() {
		n.noteChange(name)
	}
	a.Tell(n.noteNotice)
	sessions.Link(&session.Elsewhere{Live: n.live, EndGuest: n.endGuest, EndSession: n.endSession, Note: n.note})
	n.running.Go(n.hear)
	n.running.Go(n.tell)
	return n, nil
}

// ID is the node's UUID, a fresh one for each process.
func (n *Node) ID() string { return n.id }

// Close falls silent: nobody is told of it, and the others find out. It waits for all that the Node started.
func (n *Node) Close() {
	n.sessions.Link(nil)
	n.auth.Tell(nil)
	n.hub.Link("", nil)
	n.unsubscribe()
	close(n.stop)
	n.running.Wait()
}

func (n *Node) unsubscribe() {
	for _, sub := range n.subs {
		sub.Unsubscribe() // fails where nc is closed, and then there is nothing to end
	}
}

// say has tell publish a message, and is false where too many wait or NATS is out of reach.
func (n *Node) say(subject string, m *message) bool {
	if n.cut.Load() {
		return false
	}
	select {
	case n.toSay <- said{subject, m}:
		return true
	default:
		n.full()
		return false
	}
}

// pace lets one line a minute through.
type pace struct{ last atomic.Int64 } // Unix seconds

func newPaces() map[string]*pace {
	return map[string]*pace{"full": {}, "strange": {}, "nodes": {}, "unsaid": {}}
}

// due says whether a warning is to be logged: of one kind once a minute.
func (n *Node) due(kind string) bool {
	p, now := n.warned[kind], time.Now().Unix()
	last := p.last.Load()
	return now-last >= 60 && p.last.CompareAndSwap(last, now)
}

// full warns that something is left out.
func (n *Node) full() {
	if n.due("full") {
		n.log.Warn("too much is to be said to the other nodes: some is left out", "event", "node.full")
	}
}
