package authtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
)

// TestStore is what every auth.Store promises, as far as it can be seen through
// the interface. open returns a new, empty store, closed by t.Cleanup. Times
// need to be kept to the millisecond.
func TestStore(t *testing.T, open func(t *testing.T) auth.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, auth.Store)
	}{
		{"AccountRoundTrip", testAccountRoundTrip},
		{"AccountVersions", testAccountVersions},
		{"AccountConcurrent", testAccountConcurrent},
		{"TokenRoundTrip", testTokenRoundTrip},
		{"SpendUnspent", testSpendUnspent},
		{"SpendAgainDropsSuccessor", testSpendAgain},
		{"SpendConfirmsParent", testSpendConfirmsParent},
		{"SpendConflict", testSpendConflict},
		{"SpendConcurrent", testSpendConcurrent},
		{"ConfirmSession", testConfirmSession},
		{"EndSessionToken", testEndSessionToken},
		{"EndFamily", testEndFamily},
		{"ChangeEnd", testChangeEnd},
		{"ChangeEndConflict", testChangeEndConflict},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var (
	made    = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
	expires = made.Add(7 * 24 * time.Hour)
)

// token returns an unspent token whose hash is that of text. The session is
// named after it, in the form that sessions have.
func token(text, account, family string) auth.Token {
	return auth.Token{
		Hash: sha256.Sum256([]byte(text)), Account: account, Family: family,
		Session: session(text), Room: "lobby", Expires: expires,
	}
}

// session returns a UUID that depends on text alone.
func session(text string) string {
	h := sha256.Sum256([]byte("session " + text))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func check(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// change is s.Change without the version.
func change(ctx context.Context, s auth.Store, c auth.Change) error {
	_, err := s.Change(ctx, c)
	return err
}

func addAccount(t *testing.T, s auth.Store, name string) auth.Account {
	t.Helper()
	check(t, change(t.Context(), s, auth.Change{Account: auth.Account{Name: name, Hash: []byte("h-" + name), Made: made}}), nil)
	return account(t, s, name)
}

func account(t *testing.T, s auth.Store, name string) auth.Account {
	t.Helper()
	a, err := s.Account(t.Context(), name)
	check(t, err, nil)
	return a
}

func issue(t *testing.T, s auth.Store, tok auth.Token) auth.Token {
	t.Helper()
	check(t, s.IssueToken(t.Context(), tok), nil)
	return read(t, s, tok)
}

func read(t *testing.T, s auth.Store, tok auth.Token) auth.Token {
	t.Helper()
	got, err := s.Token(t.Context(), tok.Hash)
	check(t, err, nil)
	return got
}

func gone(t *testing.T, s auth.Store, toks ...auth.Token) {
	t.Helper()
	for i, tok := range toks {
		if got, err := s.Token(t.Context(), tok.Hash); !errors.Is(err, auth.ErrNotFound) {
			t.Fatalf("token %d of %d is there still: %+v, %v", i+1, len(toks), got, err)
		}
	}
}

func spend(t *testing.T, s auth.Store, spent, next auth.Token) auth.Token {
	t.Helper()
	check(t, s.SpendToken(t.Context(), spent, next), nil)
	return read(t, s, next)
}

func sameAccount(t *testing.T, got, want auth.Account) {
	t.Helper()
	if string(got.Hash) != string(want.Hash) || !got.Made.Equal(want.Made) ||
		got.Name != want.Name || got.Admin != want.Admin || got.Disabled != want.Disabled ||
		got.Invited != want.Invited || got.Removed != want.Removed {
		t.Fatalf("account %#v, want %#v", got, want)
	}
}

func testAccountRoundTrip(t *testing.T, s auth.Store) {
	ctx := t.Context()
	_, err := s.Account(ctx, "bob")
	check(t, err, auth.ErrNotFound)
	all, err := s.Accounts(ctx)
	check(t, err, nil)
	if len(all) != 0 {
		t.Fatalf("a new store has accounts: %v", all)
	}
	want := []auth.Account{
		{Name: "alice", Hash: []byte("p1:$2a$04$x"), Admin: true, Made: made},
		{Name: "bob", Hash: []byte("$2a$04$y"), Disabled: true, Invited: true, Made: made.Add(time.Millisecond)},
		{Name: "carol", Removed: true, Made: made},
	}
	for _, i := range []int{2, 0, 1} {
		check(t, change(ctx, s, auth.Change{Account: want[i]}), nil)
	}
	all, err = s.Accounts(ctx)
	check(t, err, nil)
	if len(all) != len(want) {
		t.Fatalf("%d accounts, want %d (removed ones included)", len(all), len(want))
	}
	for i := range want {
		sameAccount(t, all[i], want[i])
		sameAccount(t, account(t, s, want[i].Name), want[i])
		if all[i].Version == 0 {
			t.Fatalf("%s is kept at version 0", all[i].Name)
		}
	}
}

func testAccountVersions(t *testing.T, s auth.Store) {
	ctx := t.Context()
	check(t, change(ctx, s, auth.Change{Account: auth.Account{Name: "bob", Made: made, Version: 7}}), auth.ErrConflict)
	_, err := s.Account(ctx, "bob")
	check(t, err, auth.ErrNotFound)

	first := addAccount(t, s, "bob")
	again := first
	again.Version, again.Admin = 0, true
	check(t, change(ctx, s, auth.Change{Account: again}), auth.ErrConflict)
	sameAccount(t, account(t, s, "bob"), first)

	second := first
	second.Admin, second.Hash = true, []byte("other")
	version, err := s.Change(ctx, auth.Change{Account: second})
	check(t, err, nil)
	kept := account(t, s, "bob")
	sameAccount(t, kept, second)
	if kept.Version <= first.Version || kept.Version != version {
		t.Fatalf("version %d after %d, and %d was told", kept.Version, first.Version, version)
	}
	stale := first
	stale.Removed = true
	check(t, change(ctx, s, auth.Change{Account: stale}), auth.ErrConflict)
	sameAccount(t, account(t, s, "bob"), second)
}

func testAccountConcurrent(t *testing.T, s auth.Store) {
	bob := addAccount(t, s, "bob")
	won := race(t, 8, func(int) error {
		return change(context.Background(), s, auth.Change{Account: bob, End: true})
	})
	if won != 1 {
		t.Fatalf("%d of 8 changes of one version were kept, want 1", won)
	}
	won = race(t, 8, func(int) error {
		return change(context.Background(), s, auth.Change{Account: auth.Account{Name: "new", Made: made}})
	})
	if won != 1 {
		t.Fatalf("one name was taken %d times", won)
	}
}

// race runs f n times at once and returns how many succeeded; the others must have met ErrConflict.
func race(t *testing.T, n int, f func(i int) error) int {
	t.Helper()
	var won atomic.Int32
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			switch err := f(i); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, auth.ErrConflict):
				t.Errorf("racer %d: %v, want ErrConflict", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}
