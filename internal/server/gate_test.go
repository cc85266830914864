package server

import (
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"parley/auth"
)

func addr(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i%250+1)) }

func TestGateCaps(t *testing.T) {
	const none = ""
	one, other := addr(1), addr(2)
	neighbour := netip.MustParseAddr("2001:db8::1")
	sameNetwork := netip.MustParseAddr("2001:db8::ffff:1")
	otherNetwork := netip.MustParseAddr("2001:db8:0:1::1")
	for _, tt := range []struct {
		name string
		caps Caps
		in   []netip.Addr // let in before
		as   standing     // in which they are
		next netip.Addr
		to   standing // as which it comes
		why  string
	}{
		{"no caps", Caps{}, []netip.Addr{one, one, one}, stranger, one, stranger, none},
		{"conns", Caps{Conns: 2}, []netip.Addr{one, other}, known, addr(3), stranger, "max-conns"},
		{"conns of whatever kind", Caps{Conns: 2}, []netip.Addr{one, other}, visitor, addr(3), shaking, "max-conns"},
		{"conns per address", Caps{ConnsPerIP: 2}, []netip.Addr{one, one}, known, one, stranger, "max-conns-per-ip"},
		{"conns per address, of whatever kind", Caps{ConnsPerIP: 2}, []netip.Addr{one, one}, visitor, one, shaking, "max-conns-per-ip"},
		{"of another address", Caps{ConnsPerIP: 2}, []netip.Addr{one, one}, known, other, stranger, none},
		{"strangers per address", Caps{UnauthPerIP: 2}, []netip.Addr{one, one}, stranger, one, stranger, "max-unauth-per-ip"},
		{"who signed in is no stranger", Caps{UnauthPerIP: 2}, []netip.Addr{one, one}, known, one, stranger, none},
		{"nor is who speaks HTTP", Caps{UnauthPerIP: 2, Unauth: 2}, []netip.Addr{one, one}, visitor, one, stranger, none},
		{"visitors per address", Caps{HTTPPerIP: 2}, []netip.Addr{one, one}, visitor, one, visitor, "max-http-per-ip"},
		{"a stranger is no visitor", Caps{HTTPPerIP: 2, HTTP: 2}, []netip.Addr{one, one}, stranger, one, visitor, none},
		{"strangers", Caps{Unauth: 1}, []netip.Addr{one}, stranger, other, stranger, "max-unauth"},
		{"visitors", Caps{HTTP: 1}, []netip.Addr{one}, visitor, other, visitor, "max-http"},
		{"handshakes: as many as could be visitors", Caps{UnauthPerIP: 1, HTTPPerIP: 2}, []netip.Addr{one, one}, shaking, one, shaking, "max-http-per-ip"},
		{"handshakes: as many as could be strangers", Caps{UnauthPerIP: 2, HTTPPerIP: 1}, []netip.Addr{one}, shaking, one, shaking, none},
		{"handshakes: where strangers have no bound", Caps{HTTPPerIP: 1, HTTP: 1}, []netip.Addr{one}, shaking, one, shaking, none},
		{"handshakes in all", Caps{Unauth: 2, HTTP: 8}, []netip.Addr{one, other}, shaking, addr(3), shaking, "max-unauth"},
		{"handshakes in all, beside strangers", Caps{Unauth: 2, HTTP: 8}, []netip.Addr{one, other}, stranger, addr(3), shaking, "max-unauth"},
		{"visitors keep no handshake out", Caps{UnauthPerIP: 1, HTTPPerIP: 1}, []netip.Addr{one}, visitor, one, shaking, none},
		{"a /64 is one address", Caps{UnauthPerIP: 1}, []netip.Addr{neighbour}, stranger, sameNetwork, stranger, "max-unauth-per-ip"},
		{"another /64 is not", Caps{UnauthPerIP: 1}, []netip.Addr{neighbour}, stranger, otherNetwork, stranger, none},
		{"IPv4 as IPv6", Caps{UnauthPerIP: 1}, []netip.Addr{one}, stranger, netip.MustParseAddr("::ffff:192.0.2.2"), stranger, "max-unauth-per-ip"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(tt.caps)
			var passes []*pass
			for _, a := range tt.in {
				p, why := g.enter(a, min(tt.as, stranger))
				if p == nil {
					t.Fatalf("%v was not let in: %s", a, why)
				}
				if tt.as == known {
					p.signIn()
				}
				passes = append(passes, p)
			}
			p, why := g.enter(tt.next, tt.to)
			if why != tt.why || (p == nil) != (why != none) {
				t.Fatalf("%q, want %q", why, tt.why)
			}
			if p != nil {
				p.leave()
			}
			for _, p := range passes {
				p.leave()
			}
			if p, why := g.enter(tt.next, tt.to); p == nil {
				t.Errorf("all have left, and it is full still: %s", why)
			}
		})
	}
}

// TestGateBecome: what a connection becomes is bounded as what comes as such, and what it was is free then.
func TestGateBecome(t *testing.T) {
	g := newGate(Caps{ConnsPerIP: 4, UnauthPerIP: 1, HTTPPerIP: 2})
	one, other := auth.Network(addr(1)), auth.Network(addr(2))
	var in []*pass
	for range 2 {
		p, _ := g.enter(addr(1), shaking)
		in = append(in, p)
	}
	for i, step := range []struct {
		pass *pass
		as   standing
		to   netip.Prefix
		why  string
	}{
		{in[0], visitor, one, ""}, {in[1], visitor, one, ""}, {in[0], shaking, one, ""}, {in[0], stranger, one, ""}, {in[1], stranger, one, "max-unauth-per-ip"},
		{in[1], stranger, other, ""}, {in[1], stranger, one, "max-unauth-per-ip"}, {in[1], visitor, one, ""},
	} {
		if why := step.pass.become(step.as, step.to); why != step.why {
			t.Errorf("step %d: %q, want %q", i, why, step.why)
		}
	}
	if why := in[0].become(stranger, other); why != "" {
		t.Error(why)
	}
	for _, as := range []standing{shaking, shaking, visitor} {
		if p, why := g.enter(addr(1), as); p == nil {
			t.Error(why)
		}
	}
	if why := in[0].become(visitor, one); why != "max-conns-per-ip" {
		t.Errorf("%q where the network has all the connections that it may", why)
	}
}

// Up to half of the bound every stranger is let in, above it fewer and fewer, at it none.
func TestGateDropsAtRandom(t *testing.T) {
	for as, caps := range map[standing]Caps{stranger: {Unauth: 100}, visitor: {HTTP: 100}, shaking: {Unauth: 100, HTTP: 200}} {
		dropsAtRandom(t, newGate(caps), as)
	}
}

func dropsAtRandom(t *testing.T, g *gate, as standing) {
	const tries = 1000
	for n := 1; n <= 100; n++ {
		refused := 0
		for range tries {
			if p, _ := g.enter(addr(n), as); p != nil {
				p.leave()
			} else {
				refused++
			}
		}
		switch {
		case n <= 51 && refused > 0: // n-1 are in
			t.Fatalf("with %d in, %d of %d were refused", n-1, refused, tries)
		case n == 76 && (refused < tries/3 || refused > 2*tries/3): // twelve deviations wide
			t.Errorf("with %d in, %d of %d were refused", n-1, refused, tries)
		}
		p, _ := g.enter(addr(n), as)
		for p == nil {
			p, _ = g.enter(addr(n), as)
		}
	}
	for range tries {
		if p, _ := g.enter(addr(1), as); p != nil {
			t.Fatal("one more than the bound was let in")
		}
	}
}

// However passes come, change, sign in and go, twice over perhaps, the counts are those of the passes that are out.
func TestGateCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGate(Caps{})
		var out []*pass
		address := func(t *rapid.T) netip.Addr { return addr(rapid.IntRange(1, 3).Draw(t, "address")) }
		as := rapid.SampledFrom([]standing{shaking, visitor, stranger})
		t.Repeat(map[string]func(*rapid.T){
			"enter": func(t *rapid.T) {
				p, _ := g.enter(address(t), as.Draw(t, "as"))
				out = append(out, p)
			},
			"become": func(t *rapid.T) {
				if len(out) > 0 {
					rapid.SampledFrom(out).Draw(t, "pass").become(as.Draw(t, "as"), auth.Network(address(t)))
				}
			},
			"sign in": func(t *rapid.T) {
				if len(out) > 0 {
					rapid.SampledFrom(out).Draw(t, "pass").signIn()
				}
			},
			"leave": func(t *rapid.T) {
				if len(out) > 0 {
					rapid.SampledFrom(out).Draw(t, "pass").leave()
				}
			},
			"": func(t *rapid.T) {
				var want counts
				for _, p := range out {
					if p.standing < gone {
						want[p.standing]++
					}
				}
				var sum counts
				for _, c := range g.by {
					for as, n := range c {
						sum[as] += n
					}
				}
				if g.all != want || sum != want || want.sum() == 0 && len(g.by) > 0 {
					t.Fatalf("%v (%v by address, of which there are %d), want %v", g.all, sum, len(g.by), want)
				}
			},
		})
	})
}
