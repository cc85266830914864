package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func from(name, addr string) who {
	return who{name: name, addr: Network(netip.MustParseAddr(addr))}
}

// failing makes one failed try, which must be let.
func failing(t *testing.T, th *throttle, w who) {
	t.Helper()
	if wait := th.begin(w); wait != 0 {
		t.Fatalf("%v has to wait %v", w, wait)
	}
	th.fail(w)
}

func waits(t *testing.T, th *throttle, w who, want time.Duration) {
	t.Helper()
	if got := th.wait(w); got != want {
		t.Fatalf("%v waits %v, want %v", w, got, want)
	}
}

func TestThrottleDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(5, 50, 100)
		w := from("bob", "192.0.2.1")
		for range 5 {
			waits(t, th, w, 0)
			failing(t, th, w)
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600} {
			want *= time.Second
			waits(t, th, w, want)
			if wait := th.begin(w); wait != want {
				t.Fatalf("a try that came too early was let, or made to wait %v instead of %v", wait, want)
			}
			time.Sleep(want - time.Millisecond)
			waits(t, th, w, time.Millisecond)
			time.Sleep(time.Millisecond)
			failing(t, th, w)
		}
		waits(t, th, from("bob", "192.0.2.2"), 0)   // the owner, elsewhere
		waits(t, th, from("alice", "192.0.2.1"), 0) // somebody else, same place
		if got := th.list(); len(got) != 1 || got[0].Name != "bob" || got[0].Address != "192.0.2.1" || got[0].Failures != 18 {
			t.Fatalf("listed: %+v", got)
		}

		time.Sleep(memory - time.Nanosecond) // the last failure was now
		if len(th.list()) != 1 {
			t.Fatal("forgotten before its time")
		}
		time.Sleep(time.Nanosecond)
		if got := th.list(); len(got) != 0 {
			t.Fatalf("not forgotten after an hour: %+v", got)
		}
		for range 5 {
			failing(t, th, w)
		}
		waits(t, th, w, time.Second)
	})
}

func TestThrottleAddress(t *testing.T) {
	for _, c := range []struct{ name, here, same, other string }{
		{"IPv4", "192.0.2.1", "192.0.2.1", "192.0.2.2"},
		{"IPv4 mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"},
		{"IPv6 by its /64", "2001:db8:0:1::1", "2001:db8:0:1:ffff::9", "2001:db8:0:2::1"},
		{"IPv6 zone", "fe80::1%eth0", "fe80::2%eth1", "fe80:0:0:1::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := newThrottle(5, 50, 100)
				for i := range 50 {
					failing(t, th, from(fmt.Sprint("name", i), c.here))
				}
				waits(t, th, from("any", c.same), time.Second)
				waits(t, th, from("any", c.other), 0)
				waits(t, th, from("name1", c.other), 0)
				time.Sleep(time.Second)
				failing(t, th, from("other", c.same))
				waits(t, th, from("any", c.here), 2*time.Second)
			})
		})
	}
}

func TestThrottlePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(5, 8, 100)
		w := from("bob", "192.0.2.1")
		for range 4 {
			failing(t, th, w)
		}
		waits(t, th, from("mallory", "192.0.2.1"), 0)
		if wait := th.begin(w); wait != 0 {
			t.Fatal(wait)
		}
		th.pass(w)
		if n := len(th.pairs.entries); n != 0 {
			t.Fatalf("%d pairs are left after success", n)
		}
		for range 4 {
			failing(t, th, w)
		}
		// Eight failures of the address, though four of bob's were forgotten.
		waits(t, th, from("alice", "192.0.2.1"), time.Second)
	})
}

// However many try at once, no more fail than one after another could.
func TestThrottleTriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(5, 50, 100)
		w := from("bob", "192.0.2.1")
		failing(t, th, w)
		for range 4 {
			if wait := th.begin(w); wait != 0 {
				t.Fatalf("held up below the limit: %v", wait)
			}
		}
		if th.begin(w) == 0 {
			t.Fatal("six tries were let where five may fail")
		}
		th.cancel(w) // the server's fault: it counts for nothing
		if wait := th.begin(w); wait != 0 {
			t.Fatalf("what was cancelled still counts: %v", wait)
		}
		for range 4 {
			th.fail(w)
		}
		waits(t, th, w, time.Second)
		time.Sleep(time.Second)
		if wait := th.begin(w); wait != 0 {
			t.Fatal(wait)
		}
		if th.begin(w) == 0 {
			t.Fatal("two tries at once above the limit")
		}
		th.pass(w)
		waits(t, th, w, 0)
	})
}

func TestThrottleOff(t *testing.T) {
	th := newThrottle(0, 50, 100)
	w := from("bob", "192.0.2.1")
	for range 1000 {
		failing(t, th, w)
	}
	if th.wait(w) != 0 || len(th.list()) != 0 || len(th.pairs.entries)+len(th.addrs.entries) != 0 {
		t.Error("a throttle that is off keeps something")
	}
	th = newThrottle(5, 0, 100)
	for i := range 1000 {
		failing(t, th, from(fmt.Sprint("name", i), "192.0.2.1"))
	}
}

// A full table forgets who failed little before who failed much.
func TestThrottleBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 64
		th := newThrottle(5, 50, size)
		mallory := from("bob", "192.0.2.1")
		for range 5 {
			failing(t, th, mallory)
		}
		young := from("alice", "192.0.2.1")
		failing(t, th, young)
		for i := range 10 * size {
			time.Sleep(time.Millisecond)
			failing(t, th, from("bob", netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String()))
			if len(th.pairs.entries) > size || len(th.addrs.entries) > size {
				t.Fatalf("%d pairs and %d addresses in tables of %d", len(th.pairs.entries), len(th.addrs.entries), size)
			}
		}
		if th.wait(mallory) == 0 {
			t.Fatal("one failure each of many addresses made room for who had reached the limit")
		}
		if th.pairs.entries[young] != nil {
			t.Fatal("the oldest of those below the limit is there still")
		}
		// Where all have reached it, the oldest goes.
		for i := range size {
			w := from("carol", netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}).String())
			for range 5 {
				failing(t, th, w)
			}
		}
		if th.pairs.entries[mallory] != nil || th.pairs.barred.Len() != size {
			t.Fatalf("%d are barred, want %d, the newest", th.pairs.barred.Len(), size)
		}
	})
}

func TestThrottleLift(t *testing.T) {
	for _, c := range []struct {
		name, address string
		want          int
	}{
		{"bob", "192.0.2.1", 1},
		{"bob", "192.0.2.9", 0},
		{"bob", "", 2},
		{"", "192.0.2.1", 3},
		{"", "2001:db8::/64", 2},
		{"", "2001:db8::77", 2},
		{"", "", 5},
		{"nobody", "", 0},
		{"bob", "no address", 0},
		{"", "no address", 0},
	} {
		th := newThrottle(5, 10, 100)
		for _, w := range []who{from("bob", "192.0.2.1"), from("alice", "192.0.2.1"), from("bob", "2001:db8::1")} {
			for range 5 {
				th.begin(w)
				th.fail(w)
			}
		}
		for i := range 5 { // the second network reaches its limit, by names that do not
			w := from(fmt.Sprint("carol", i), "2001:db8::2")
			th.begin(w)
			th.fail(w)
		}
		all := len(th.list())
		if all != 5 {
			t.Fatalf("%d listed, want 5: %+v", all, th.list())
		}
		if got := th.lift(c.name, c.address); got != c.want {
			t.Errorf("lift(%q, %q): %d, want %d", c.name, c.address, got, c.want)
		}
		if left := len(th.list()); left != all-c.want {
			t.Errorf("lift(%q, %q): %d are left, want %d", c.name, c.address, left, all-c.want)
		}
	}
	th := newThrottle(5, 10, 100)
	w := from("bob", "192.0.2.1")
	for range 4 {
		failing(t, th, w)
	}
	th.lift("bob", "") // below the limit: nothing to count, and forgotten all the same
	for range 5 {
		failing(t, th, w)
	}
}
