package authtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"parley/auth"
)

func testTokenRoundTrip(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	want := token("a", "bob", "f")
	gone(t, s, want)
	got := issue(t, s, want)
	if !got.Expires.Equal(want.Expires) {
		t.Fatalf("expires %v, want %v", got.Expires, want.Expires)
	}
	if got.Version == 0 {
		t.Fatal("a token is kept at version 0")
	}
	got.Expires, want.Version = want.Expires, got.Version
	if got != want {
		t.Fatalf("token %+v, want %+v", got, want)
	}
	past := token("past", "bob", "f")
	past.Expires = made.Add(-time.Hour)
	issue(t, s, past) // expired ones are returned: the caller judges
}

func testSpendUnspent(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	next := token("b", "bob", "f")
	next.Room = "tea"
	b := spend(t, s, a, next)
	if b.Opened != "" || b.Confirmed || b.Version == 0 || b.Room != "tea" || b.Session != next.Session || b.Family != "f" || b.Account != "bob" {
		t.Fatalf("the new token: %+v", b)
	}
	spent := read(t, s, a)
	if spent.Opened != b.Session || spent.Confirmed || spent.Version <= a.Version {
		t.Fatalf("the spent token: %+v", spent)
	}
}

func testSpendAgain(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	other := issue(t, s, token("other", "bob", "g"))
	b := spend(t, s, a, token("b", "bob", "f"))
	c := spend(t, s, read(t, s, a), token("c", "bob", "f"))
	gone(t, s, b)
	if got := read(t, s, a); got.Opened != c.Session || got.Confirmed {
		t.Fatalf("spent again: %+v", got)
	}
	if got := read(t, s, other); got.Version != other.Version {
		t.Fatalf("a token of another family was touched: %+v", got)
	}
	// The dropped one is no way in, even for who read it before.
	check(t, s.SpendToken(t.Context(), b, token("d", "bob", "f")), auth.ErrConflict)
	gone(t, s, token("d", "bob", "f"))
}

func testSpendConfirmsParent(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	b := spend(t, s, a, token("b", "bob", "f"))
	before := read(t, s, a)
	c := spend(t, s, b, token("c", "bob", "f"))
	after := read(t, s, a)
	if !after.Confirmed || after.Opened != b.Session || after.Version <= before.Version {
		t.Fatalf("the parent of a used token: %+v, want confirmed, at a new version", after)
	}
	if got := read(t, s, b); got.Confirmed || got.Opened != c.Session {
		t.Fatalf("the used token: %+v", got)
	}
	// Who read the parent before its confirmation may not spend it any more.
	check(t, s.SpendToken(t.Context(), before, token("d", "bob", "f")), auth.ErrConflict)
	read(t, s, c)
}

func testSpendConflict(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	missing := token("missing", "bob", "f")
	check(t, s.SpendToken(t.Context(), missing, token("x", "bob", "f")), auth.ErrConflict)
	wrong := a
	wrong.Version++
	check(t, s.SpendToken(t.Context(), wrong, token("x", "bob", "f")), auth.ErrConflict)
	gone(t, s, missing, token("x", "bob", "f"))
	if got := read(t, s, a); got.Opened != "" || got.Version != a.Version {
		t.Fatalf("a refused spend changed the token: %+v", got)
	}

	b := spend(t, s, a, token("b", "bob", "f"))
	check(t, s.SpendToken(t.Context(), a, token("x", "bob", "f")), auth.ErrConflict)
	gone(t, s, token("x", "bob", "f"))
	if got := read(t, s, b); got.Version != b.Version {
		t.Fatalf("a refused spend touched the successor: %+v", got)
	}
}

func testSpendConcurrent(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	next := make([]auth.Token, 8)
	for i := range next {
		next[i] = token(fmt.Sprint("next", i), "bob", "f")
	}
	won := race(t, len(next), func(i int) error {
		return s.SpendToken(context.Background(), a, next[i])
	})
	if won != 1 {
		t.Fatalf("%d of %d that spent one token at once were let, want 1", won, len(next))
	}
	opened, kept := read(t, s, a).Opened, 0
	for _, n := range next {
		if got, err := s.Token(t.Context(), n.Hash); err == nil {
			kept++
			if got.Session != opened {
				t.Fatalf("the token kept is for session %s, the one opened is %s", got.Session, opened)
			}
		}
	}
	if kept != 1 {
		t.Fatalf("%d successors were kept, want 1", kept)
	}
}

func testConfirmSession(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	b := spend(t, s, a, token("b", "bob", "f"))
	before := read(t, s, a)
	for _, session := range []string{
		"00000000-0000-0000-0000-000000000000", // nobody's
		a.Session,                              // opened by password: there is no token to confirm
		"",
		b.Session,
	} {
		if read(t, s, a).Confirmed {
			t.Fatal("confirmed by another session")
		}
		check(t, s.ConfirmSession(t.Context(), session), nil)
	}
	after := read(t, s, a)
	if !after.Confirmed || after.Opened != b.Session || after.Version <= before.Version {
		t.Fatalf("after confirmation: %+v", after)
	}
	check(t, s.SpendToken(t.Context(), before, token("x", "bob", "f")), auth.ErrConflict)
	if got := read(t, s, b); got.Confirmed || got.Version != b.Version {
		t.Fatalf("the session's own token was touched: %+v", got)
	}
}

func testEndSessionToken(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	other := issue(t, s, token("other", "bob", "g"))
	b := spend(t, s, a, token("b", "bob", "f"))
	check(t, s.EndSessionToken(t.Context(), a.Session), nil)
	read(t, s, a) // spent: kept, so that its reuse is seen
	check(t, s.EndSessionToken(t.Context(), b.Session), nil)
	gone(t, s, b)
	check(t, s.EndSessionToken(t.Context(), b.Session), nil)
	read(t, s, a)
	read(t, s, other)
	check(t, s.SpendToken(t.Context(), b, token("c", "bob", "f")), auth.ErrConflict)
}

func testEndFamily(t *testing.T, s auth.Store) {
	addAccount(t, s, "bob")
	addAccount(t, s, "alice")
	a := issue(t, s, token("a", "bob", "f"))
	b := spend(t, s, a, token("b", "bob", "f"))
	c := spend(t, s, b, token("c", "bob", "f"))
	other := issue(t, s, token("other", "bob", "g"))
	hers := issue(t, s, token("hers", "alice", "h"))
	check(t, s.EndFamily(t.Context(), "bob", "f", "a token was used twice"), nil)
	gone(t, s, a, b, c)
	read(t, s, other)
	read(t, s, hers)
	check(t, s.SpendToken(t.Context(), c, token("d", "bob", "f")), auth.ErrConflict)
	check(t, s.EndFamily(t.Context(), "bob", "f", ""), nil) // ended twice is ended
}

func testChangeEnd(t *testing.T, s auth.Store) {
	bob := addAccount(t, s, "bob")
	addAccount(t, s, "alice")
	a := issue(t, s, token("a", "bob", "f"))
	b := spend(t, s, a, token("b", "bob", "f"))
	mine := issue(t, s, token("mine", "bob", "g"))
	hers := issue(t, s, token("hers", "alice", "h"))

	bob.Admin = true
	check(t, change(t.Context(), s, auth.Change{Account: bob}), nil)
	read(t, s, a)
	read(t, s, b) // without End, tokens stay

	bob = account(t, s, "bob")
	check(t, change(t.Context(), s, auth.Change{Account: bob, End: true, Except: mine.Session, Reason: "new password"}), nil)
	gone(t, s, a, b)
	if got := read(t, s, mine); got.Version != mine.Version {
		t.Fatalf("the spared token was touched: %+v", got)
	}
	read(t, s, hers)
	check(t, s.SpendToken(t.Context(), b, token("c", "bob", "f")), auth.ErrConflict)

	bob = account(t, s, "bob")
	check(t, change(t.Context(), s, auth.Change{Account: bob, End: true}), nil)
	gone(t, s, mine)
	read(t, s, hers)
	sameAccount(t, account(t, s, "bob"), bob)
}

func testChangeEndConflict(t *testing.T, s auth.Store) {
	bob := addAccount(t, s, "bob")
	a := issue(t, s, token("a", "bob", "f"))
	bob.Version++
	check(t, change(t.Context(), s, auth.Change{Account: bob, End: true}), auth.ErrConflict)
	read(t, s, a) // all of it or nothing
}
