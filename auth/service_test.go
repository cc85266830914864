package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/auth"
	"parley/auth/authtest"
)

const (
	good  auth.Secret = "a long enough phrase"
	wrong auth.Secret = "another long enough phrase"
	fresh auth.Secret = "tea for two at noon, please"
)

var (
	home = netip.MustParseAddr("192.0.2.1")
	away = netip.MustParseAddr("2001:db8::1")
)

// faulty is a store whose calls can be delayed and made to fail.
type faulty struct {
	*authtest.Store
	delay  time.Duration                // of Account, for accounts that are there
	fail   error                        // of Account
	change func(c auth.Change) error    // before Change; its error is returned
	issued func(t auth.Token)           // before IssueToken
	spend  func(spent auth.Token) error // before SpendToken; its error is returned
}

func (f *faulty) Account(ctx context.Context, name string) (auth.Account, error) {
	a, err := f.Store.Account(ctx, name)
	if f.fail != nil {
		return auth.Account{}, f.fail
	}
	if err == nil {
		time.Sleep(f.delay)
	}
	return a, err
}

func (f *faulty) Change(ctx context.Context, c auth.Change) (int64, error) {
	if f.change != nil {
		if err := f.change(c); err != nil {
			return 0, err
		}
	}
	return f.Store.Change(ctx, c)
}

func (f *faulty) IssueToken(ctx context.Context, t auth.Token) error {
	if f.issued != nil {
		f.issued(t)
	}
	return f.Store.IssueToken(ctx, t)
}

func (f *faulty) SpendToken(ctx context.Context, spent, next auth.Token) error {
	if f.spend != nil {
		if err := f.spend(spent); err != nil {
			return err
		}
	}
	return f.Store.SpendToken(ctx, spent, next)
}

// open returns a service over store, at the least cost, with the default throttle and
// the account bob, whose password is good.
func open(t *testing.T, store auth.Store, o auth.Options) *auth.Service {
	t.Helper()
	if o.Cost == 0 {
		o.Cost = auth.MinCost
	}
	if o.LoginRate == 0 {
		o.LoginRate, o.LoginRateAddress = auth.DefaultLoginRate, auth.DefaultLoginRateAddress
	}
	s, err := auth.New(t.Context(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Add(t.Context(), "bob", good, false, false); err != nil && !errors.Is(err, auth.ErrTaken) {
		t.Fatal(err)
	}
	return s
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

func signIn(t *testing.T, s *auth.Service, name string, password auth.Secret) auth.Account {
	t.Helper()
	a, err := s.SignIn(t.Context(), name, password, home)
	want(t, err, nil)
	return a
}

func throttled(t *testing.T, err error) time.Duration {
	t.Helper()
	var e *auth.ThrottledError
	if !errors.As(err, &e) || e.Wait <= 0 {
		t.Fatalf("error %v, want a *ThrottledError", err)
	}
	return e.Wait
}

func TestOptions(t *testing.T) {
	for _, cost := range []int{-1, 3, 17} {
		if _, err := auth.New(t.Context(), authtest.NewStore(), auth.Options{Cost: cost}); err == nil {
			t.Errorf("cost %d is taken", cost)
		}
	}
	for cost, warned := range map[int]bool{4: true, 10: false} {
		var log strings.Builder
		s, err := auth.New(t.Context(), authtest.NewStore(), auth.Options{Cost: cost, Log: slog.New(slog.NewTextHandler(&log, nil))})
		want(t, err, nil)
		s.Close()
		if strings.Contains(log.String(), "WARN") != warned {
			t.Errorf("cost %d: logged %q", cost, log.String())
		}
	}
}

// Nobody can tell why a sign-in failed: the same error, after the same time, and
// the same throttle. In the bubble hashing takes no time, so what is measured is the wait alone;
// the store takes its time for accounts that are there.
func TestRefusalsAreAlike(t *testing.T) {
	for _, c := range []struct {
		name  string
		delay time.Duration
		want  time.Duration
	}{
		{"quick", 0, 20 * time.Millisecond},
		{"hidden by the fixed time", 15 * time.Millisecond, 20 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Store: authtest.NewStore()}
				s := open(t, store, auth.Options{})
				for _, name := range []string{"gone", "off"} {
					want(t, s.Add(t.Context(), name, good, false, false), nil)
				}
				want(t, s.Remove(t.Context(), "gone"), nil)
				want(t, s.Disable(t.Context(), "off"), nil)
				store.delay = c.delay
				for _, try := range []struct {
					name     string
					password auth.Secret
				}{
					{"bob", wrong}, {"bobby", wrong}, {"gone", good}, {"off", good}, {"off", wrong}, {"No Name!", good},
				} {
					s.Lift("", "")
					for i := range 5 {
						began := time.Now()
						a, err := s.SignIn(t.Context(), try.name, try.password, home)
						if err != auth.ErrDenied || a.Name != "" {
							t.Fatalf("%s, try %d: %v, %v", try.name, i, a, err)
						}
						if took := time.Since(began); took != c.want {
							t.Errorf("%s, try %d: answered after %v, want %v", try.name, i, took, c.want)
						}
					}
					began := time.Now()
					_, err := s.SignIn(t.Context(), try.name, try.password, home)
					if wait := throttled(t, err); wait != time.Second || time.Since(began) != 0 {
						t.Errorf("%s: throttled for %v, told after %v", try.name, wait, time.Since(began))
					}
				}
			})
		})
	}
}

func TestSlowRefusalIsRoundedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: authtest.NewStore()}
		s := open(t, store, auth.Options{})
		for delay, want := range map[time.Duration]time.Duration{20: 20, 21: 40, 79: 80} {
			store.delay = delay * time.Millisecond
			began := time.Now()
			if _, err := s.SignIn(t.Context(), "bob", wrong, home); !errors.Is(err, auth.ErrDenied) {
				t.Fatal(err)
			}
			if took := time.Since(began); took != want*time.Millisecond {
				t.Errorf("a try of %v was refused after %v, want %v", store.delay, took, want*time.Millisecond)
			}
		}
	})
}

// While a refusal waits for its time, its worker is free, and who goes away is let go.
func TestRefusalHoldsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, authtest.NewStore(), auth.Options{Workers: 1, Queue: 1})
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		refused := make(chan error, 1)
		go func() {
			_, err := s.SignIn(ctx, "bob", wrong, home)
			refused <- err
		}()
		synctest.Wait()
		signIn(t, s, "bob", good)
		if time.Since(began) != 0 {
			t.Errorf("a good sign-in waited %v for a bad one's answer", time.Since(began))
		}
		cancel()
		want(t, <-refused, context.Canceled)
		if time.Since(began) != 0 {
			t.Errorf("who went away was held for %v", time.Since(began))
		}
	})
}
