package session_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"parley/auth"
	"parley/auth/authtest"
	"parley/internal/chat"
	"parley/internal/session"
)

// shaky is a store that is out of reach for confirmations while failing is set.
type shaky struct {
	*authtest.Store
	failing   bool
	confirmed int
}

func (s *shaky) ConfirmSession(ctx context.Context, session string) error {
	if s.failing {
		return fmt.Errorf("%w: a test's doing", chat.ErrUnavailable)
	}
	s.confirmed++
	return s.Store.ConfirmSession(ctx, session)
}

// TestUnconfirmedIsNotServed: no line of a resumed session is answered before the token that opened it is past
// use. The calls below take turns with the session's: each waits for an answer.
func TestUnconfirmedIsNotServed(t *testing.T) {
	p := newPlace(t, []string{"alice"}, nil)
	store := &shaky{Store: authtest.NewStore()}
	a, err := auth.New(t.Context(), store, auth.Options{Cost: 4, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if err := a.Add(t.Context(), "alice", password, false, false); err != nil {
		t.Fatal(err)
	}
	service := session.New(p.hub, a, slog.New(slog.DiscardHandler), session.Options{})
	t.Cleanup(func() { service.Drain(context.Background()) })
	p.service = service

	first := p.connect()
	token := strings.Split(first.do("HELLO|alice|"+password), "|")[2]
	first.do("PING|opened by password: there is nothing to confirm")
	if store.confirmed != 0 {
		t.Error("a sign-in by password was confirmed")
	}
	c := p.connect()
	c.do("HELLO|alice|" + token)
	store.failing = true
	for _, line := range []string{"PING|x", "nonsense", "EXIT|"} {
		if got := c.do(line); !strings.HasPrefix(got, "ERROR|busy|") {
			t.Errorf("%s: %q", line, got)
		}
	}
	store.failing = false
	for range 2 {
		if got := c.do("PING|y"); got != "OK|y" {
			t.Errorf("%q", got)
		}
	}
	if store.confirmed != 1 {
		t.Errorf("confirmed %d times, want once", store.confirmed)
	}
	c.Close()
	first.Close()
}

// TestPasswdOfAnEndedSession: the word that ends a session may still be on its way to it when PASSWD comes.
func TestPasswdOfAnEndedSession(t *testing.T) {
	p := newPlace(t, []string{"alice"}, nil)
	c := p.connect()
	c.do("HELLO|alice|" + password)
	for _, next := range []string{"first of my own choice", "second of my own choice"} {
		if got := c.do("PASSWD|" + next); got != "OK|" {
			t.Errorf("%q", got)
		}
	}
	if err := p.auth.SetPassword(t.Context(), "alice", "chosen by an operator"); err != nil {
		t.Fatal(err)
	}
	if got := c.do("PASSWD|third of my own choice"); !strings.HasPrefix(got, "ERROR|forbidden|the account changed meanwhile") {
		t.Errorf("%q", got)
	}
	d := p.connect()
	if got := d.do("HELLO|alice|third of my own choice"); !strings.HasPrefix(got, "ERROR|denied|") {
		t.Errorf("%q", got)
	}
	d.do("HELLO|alice|chosen by an operator")
	c.Close()
	d.Close()
}
