package auth_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"parley/auth"
	"parley/auth/authtest"
)

// Services that tell each other have one throttle: what fails at one counts at the others, what passes or is lifted is forgotten at all.
func TestNoticesMakeOneThrottle(t *testing.T) {
	store := authtest.NewStore()
	var all []*auth.Service
	for range 3 {
		s, err := auth.New(t.Context(), store, auth.Options{Cost: auth.MinCost, LoginRate: 3, LoginRateAddress: 20})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		all = append(all, s)
	}
	for i, s := range all {
		s.Tell(func(n auth.Notice) {
			for j, other := range all {
				if j != i {
					other.Note(n)
				}
			}
		})
	}
	const password = "four plain words here"
	if err := all[0].Add(t.Context(), "bob", password, false, false); err != nil {
		t.Fatal(err)
	}
	from := netip.MustParseAddr("2001:db8::1")
	fail := func(s *auth.Service) error {
		_, err := s.SignIn(t.Context(), "bob", "wrong", from)
		return err
	}
	throttled := func(s *auth.Service) int { return len(s.Throttled()) }
	for i := range 3 {
		if err := fail(all[i]); err != auth.ErrDenied {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	for i, s := range all {
		if throttled(s) != 1 {
			t.Errorf("service %d has %v", i, s.Throttled())
		}
	}
	if n := all[2].Lift("bob", "2001:db8::2"); n != 1 { // the same /64
		t.Errorf("%d were lifted", n)
	}
	for i, s := range all {
		if throttled(s) != 0 {
			t.Errorf("lifted, service %d has %v", i, s.Throttled())
		}
	}
	fail(all[0])
	fail(all[1])
	if _, err := all[2].SignIn(t.Context(), "bob", password, from); err != nil {
		t.Fatal(err)
	}
	fail(all[1])
	fail(all[2])
	if n := throttled(all[0]) + throttled(all[1]) + throttled(all[2]); n != 0 {
		t.Errorf("what failed before a good sign-in counts still: %d", n)
	}
	all[0].Lift("bob", "no address")
	if fail(all[0]); throttled(all[1]) != 1 {
		t.Error("an address that is none lifted something")
	}
}

// What was typed in place of a name is told to nobody, and believed of nobody.
func TestNoticesHoldNoForeignNames(t *testing.T) {
	s, err := auth.New(t.Context(), authtest.NewStore(), auth.Options{Cost: auth.MinCost, LoginRate: 1, LoginRateAddress: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var told []auth.Notice
	s.Tell(func(n auth.Notice) { told = append(told, n) })
	from := netip.MustParseAddr("192.0.2.1")
	s.SignIn(t.Context(), "My Secret Password", "bob", from)
	s.Lift("My Secret Password", "")
	want := []auth.Notice{{Kind: auth.Failed, Network: netip.MustParsePrefix("192.0.2.1/32")}}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	s.Tell(nil)
	s.Lift("", "")
	if len(told) != 1 {
		t.Error("told after the end")
	}
	for _, n := range []auth.Notice{{Kind: auth.Failed, Name: "My Secret"}, {Kind: 9, Name: "bob"}, {Name: strings.Repeat("x", 33)}} {
		s.Note(n)
	}
	if list := s.Throttled(); len(list) != 0 {
		t.Errorf("believed: %v", list)
	}
	s.Note(auth.Notice{Kind: auth.Failed, Name: "bob", Network: netip.MustParsePrefix("2001:db8::1/128")})
	if list := s.Throttled(); len(list) != 1 || list[0].Address != "2001:db8::/64" {
		t.Errorf("a network is taken as it came: %v", list)
	}
}
