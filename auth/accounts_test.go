package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"parley/auth"
	"parley/auth/authtest"
)

func kept(t *testing.T, store auth.Store, name string) auth.Account {
	t.Helper()
	a, err := store.Account(t.Context(), name)
	want(t, err, nil)
	return a
}

// putAccount keeps a behind the service's back.
func putAccount(t *testing.T, store auth.Store, a auth.Account) {
	t.Helper()
	_, err := store.Change(t.Context(), auth.Change{Account: a})
	want(t, err, nil)
}

// newPassword changes the account's password for a session that knows the account as it is.
func newPassword(t *testing.T, s *auth.Service, name string, password auth.Secret, session string) error {
	t.Helper()
	all, err := s.List(t.Context())
	want(t, err, nil)
	var since int64
	for _, a := range all {
		if a.Name == name {
			since = a.Version
		}
	}
	_, err = s.ChangePassword(t.Context(), name, password, session, since)
	return err
}

// setHash keeps a hash as an import would.
func setHash(t *testing.T, store auth.Store, name string, hash []byte) {
	t.Helper()
	a := kept(t, store, name)
	a.Hash = hash
	putAccount(t, store, a)
}

func plainHash(t *testing.T, password auth.Secret, cost int) []byte {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	want(t, err, nil)
	return h
}

func weak(t *testing.T, err error) {
	t.Helper()
	var e *auth.WeakError
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a *WeakError", err)
	}
}

func TestHashIsRenewedAtSignIn(t *testing.T) {
	long := auth.Secret(strings.Repeat("many words ", 7)) // 77 bytes
	for _, c := range []struct {
		name     string
		hash     []byte
		password auth.Secret
		live     int // cost
		cost     int // of the hash kept then
	}{
		{"imported", plainHash(t, good, 4), good, 4, 4},
		{"imported, of another cost", plainHash(t, good, 5), good, 4, 4},
		{"imported, cut at 72 bytes", plainHash(t, long[:72], 4), long, 4, 4},
		{"of a lower cost", nil, good, 5, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := authtest.NewStore()
			open(t, store, auth.Options{}) // makes bob
			if c.hash != nil {
				setHash(t, store, "bob", c.hash)
			}
			s := open(t, store, auth.Options{Cost: c.live})
			before := kept(t, store, "bob")
			a := signIn(t, s, "bob", c.password)
			after := kept(t, store, "bob")
			if bytes.Equal(before.Hash, after.Hash) || !bytes.Equal(a.Hash, after.Hash) || a.Version != after.Version {
				t.Fatalf("kept %s after %s, returned %s", after.Hash, before.Hash, a.Hash)
			}
			h, prepared := bytes.CutPrefix(after.Hash, []byte("p1:"))
			if cost, _ := bcrypt.Cost(h); !prepared || cost != c.cost {
				t.Errorf("renewed as %s", after.Hash)
			}
			signIn(t, s, "bob", c.password)
			if again := kept(t, store, "bob"); again.Version != after.Version {
				t.Error("renewed twice")
			}
			_, err := s.SignIn(t.Context(), "bob", c.password[:len(c.password)-1], home)
			want(t, err, auth.ErrDenied)
		})
	}
}

func TestWrongPasswordRenewsNothing(t *testing.T) {
	store := authtest.NewStore()
	s := open(t, store, auth.Options{})
	setHash(t, store, "bob", plainHash(t, good, 4))
	before := kept(t, store, "bob")
	_, err := s.SignIn(t.Context(), "bob", wrong, home)
	want(t, err, auth.ErrDenied)
	if kept(t, store, "bob").Version != before.Version {
		t.Error("a wrong password changed the account")
	}
}

func TestRenewalNeverFailsASignIn(t *testing.T) {
	store := &faulty{Store: authtest.NewStore()}
	s := open(t, store, auth.Options{})
	setHash(t, store.Store, "bob", plainHash(t, good, 4))
	for _, err := range []error{errors.New("the disk is full"), auth.ErrConflict} {
		store.change = func(auth.Change) error { return err }
		a := signIn(t, s, "bob", good)
		if _, err := s.Issue(t.Context(), a, "s0", "lobby"); err != nil {
			t.Errorf("issue: %v", err)
		}
	}
}

// While a hash is renewed, the account is changed: its new state decides.
func TestRenewalMeetsChange(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *auth.Service) error
		want   error
	}{
		{"by another sign-in", func(s *auth.Service) error { return s.SetPassword(t.Context(), "bob", good) }, nil},
		{"to another password", func(s *auth.Service) error { return s.SetPassword(t.Context(), "bob", fresh) }, auth.ErrDenied},
		{"disabled", func(s *auth.Service) error { return s.Disable(t.Context(), "bob") }, auth.ErrDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := &faulty{Store: authtest.NewStore()}
			s := open(t, store, auth.Options{})
			setHash(t, store.Store, "bob", plainHash(t, good, 4))
			store.change = func(auth.Change) error {
				store.change = nil
				return c.change(s)
			}
			a, err := s.SignIn(t.Context(), "bob", good, home)
			want(t, err, c.want)
			if err == nil && !bytes.Equal(a.Hash, kept(t, store, "bob").Hash) {
				t.Error("returned with a hash that is not kept")
			}
		})
	}
}

// A hash that nobody can compare is a refusal like any other.
func TestUnusableHash(t *testing.T) {
	store := authtest.NewStore()
	s := open(t, store, auth.Options{})
	for _, hash := range []string{"", "p1:", "$1$md5", strings.Replace(string(plainHash(t, good, 4)), "$04$", "$31$", 1)} {
		setHash(t, store, "bob", []byte(hash))
		_, err := s.SignIn(t.Context(), "bob", good, away)
		want(t, err, auth.ErrDenied)
		s.Lift("", "")
	}
	want(t, s.SetPassword(t.Context(), "bob", good), nil)
	signIn(t, s, "bob", good)
}

func TestNames(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{})
	for i, name := range []string{"a", "7", "a.b_c-d", strings.Repeat("x", 32), "0day"} {
		if err := s.Add(t.Context(), name, good+auth.Secret(fmt.Sprint(i)), false, false); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".a", "-a", "_a", "A", "bOb", "a b", "a|b", "a\n", "а", "ä", "~bob", "@bob", "a\x00", strings.Repeat("x", 33), "a/b", "a b c"} {
		if err := s.Add(t.Context(), name, good, false, false); !errors.Is(err, auth.ErrName) {
			t.Errorf("%q: %v, want ErrName", name, err)
		}
	}
}

func TestOperators(t *testing.T) {
	store := authtest.NewStore()
	s := open(t, store, auth.Options{})
	ctx := t.Context()
	weak(t, s.Add(ctx, "alice", "too short", false, false))
	weak(t, s.Add(ctx, "alice", "alice in the garden", false, false))
	want(t, s.Add(ctx, "alice", good, true, false), nil)
	want(t, s.Add(ctx, "alice", fresh, false, false), auth.ErrTaken)
	if a := signIn(t, s, "alice", good); !a.Admin || a.Invited || a.Made.IsZero() {
		t.Errorf("signed in as %+v", a)
	}

	weak(t, s.SetPassword(ctx, "alice", "too short"))
	want(t, s.SetPassword(ctx, "alice", fresh), nil)
	_, err := s.SignIn(ctx, "alice", good, home)
	want(t, err, auth.ErrDenied)
	signIn(t, s, "alice", fresh)

	want(t, s.Disable(ctx, "alice"), nil)
	_, err = s.SignIn(ctx, "alice", fresh, home)
	want(t, err, auth.ErrDenied)
	want(t, newPassword(t, s, "alice", good, ""), auth.ErrNotFound)
	want(t, s.Enable(ctx, "alice"), nil)
	signIn(t, s, "alice", fresh)

	want(t, s.Remove(ctx, "alice"), nil)
	_, err = s.SignIn(ctx, "alice", fresh, home)
	want(t, err, auth.ErrDenied)
	want(t, s.Add(ctx, "alice", fresh, false, false), auth.ErrTaken)

	for _, name := range []string{"alice", "nobody"} {
		for i, err := range []error{
			s.SetPassword(ctx, name, good), newPassword(t, s, name, good, ""), s.Disable(ctx, name),
			s.Enable(ctx, name), s.Remove(ctx, name), s.EndSessions(ctx, name, "out"),
		} {
			if !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("%s, %d: %v, want ErrNotFound", name, i, err)
			}
		}
	}
	all, err := s.List(ctx)
	want(t, err, nil)
	if len(all) != 2 || all[0].Name != "alice" || !all[0].Removed || all[1].Name != "bob" || all[1].Hash != nil {
		t.Errorf("listed: %+v", all)
	}
	if got := len(store.Ended()); got != 3 {
		t.Errorf("sessions were ended %d times, want 3 (password, disable, remove)", got)
	}
}

func TestChangePasswordSparesItsSession(t *testing.T) {
	store := authtest.NewStore()
	s := open(t, store, auth.Options{})
	other := first(t, s)
	mine, err := s.Issue(t.Context(), signIn(t, s, "bob", good), "mine", "tea")
	want(t, err, nil)
	weak(t, newPassword(t, s, "bob", "passwordpassword", "mine"))
	if len(store.Ended()) != 0 {
		t.Fatal("a refused password ended sessions")
	}
	want(t, newPassword(t, s, "bob", fresh, "mine"), nil)
	if e := store.Ended(); len(e) != 1 || e[0].Account != "bob" || e[0].Except != "mine" || e[0].Reason == "" {
		t.Errorf("ended: %+v", e)
	}
	denied(t, s, "bob", other, nobody)
	resume(t, s, mine, "next")
	_, err = s.SignIn(t.Context(), "bob", good, home)
	want(t, err, auth.ErrDenied)
	signIn(t, s, "bob", fresh)
}

func TestInvited(t *testing.T) {
	store := authtest.NewStore()
	s := open(t, store, auth.Options{})
	want(t, s.Add(t.Context(), "carol", good, false, true), nil)
	if a := signIn(t, s, "carol", good); !a.Invited {
		t.Fatal("not invited")
	}
	weak(t, newPassword(t, s, "carol", good, "s"))
	want(t, s.SetPassword(t.Context(), "carol", wrong), nil)
	if a := signIn(t, s, "carol", wrong); !a.Invited {
		t.Fatal("an operator's password ends an invitation")
	}
	want(t, newPassword(t, s, "carol", fresh, "s"), nil)
	if a := signIn(t, s, "carol", fresh); a.Invited {
		t.Fatal("invited still")
	}
	want(t, newPassword(t, s, "carol", fresh, "s"), nil) // only an invited one must differ
}

// A change that meets another is made on top of it, and not for ever.
func TestChangesMeet(t *testing.T) {
	store := &faulty{Store: authtest.NewStore()}
	s := open(t, store, auth.Options{})
	store.change = func(auth.Change) error {
		store.change = nil
		return s.Disable(context.Background(), "bob")
	}
	want(t, s.SetPassword(t.Context(), "bob", fresh), nil)
	if a := kept(t, store, "bob"); !a.Disabled {
		t.Error("the new password undid what came between")
	}
	store.change = func(auth.Change) error { return auth.ErrConflict }
	want(t, s.Enable(t.Context(), "bob"), auth.ErrBusy)
	broken := errors.New("the disk is full")
	store.change = func(auth.Change) error { return broken }
	want(t, s.Enable(t.Context(), "bob"), broken)
	want(t, s.Add(t.Context(), "dave", good, false, false), broken)
	store.change = func(c auth.Change) error {
		store.change = nil
		_, err := store.Store.Change(t.Context(), auth.Change{Account: auth.Account{Name: c.Account.Name}})
		return err
	}
	want(t, s.Add(t.Context(), "erin", good, false, false), auth.ErrTaken)
}
