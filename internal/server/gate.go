package server

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"sync"

	"parley/auth"
)

// Caps bound the connections that are open at once. Zero means no limit. Those in a handshake that may lead to either are strangers in all; of one
// network's there may be as many as the greater of UnauthPerIP and HTTPPerIP, beside those that have become something.
type Caps struct {
	Conns       int // in all
	ConnsPerIP  int // from one network: an IPv4 address, an IPv6 /64
	Unauth      int // that speak lines, and have not signed in
	UnauthPerIP int // the same, from one network
	HTTP        int // that speak HTTP
	HTTPPerIP   int // the same, from one network
}

// standing is what a connection is to the gate.
type standing int8

const (
	shaking  standing = iota // its ClientHello will tell what it speaks
	visitor                  // speaks HTTP
	stranger                 // speaks lines, and has not signed in
	known                    // signed in
	gone
)

// bound is the most that there may be of something, by the name of its flag.
type bound struct {
	flag string
	n    int // 0 is no limit
}

func (b bound) full(n int) bool { return b.n > 0 && n >= b.n }

// unlucky is more and more often true above half of the bound.
func (b bound) unlucky(n int) bool {
	half := b.n / 2
	return b.n > 0 && n > half && rand.IntN(b.n-half) < n-half
}

func greater(a, b bound) bound {
	if b.n == 0 || a.n > 0 && a.n < b.n {
		return b
	}
	return a
}

// bounds are those of one standing: of one network's, and of all.
type bounds struct{ each, all bound }

// counts are connections by their standing.
type counts [gone]int

func (c counts) sum() (n int) {
	for _, one := range c {
		n += one
	}
	return n
}

// gate counts connections. A pass stands for each one that was let in.
type gate struct {
	conns bounds
	of    [known]bounds // who has signed in is bounded by conns alone

	mu  sync.Mutex
	all counts
	web counts // of these, those by the web front
	by  map[netip.Prefix]*counts
}

func newGate(caps Caps) *gate {
	g := &gate{
		conns: bounds{bound{"max-conns-per-ip", caps.ConnsPerIP}, bound{"max-conns", caps.Conns}},
		by:    make(map[netip.Prefix]*counts),
	}
	http := bounds{bound{"max-http-per-ip", caps.HTTPPerIP}, bound{"max-http", caps.HTTP}}
	unauth := bounds{bound{"max-unauth-per-ip", caps.UnauthPerIP}, bound{"max-unauth", caps.Unauth}}
	g.of[visitor], g.of[stranger] = http, unauth
	g.of[shaking] = bounds{greater(unauth.each, http.each), unauth.all}
	return g
}

// pass is one connection's right to be open. Its methods may be called again without harm.
type pass struct {
	gate     *gate
	network  netip.Prefix
	standing standing
	web      bool // it is or was a visitor
}

// enter lets a connection in, or says which bound it does not fit.
func (g *gate) enter(addr netip.Addr, as standing) (*pass, string) {
	n := auth.Network(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conns.all.full(g.all.sum()) {
		return nil, g.conns.all.flag
	}
	if why := cmp.Or(g.crowded(n), g.crowdedAs(n, as), g.crowdedInAll(as)); why != "" {
		return nil, why
	}
	p := &pass{gate: g, standing: gone}
	p.move(n, as)
	return p, ""
}

// crowded says whether a network has all the connections that it may. The network that is none is a proxy's: what comes through
// it counts by where it comes from, once that is known.
func (g *gate) crowded(n netip.Prefix) string {
	if c := g.by[n]; c != nil && n.IsValid() && g.conns.each.full(c.sum()) {
		return g.conns.each.flag
	}
	return ""
}

// crowdedAs is crowded for one standing.
func (g *gate) crowdedAs(n netip.Prefix, as standing) string {
	if c, each := g.by[n], g.of[as].each; c != nil && n.IsValid() && each.full(c[as]) {
		return each.flag
	}
	return ""
}

// crowdedInAll says whether there may be no more of a standing. Above half of the bound, some are refused at random, the likelier the fuller it is,
// so that a flood cannot keep everybody else out (as OpenSSH's MaxStartups).
func (g *gate) crowdedInAll(as standing) string {
	n, all := g.all[visitor], g.of[as].all
	if as != visitor {
		n = g.all[shaking] + g.all[stranger]
	}
	if all.full(n) || all.unlucky(n) {
		return all.flag
	}
	return ""
}

// count adds to what is counted.
func (g *gate) count(n netip.Prefix, as standing, more int) {
	c := g.by[n]
	if c == nil {
		c = &counts{}
		g.by[n] = c
	}
	c[as] += more
	g.all[as] += more
	if c.sum() == 0 {
		delete(g.by, n)
	}
}

// move counts the connection as another one. Under gate.mu.
func (p *pass) move(n netip.Prefix, to standing) {
	p.count(-1)
	p.network, p.standing, p.web = n, to, p.web || to == visitor
	p.count(1)
}

func (p *pass) count(more int) {
	if p.standing == gone {
		return
	}
	p.gate.count(p.network, p.standing, more)
	if p.web {
		p.gate.web[p.standing] += more
	}
}

// become gives the connection, which is not signed in, another standing, as one of the network's, or says which bound keeps it from that.
func (p *pass) become(as standing, n netip.Prefix) string {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if p.standing >= known || n == p.network && as == p.standing {
		return ""
	}
	why := ""
	if n != p.network {
		why = p.gate.crowded(n)
	}
	if why = cmp.Or(why, p.gate.crowdedAs(n, as)); why == "" && (as == visitor) != (p.standing == visitor) {
		why = p.gate.crowdedInAll(as)
	}
	if why != "" {
		return why
	}
	p.move(n, as)
	return ""
}

// signIn moves the connection to the signed-in.
func (p *pass) signIn() {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if p.standing < known {
		p.move(p.network, known)
	}
}

// leave gives the pass back.
func (p *pass) leave() {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.move(p.network, gone)
}
