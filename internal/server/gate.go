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
	c := g.by[n]
	if c == nil {
		c = &counts{}
	}
	switch {
	case full(g.conns, g.caps.Conns):
		return nil, "max-conns"
	case full(c.conns, g.caps.ConnsPerIP):
		return nil, "max-conns-per-ip"
	case full(c.unauth, g.caps.UnauthPerIP):
		return nil, "max-unauth-per-ip"
	case full(g.unauth, g.caps.Unauth) || unlucky(g.unauth, g.caps.Unauth):
		return nil, "max-unauth"
	}
	g.by[n] = c
	c.conns++
	c.unauth++
	g.conns++
	g.unauth++
	return &pass{gate: g, network: n}, ""
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
		p.gate.by[p.network].unauth--
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
	c := p.gate.by[p.network]
	if c.conns--; c.conns == 0 {
		delete(p.gate.by, p.network)
	}
}
