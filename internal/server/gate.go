package server

import (
	"math/rand/v2"
	"net/netip"
	"sync"

	"parley/auth"
)

// Caps bound the connections that are open at once. Zero means no limit.
type Caps struct {
	Conns       int // in all
	ConnsPerIP  int // from one network: an IPv4 address, an IPv6 /64
	Unauth      int // not signed in
	UnauthPerIP int // not signed in, from one network
}

// gate counts connections. A pass stands for each one that was let in.
type gate struct {
	caps Caps

	mu     sync.Mutex
	conns  int
	unauth int
	by     map[netip.Prefix]*counts
}

type counts struct{ conns, unauth int }

func newGate(caps Caps) *gate { return &gate{caps: caps, by: make(map[netip.Prefix]*counts)} }

// pass is one connection's right to be open. Its methods may be called again without harm.
type pass struct {
	gate       *gate
	network    netip.Prefix
	signedIn   bool
	handedBack bool
}

// enter lets a connection in, or says which cap it does not fit. Above half of
// Caps.Unauth, strangers are dropped at random, the likelier the fuller it is, so that a
// flood cannot keep everybody else out (as OpenSSH's MaxStartups).
func (g *gate) enter(addr netip.Addr) (*pass, string) {
	n := auth.Network(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch why := g.crowded(n); {
	case full(g.conns, g.caps.Conns):
		return nil, "max-conns"
	case why != "":
		return nil, why
	case full(g.unauth, g.caps.Unauth) || unlucky(g.unauth, g.caps.Unauth):
		return nil, "max-unauth"
	}
	g.count(n, 1, 1)
	g.conns++
	g.unauth++
	return &pass{gate: g, network: n}, ""
}

// crowded says which cap of one network's is reached, if any. The network that is none is a proxy's: what comes through
// it counts by where it comes from, once that is known.
func (g *gate) crowded(n netip.Prefix) string {
	c := g.by[n]
	switch {
	case c == nil || !n.IsValid():
		return ""
	case full(c.conns, g.caps.ConnsPerIP):
		return "max-conns-per-ip"
	case full(c.unauth, g.caps.UnauthPerIP):
		return "max-unauth-per-ip"
	}
	return ""
}

// count adds to what is counted by network.
func (g *gate) count(n netip.Prefix, conns, unauth int) {
	c := g.by[n]
	if c == nil {
		c = &counts{}
		g.by[n] = c
	}
	c.conns += conns
	c.unauth += unauth
	if c.conns == 0 {
		delete(g.by, n)
	}
}

// move has the connection, which is not signed in, count for another address, or says which cap it does not fit there.
func (p *pass) move(addr netip.Addr) string {
	n := auth.Network(addr)
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if n == p.network || p.signedIn || p.handedBack {
		return ""
	}
	if why := p.gate.crowded(n); why != "" {
		return why
	}
	p.gate.count(p.network, -1, -1)
	p.gate.count(n, 1, 1)
	p.network = n
	return ""
}

func full(n, limit int) bool { return limit > 0 && n >= limit }

func unlucky(n, limit int) bool {
	half := limit / 2
	return limit > 0 && n > half && rand.IntN(limit-half) < n-half
}

// signIn moves the connection from the strangers to the signed-in.
func (p *pass) signIn() {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if !p.signedIn && !p.handedBack {
		p.signedIn = true
		p.gate.unauth--
		p.gate.count(p.network, 0, -1)
	}
}

// leave gives the pass back.
func (p *pass) leave() {
	p.signIn()
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if p.handedBack {
		return
	}
	p.handedBack = true
	p.gate.conns--
	p.gate.count(p.network, -1, 0)
}
