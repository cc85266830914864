package auth

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// accounts is a store of accounts that never change.
type accounts struct {
	Store
	all []Account
}

func (s *accounts) Accounts(context.Context) ([]Account, error) { return s.all, nil }

func (s *accounts) Account(_ context.Context, name string) (Account, error) {
	for _, a := range s.all {
		if a.Name == name {
			return a, nil
		}
	}
	return Account{}, ErrNotFound
}

func TestRefusalTime(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		live, dearest   int
		one, took, want time.Duration
	}{
		{12, 12, 250 * ms, 0, 350 * ms},
		{12, 12, 250 * ms, 250 * ms, 350 * ms},
		{12, 12, 250 * ms, 350 * ms, 350 * ms},
		{12, 12, 250 * ms, 351 * ms, 700 * ms},
		{12, 12, 250 * ms, 2000 * ms, 2100 * ms},
		{12, 14, 250 * ms, 250 * ms, 1400 * ms},
		{12, 14, 250 * ms, 1000 * ms, 1400 * ms},
		{4, 4, 1 * ms, 1 * ms, 20 * ms},
		{4, 4, 0, 0, 20 * ms},
		{4, 10, 1 * ms, 1 * ms, 89600 * time.Microsecond},
	} {
		s := &Service{opts: Options{Cost: c.live}, one: c.one}
		s.met(c.dearest)
		s.met(c.live) // a cheaper one takes nothing back
		if got := s.refusal(c.took); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// The dearest hash decides how long every refusal takes, be it there at start
// or met later.
func TestDearestIsMet(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("x"), 8)
	if err != nil {
		t.Fatal(err)
	}
	dear := Account{Name: "dear", Hash: hash}
	for _, when := range []string{"at start", "later"} {
		store := &accounts{}
		if when == "at start" {
			store.all = []Account{dear}
		}
		s, err := New(t.Context(), store, Options{Cost: MinCost})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if when == "later" {
			store.all = []Account{dear}
			if _, err := s.SignIn(t.Context(), "dear", "y", netip.Addr{}); !errors.Is(err, ErrDenied) {
				t.Fatal(err)
			}
		}
		s.one = time.Second
		if got := s.refusal(0); got != 22400*time.Millisecond {
			t.Errorf("met %s: an unknown name is refused after %v, want 1.4 × 2⁴ s", when, got)
		}
	}
}

// An unknown name costs the comparison that a known one costs: the time before
// the refusal's own wait is spent on bcrypt. A machine that is busy meanwhile only makes it longer, so comparisons are timed before it and after.
func TestUnknownNameIsCompared(t *testing.T) {
	const cost = 8
	s, err := New(t.Context(), &accounts{}, Options{Cost: cost, LoginRate: DefaultLoginRate})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	least := time.Hour
	compare := func() {
		for range 5 {
			began := time.Now()
			matches(s.dummy, "x")
			least = min(least, time.Since(began))
		}
	}
	compare()
	try := try{name: "nobody", password: "x", who: who{name: "nobody"}}
	try.run(t.Context(), s)
	compare()
	if try.err != ErrDenied || try.took < least/2 {
		t.Errorf("%v after %v, want ErrDenied after the %v that a comparison takes", try.err, try.took, least)
	}
}
