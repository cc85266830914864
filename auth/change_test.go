package auth_test

import (
	"context"
	"fmt"
	"testing"

	"parley/auth"
	"parley/auth/authtest"
)

// Whoever's session was ended has no say in the password any more, even where the new one is on its way already.
func TestChangePasswordOfAnEndedSession(t *testing.T) {
	for name, end := range map[string]func(context.Context, *auth.Service) error{
		"operator's password": func(ctx context.Context, s *auth.Service) error { return s.SetPassword(ctx, "bob", wrong) },
		"ejected":             func(ctx context.Context, s *auth.Service) error { return s.EndSessions(ctx, "bob", "out") },
	} {
		for _, when := range []string{"before", "while it is kept"} {
			t.Run(name+" "+when, func(t *testing.T) {
				store := &faulty{Store: authtest.NewStore()}
				s := open(t, store, auth.Options{})
				a := signIn(t, s, "bob", good)
				if when == "before" {
					want(t, end(t.Context(), s), nil)
				} else {
					store.change = func(auth.Change) error {
						store.change = nil
						return end(t.Context(), s)
					}
				}
				_, err := s.ChangePassword(t.Context(), "bob", fresh, "mine", a.Version)
				want(t, err, auth.ErrChanged)
				_, err = s.SignIn(t.Context(), "bob", fresh, home)
				want(t, err, auth.ErrDenied)
				if n := len(store.Ended()); n != 1 {
					t.Errorf("sessions were ended %d times, want once", n)
				}
			})
		}
	}
}

func TestChangePasswordTwice(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{})
	version, err := s.ChangePassword(t.Context(), "bob", fresh, "mine", signIn(t, s, "bob", good).Version)
	want(t, err, nil)
	_, err = s.ChangePassword(t.Context(), "bob", wrong, "mine", version)
	want(t, err, nil)
	signIn(t, s, "bob", wrong)
}

func TestChangePasswordAtOnce(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{})
	since := signIn(t, s, "bob", good).Version
	const n = 4
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := s.ChangePassword(context.Background(), "bob", fresh, fmt.Sprint("s", i), since)
			errs <- err
		}()
	}
	won := 0
	for range n {
		if err := <-errs; err == nil {
			won++
		} else {
			want(t, err, auth.ErrChanged)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d that changed one password at once were let, want 1", won, n)
	}
}
