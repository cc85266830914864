package parleytest

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// NATS is a cluster of nats-server processes with JetStream, or a single one. Each writes to its
// disk before it acknowledges (sync_interval: always). They talk to each other through links,
// two for each pair, and whoever talks to them comes by an Entrance, so that anyone can be cut off from the others.
type NATS struct {
	T     testing.TB
	Nodes []*NATSNode
	CA    string // path of the CA that signed what clients see; "" without TLS
	Creds string // path of a file of credentials; "" where anyone may do anything

	certs   string // directory, "" without TLS
	trusted string // lines of the configuration that say who may do what
}

// StartNATS starts that many nodes, which anyone on this machine may use without TLS. They are killed at the test's end.
func StartNATS(t testing.TB, nodes int) *NATS {
	t.Helper()
	return (&NATS{T: t}).start(nodes)
}

// StartSecureNATS is StartNATS with TLS for clients, who need CA and Creds.
func StartSecureNATS(t testing.TB, nodes int) *NATS {
	t.Helper()
	n := &NATS{T: t, certs: filepath.Join(t.TempDir(), "certs")}
	(&Server{T: t}).Run("", "certs", "--out", n.certs, "--host", "127.0.0.1")
	n.CA = filepath.Join(n.certs, "ca.pem")
	n.trust()
	return n.start(nodes)
}

func (n *NATS) start(nodes int) *NATS {
	n.T.Helper()
	for i := range nodes {
		n.Nodes = append(n.Nodes, &NATSNode{Name: fmt.Sprintf("n%d", i+1), nats: n, dir: n.T.TempDir()})
	}
	for _, from := range n.Nodes {
		for _, to := range n.Nodes {
			if from == to {
				continue
			}
			l := NewLink(n.T, to.routeAddr)
			from.routes = append(from.routes, l.Addr)
			from.peers, to.peers = append(from.peers, l), append(to.peers, l)
		}
	}
	for _, node := range n.Nodes {
		node.Launch()
		n.T.Cleanup(node.end)
	}
	n.Ready()
	return n
}

// Ready waits until all nodes run, know each other and have caught up with all streams.
func (n *NATS) Ready() {
	n.T.Helper()
	give := time.Now().Add(Patience)
	for _, node := range n.Nodes {
		for {
			why := node.unwell(len(n.Nodes))
			if why == nil {
				break
			}
			if time.Now().After(give) {
				n.T.Fatalf("nats-server %s does not get ready: %v", node.Name, why)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// Leader is the node that leads a stream by its own account, or nil where none does. It asks the
// nodes themselves, past all links; one that was cut off or stopped may not know yet that another leads:
// of those that think they do, it is the one that others follow.
func (n *NATS) Leader(stream string) *NATSNode {
	votes := make(map[string]int)
	for _, node := range n.Nodes {
		votes[node.leaderOf(stream)]++
	}
	for _, node := range n.Nodes {
		if votes[node.Name] > len(n.Nodes)/2 {
			return node
		}
	}
	return nil
}

// Entrance is one client's way to the nodes.
type Entrance struct {
	Links []*Link // to each node
	nats  *NATS
}

// Entrance makes one.
func (n *NATS) Entrance() *Entrance {
	e := &Entrance{nats: n}
	for _, node := range n.Nodes {
		l := NewLink(n.T, node.clientAddr)
		node.ways = append(node.ways, l)
		e.Links = append(e.Links, l)
	}
	return e
}

// Flags are what parleyd needs to come this way.
func (e *Entrance) Flags() []string {
	flags := []string{"--nats", e.URLs(), "--nats-replicas", strconv.Itoa(len(e.nats.Nodes))}
	if e.nats.CA != "" {
		flags = append(flags, "--nats-ca", e.nats.CA, "--nats-creds", e.nats.Creds)
	}
	return flags
}

// URLs are what --nats takes.
func (e *Entrance) URLs() string {
	scheme := "nats://"
	if e.nats.CA != "" {
		scheme = "tls://"
	}
	var urls []string
	for _, l := range e.Links {
		urls = append(urls, scheme+l.Addr)
	}
	return strings.Join(urls, ",")
}

// Set cuts the client off from all nodes, or opens its ways again.
func (e *Entrance) Set(state Cut) {
	for _, l := range e.Links {
		l.Set(state)
	}
}
