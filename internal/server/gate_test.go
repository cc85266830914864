package server

import (
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func addr(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i%250+1)) }

func TestGateCaps(t *testing.T) {
	const none = ""
	one, other := addr(1), addr(2)
	neighbour := netip.MustParseAddr("2001:db8::1")
	sameNetwork := netip.MustParseAddr("2001:db8::ffff:1")
	otherNetwork := netip.MustParseAddr("2001:db8:0:1::1")
	for _, tt := range []struct {
		name  string
		caps  Caps
		in    []netip.Addr // let in before
		known bool         // and signed in
		next  netip.Addr
		why   string
	}{
		{"no caps", Caps{}, []netip.Addr{one, one, one}, false, one, none},
		{"conns", Caps{Conns: 2}, []netip.Addr{one, other}, true, addr(3), "max-conns"},
		{"conns per address", Caps{ConnsPerIP: 2}, []netip.Addr{one, one}, true, one, "max-conns-per-ip"},
		{"of another address", Caps{ConnsPerIP: 2}, []netip.Addr{one, one}, true, other, none},
		{"strangers per address", Caps{UnauthPerIP: 2}, []netip.Addr{one, one}, false, one, "max-unauth-per-ip"},
		{"who signed in is no stranger", Caps{UnauthPerIP: 2}, []netip.Addr{one, one}, true, one, none},
		{"strangers", Caps{Unauth: 1}, []netip.Addr{one}, false, other, "max-unauth"},
		{"a /64 is one address", Caps{UnauthPerIP: 1}, []netip.Addr{neighbour}, false, sameNetwork, "max-unauth-per-ip"},
		{"another /64 is not", Caps{UnauthPerIP: 1}, []netip.Addr{neighbour}, false, otherNetwork, none},
		{"IPv4 as IPv6", Caps{UnauthPerIP: 1}, []netip.Addr{one}, false, netip.MustParseAddr("::ffff:192.0.2.2"), "max-unauth-per-ip"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(tt.caps)
			var passes []*pass
			for _, a := range tt.in {
				p, why := g.enter(a)
				if p == nil {
					t.Fatalf("%v was not let in: %s", a, why)
				}
				if tt.known {
					p.signIn()
				}
				passes = append(passes, p)
			}
			p, why := g.enter(tt.next)
			if why != tt.why || (p == nil) != (why != none) {
				t.Fatalf("%q, want %q", why, tt.why)
			}
			if p != nil {
				p.leave()
			}
			for _, p := range passes {
				p.leave()
			}
			if p, why := g.enter(tt.next); p == nil {
				t.Errorf("all have left, and it is full still: %s", why)
			}
		})
	}
}

// Up to half of the bound every stranger is let in, above it fewer and fewer, at it none.
func TestGateDropsAtRandom(t *testing.T) {
	g := newGate(Caps{Unauth: 100})
	const tries = 1000
	for n := 1; n <= 100; n++ {
		refused := 0
		for range tries {
			if p, _ := g.enter(addr(n)); p != nil {
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
		p, _ := g.enter(addr(n))
		for p == nil {
			p, _ = g.enter(addr(n))
		}
	}
	for range tries {
		if p, _ := g.enter(addr(1)); p != nil {
			t.Fatal("one more than the bound was let in")
		}
	}
}

// However passes come, sign in and go, twice over perhaps, the counts are those of the passes that are out.
func TestGateCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGate(Caps{})
		var out []*pass
		t.Repeat(map[string]func(*rapid.T){
			"enter": func(t *rapid.T) {
				p, _ := g.enter(addr(rapid.IntRange(1, 3).Draw(t, "address")))
				out = append(out, p)
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
				conns, unauth := 0, 0
				for _, p := range out {
					if !p.handedBack {
						conns++
						if !p.signedIn {
							unauth++
						}
					}
				}
				sum := 0
				for _, c := range g.by {
					sum += c.conns
				}
				if g.conns != conns || g.unauth != unauth || sum != conns || conns == 0 && len(g.by) > 0 {
					t.Fatalf("%d conns (%d by address), %d strangers; want %d, %d", g.conns, sum, g.unauth, conns, unauth)
				}
			},
		})
	})
}
