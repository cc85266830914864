package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// SignIn returns the account with this name and password. The caller looks at
// Invited, and asks for a token with Issue.
//
// Errors: *ThrottledError and ErrBusy at once; ErrDenied at its fixed time,
// whatever was wrong; ctx's error promptly, but not while hashing; anything else is the server's fault.
func (s *Service) SignIn(ctx context.Context, name string, password Secret, from netip.Addr) (Account, error) {
	w := who{name: name, addr: Network(from)}
	if !validName(name) {
		w.name = "" // what may be anything (a password, typed into the wrong field) is not kept
	}
	if wait := s.throttle.wait(w); wait > 0 {
		return Account{}, &ThrottledError{Wait: wait}
	}
	for range rounds {
		t := try{name: name, password: password, who: w}
		if err := s.pool.do(ctx, w, func() { t.run(ctx, s) }); err != nil {
			return Account{}, err
		}
		if t.err == ErrDenied {
			return Account{}, s.refuse(ctx, &t)
		}
		if t.err != nil || t.renewed == nil {
			return t.account, t.err
		}
		if a, current := s.renew(ctx, t.account, t.renewed); current {
			return a, nil
		}
	}
	return Account{}, ErrBusy
}

// try is one sign-in's turn in the pool.
type try struct {
	name     string
	password Secret
	who      who

	began   time.Time
	took    time.Duration
	account Account
	renewed []byte // a new hash, where the account's is to be renewed
	err     error
}

// run is done in the pool, in the goroutine of who signs in. The throttle is
// asked again, now that the turn has come: tries that came together count one by
// one. Reading the account belongs to the time that a refusal hides.
func (t *try) run(ctx context.Context, s *Service) {
	t.began = time.Now()
	if wait := s.throttle.begin(t.who); wait > 0 {
		t.err = &ThrottledError{Wait: wait}
		return
	}
	a, err := s.store.Account(ctx, t.name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.throttle.cancel(t.who)
		t.err = fmt.Errorf("auth: reading an account: %w", err)
		return
	}
	known := err == nil && !a.Removed
	if known && hashCost(a.Hash) == 0 {
		s.log.Error("a hash that can't be compared: set a new password", "event", "hash.unusable", "account", a)
		known = false
	}
	if !known {
		a.Hash = s.dummy
	}
	s.met(hashCost(a.Hash))
	ok := matches(a.Hash, t.password) && known && !a.Disabled
	t.took = time.Since(t.began)
	if !ok {
		t.err = ErrDenied // the try is still under way: refuse ends it
		return
	}
	s.throttle.pass(t.who)
	s.tell(Passed, t.who)
	t.account = a
	if stale(a.Hash, s.opts.Cost) {
		if t.renewed, err = hashPassword(t.password, s.opts.Cost); err != nil {
			s.log.Warn("renewing a hash failed", "event", "hash.unrenewed", "account", a, "error", err)
			t.renewed = nil
		}
	}
}

// refuse waits for the time of the answer, with the worker free again, and counts
// the failure then or when ctx ends: counted when the comparison ended, the
// throttle would tell how long that took.
func (s *Service) refuse(ctx context.Context, t *try) error {
	err := sleep(ctx, s.refusal(t.took)-time.Since(t.began))
	if s.throttle.fail(t.who) {
		s.log.Warn("sign-ins are throttled", "event", "throttle.begin", "account", t.who.name, "address", show(t.who.addr))
	}
	s.tell(Failed, t.who)
	if err != nil {
		return err
	}
	return ErrDenied
}

// renew keeps a new hash of the password that a was signed in with. A failure to
// is logged and no more. It returns false if the account changed so that the password must be compared again.
func (s *Service) renew(ctx context.Context, a Account, hash []byte) (Account, bool) {
	next := a
	next.Hash = hash
	version, err := s.store.Change(ctx, Change{Account: next})
	if err == nil {
		next.Version = version
		return next, true
	}
	if !errors.Is(err, ErrConflict) {
		s.log.Warn("renewing a hash failed", "event", "hash.unrenewed", "account", a, "error", err)
		return a, true
	}
	now, err := s.store.Account(ctx, a.Name)
	if err != nil {
		s.log.Warn("renewing a hash failed", "event", "hash.unrenewed", "account", a, "error", err)
		return a, true
	}
	same := bytes.Equal(now.Hash, hash) || bytes.Equal(now.Hash, a.Hash)
	return now, same && usable(now)
}

// usable tells whether somebody may be signed in to the account.
func usable(a Account) bool { return !a.Disabled && !a.Removed }
