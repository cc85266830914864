package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/auth"
	"parley/auth/authtest"
)

// The server's own faults count for nobody and are not taken for a wrong password.
func TestFaultsCountForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: authtest.NewStore()}
		s := open(t, store, auth.Options{Workers: 1, Queue: 1})
		broken := errors.New("the disk is on fire")
		store.fail = broken
		for range 100 {
			_, err := s.SignIn(t.Context(), "bob", good, home)
			want(t, err, broken)
		}
		store.fail = nil
		store.delay = time.Minute
		for range 2 {
			go func() { _, _ = s.SignIn(t.Context(), "bob", good, home) }()
		}
		synctest.Wait()
		for range 100 {
			_, err := s.SignIn(t.Context(), "bob", wrong, home)
			want(t, err, auth.ErrBusy)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		store.delay = 0
		if len(s.Throttled()) != 0 {
			t.Fatalf("somebody is throttled: %+v", s.Throttled())
		}
		signIn(t, s, "bob", good)
	})
}

func TestThrottleLetsTheOwnerIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, authtest.NewStore(), auth.Options{})
		a := signIn(t, s, "bob", good)
		token, err := s.Issue(t.Context(), a, "s1", "lobby")
		want(t, err, nil)
		for range 5 {
			_, err := s.SignIn(t.Context(), "bob", wrong, home)
			want(t, err, auth.ErrDenied)
		}
		_, err = s.SignIn(t.Context(), "bob", good, home)
		throttled(t, err)
		if _, err := s.SignIn(t.Context(), "bob", good, away); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
		if _, err := s.Resume(t.Context(), "bob", token, "s2", nobody, anybody); err != nil {
			t.Errorf("by token: %v", err)
		}
		if n := s.Lift("bob", home.String()); n != 1 {
			t.Errorf("lifted %d, want 1", n)
		}
		signIn(t, s, "bob", good)
	})
}

// A success forgets the failures of its account from its address.
func TestSuccessForgetsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, authtest.NewStore(), auth.Options{})
		for range 3 {
			for range 4 {
				_, err := s.SignIn(t.Context(), "bob", wrong, home)
				want(t, err, auth.ErrDenied)
			}
			signIn(t, s, "bob", good)
		}
	})
}

// What is removed or disabled stays out, though its hash is there.
func TestStateDecidesOverHash(t *testing.T) {
	for name, change := range map[string]func(*auth.Account){
		"disabled": func(a *auth.Account) { a.Disabled = true },
		"removed":  func(a *auth.Account) { a.Removed = true },
	} {
		store := authtest.NewStore()
		s := open(t, store, auth.Options{})
		a, err := store.Account(t.Context(), "bob")
		want(t, err, nil)
		change(&a)
		putAccount(t, store, a)
		if _, err := s.SignIn(t.Context(), "bob", good, home); err != auth.ErrDenied {
			t.Errorf("%s: %v, want ErrDenied", name, err)
		}
	}
}

// Who is throttled is told so at once, not made to wait for a turn or turned away for lack of one.
func TestThrottledNeedNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: authtest.NewStore()}
		s := open(t, store, auth.Options{Workers: 1, Queue: 1})
		for range 5 {
			_, err := s.SignIn(t.Context(), "nobody", wrong, home)
			want(t, err, auth.ErrDenied)
		}
		store.delay = 500 * time.Millisecond
		for range 2 {
			go func() { _, _ = s.SignIn(t.Context(), "bob", good, away) }()
			synctest.Wait()
			_, err := s.SignIn(t.Context(), "nobody", wrong, home)
			if wait := throttled(t, err); wait != time.Second {
				t.Errorf("told to wait %v after waiting", wait)
			}
		}
		time.Sleep(2 * time.Minute)
	})
}

// A storm of guesses at once is worth no more than one after another, even of
// those that came while nobody had failed yet and waited for their turn.
func TestStormIsBounded(t *testing.T) {
	for _, workers := range []int{1, 8} {
		synctest.Test(t, func(t *testing.T) {
			store := &faulty{Store: authtest.NewStore()}
			s := open(t, store, auth.Options{Workers: workers, Queue: 1000})
			want(t, s.Add(t.Context(), "slow", good, false, false), nil)
			store.delay = time.Minute
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() { _, _ = s.SignIn(t.Context(), "slow", good, away) })
			}
			synctest.Wait()
			var mu sync.Mutex
			denied, throttled := 0, 0
			for range 200 {
				wg.Go(func() {
					_, err := s.SignIn(t.Context(), "bob", wrong, home)
					mu.Lock()
					defer mu.Unlock()
					var e *auth.ThrottledError
					switch {
					case err == auth.ErrDenied:
						denied++
					case errors.As(err, &e):
						throttled++
					}
				})
			}
			synctest.Wait()
			mu.Lock()
			if denied+throttled != 0 {
				t.Errorf("%d were answered before their turn", denied+throttled)
			}
			mu.Unlock()
			wg.Wait()
			if denied != 5 || throttled != 195 {
				t.Errorf("%d workers: %d denied and %d throttled, want 5 and 195", workers, denied, throttled)
			}
		})
	}
}

// slow is a store whose next reading of an account takes a minute, where hold is set.
type slow struct {
	*authtest.Store
	hold atomic.Bool
}

func (s *slow) Account(ctx context.Context, name string) (auth.Account, error) {
	if s.hold.CompareAndSwap(true, false) {
		time.Sleep(time.Minute)
	}
	return s.Store.Account(ctx, name)
}

// Who knows one password can't keep everybody else from signing in by theirs, nor the operator from changing it.
func TestOneAccountLeavesRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: authtest.NewStore()}
		s := open(t, store, auth.Options{Workers: 1})
		for _, name := range []string{"mallory", "alice"} {
			want(t, s.Add(t.Context(), name, good, false, false), nil)
		}
		a := signIn(t, s, "mallory", good)
		store.hold.Store(true) // the first sign-in keeps the only worker for a while
		var mu sync.Mutex
		busy := 0
		for i := range 24 {
			go func() {
				from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
				if _, err := s.SignIn(t.Context(), "mallory", good, from); err == auth.ErrBusy {
					mu.Lock()
					busy++
					mu.Unlock()
				}
			}()
		}
		synctest.Wait()
		mu.Lock()
		if busy != 20 {
			t.Errorf("%d of 24 sign-ins to one account were turned away, want 20", busy)
		}
		mu.Unlock()
		_, err := s.ChangePassword(t.Context(), "mallory", fresh, "", a.Version)
		want(t, err, auth.ErrBusy)
		if _, err := s.SignIn(t.Context(), "alice", good, away); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		store.hold.Store(true)
		for range 4 {
			go func() { _, _ = s.SignIn(t.Context(), "mallory", good, away) }()
		}
		synctest.Wait()
		want(t, s.SetPassword(t.Context(), "mallory", fresh), nil)
		time.Sleep(time.Minute)
	})
}
