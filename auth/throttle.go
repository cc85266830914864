package auth

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Defaults of the sign-in throttle.
const (
	DefaultLoginRate        = 5
	DefaultLoginRateAddress = 50
	// DefaultThrottleEntries bounds each of the two tables, some 15 MB when full.
	DefaultThrottleEntries = 65536
)

// ThrottledError is returned, at once, to who failed too often: whether the
// account exists has no part in it.
type ThrottledError struct {
	Wait time.Duration // more than 0, at most 10 minutes
}

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("auth: too many failed sign-ins: wait %v", e.Wait.Round(time.Second))
}

// Throttled is somebody who reached the limit of failed sign-ins in the last hour.
type Throttled struct {
	Name     string // empty: the whole address
	Address  string // an IPv4 address, or an IPv6 network of 64 bits
	Failures int
	Until    time.Time // no try before; may have passed
}

// who is whose try it is.
type who struct {
	name string
	addr netip.Prefix
}

// throttle counts failed sign-ins by account and address, and by address. The
// second catches who tries one password with many names.
type throttle struct {
	mu    sync.Mutex
	pairs *table[who]
	addrs *table[netip.Prefix]
}

func newThrottle(pair, address, size int) *throttle {
	if pair <= 0 {
		address = 0 // the whole of it is off
	}
	return &throttle{pairs: newTable[who](pair, size), addrs: newTable[netip.Prefix](address, size)}
}

// Network is what counts as one address, here and wherever addresses are counted:
// who has an IPv6 address has its whole /64. The zero Prefix for the zero Addr.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

func (t *throttle) wait(w who) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waitLocked(w, time.Now())
}

func (t *throttle) waitLocked(w who, now time.Time) time.Duration {
	return max(t.pairs.wait(w, now), t.addrs.wait(w.addr, now))
}

// begin reserves a try, or returns how long to wait. One of fail, pass and
// cancel must follow.
func (t *throttle) begin(w who) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := t.waitLocked(w, time.Now())
	if wait == 0 {
		t.pairs.begin(w)
		t.addrs.begin(w.addr)
	}
	return wait
}

// cancel takes back a try that neither failed nor passed: the server was at fault.
func (t *throttle) cancel(w who) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cancelLocked(w)
}

func (t *throttle) cancelLocked(w who) {
	t.pairs.end(w)
	t.addrs.end(w.addr)
}

// pass forgets the failures of this account from this address, and not those of
// the address: else who has one account could guess at all others for ever.
func (t *throttle) pass(w who) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cancelLocked(w)
	t.pairs.clear(w)
}

// fail tells whether waits begin with this failure.
func (t *throttle) fail(w who) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	pair, addr := t.pairs.fail(w, now), t.addrs.fail(w.addr, now)
	t.cancelLocked(w)
	return pair || addr
}

func (t *throttle) list() []Throttled {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.pairs.forget(now)
	t.addrs.forget(now)
	var all []Throttled
	for at := t.pairs.barred.Front(); at != nil; at = at.Next() {
		e := at.Value.(*entry[who])
		all = append(all, Throttled{Name: e.key.name, Address: show(e.key.addr), Failures: e.failures, Until: e.until})
	}
	for at := t.addrs.barred.Front(); at != nil; at = at.Next() {
		e := at.Value.(*entry[netip.Prefix])
		all = append(all, Throttled{Address: show(e.key), Failures: e.failures, Until: e.until})
	}
	slices.SortFunc(all, func(a, b Throttled) int {
		return cmp.Or(b.Until.Compare(a.Until), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func (t *throttle) lift(name, address string) int {
	addr, known := parseNetwork(address)
	if address != "" && !known {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	lifted := 0
	for key, e := range t.pairs.entries {
		if (name == "" || key.name == name) && (address == "" || key.addr == addr) {
			if e.in == t.pairs.barred {
				lifted++
			}
			t.pairs.clear(key)
		}
	}
	for key, e := range t.addrs.entries {
		if name == "" && (address == "" || key == addr) {
			if e.in == t.addrs.barred {
				lifted++
			}
			t.addrs.clear(key)
		}
	}
	return lifted
}

// limited is how many list would have.
func (t *throttle) limited() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.pairs.forget(now)
	t.addrs.forget(now)
	return t.pairs.barred.Len() + t.addrs.barred.Len()
}

// show writes a network as List promises.
func show(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// parseNetwork reads what show writes, and any single address.
func parseNetwork(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return Network(p.Addr()), true
	}
	a, err := netip.ParseAddr(s)
	return Network(a), err == nil
}
