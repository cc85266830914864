package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const longestName = 32

// validName is the grammar of account names.
func validName(name string) bool {
	const first = "abcdefghijklmnopqrstuvwxyz0123456789"
	return name != "" && len(name) <= longestName &&
		strings.IndexByte(first, name[0]) >= 0 && strings.Trim(name, first+"._-") == ""
}

// ChangePassword gives the account a new password and ends all of its other
// sessions and tokens but session and its token. An invited account is so no more, if the
// password is another than it had. since is the account's version when session signed in, or
// as its last ChangePassword returned it: of all that changed the account meanwhile,
// some ended this session, which then must not have a say in the password any more.
//
// Errors, with nothing kept: ErrChanged for an account at another version than since,
// *WeakError, ErrBusy, ErrNotFound for an account that is not there or
// may not be used; anything else is the server's fault.
func (s *Service) ChangePassword(ctx context.Context, name string, password Secret, session string, since int64) (version int64, err error) {
	a, err := s.account(ctx, name)
	switch {
	case err != nil:
		return 0, err
	case a.Version != since:
		return 0, ErrChanged
	case a.Disabled:
		return 0, ErrNotFound
	}
	hash, err := s.hash(ctx, who{name: name}, name, password)
	if err != nil {
		return 0, err
	}
	if a.Invited {
		same := false
		err := s.pool.do(ctx, who{name: name}, func() { same = hashCost(a.Hash) > 0 && matches(a.Hash, password) })
		if err != nil {
			return 0, err
		}
		if same {
			return 0, &WeakError{Why: "this is the password the account has: choose another, which only you know"}
		}
	}
	a.Hash, a.Invited = hash, false
	version, err = s.store.Change(ctx, Change{Account: a, End: true, Except: session, Reason: "the password was changed"})
	if errors.Is(err, ErrConflict) {
		return 0, ErrChanged
	}
	if err != nil {
		return 0, fmt.Errorf("auth: keeping an account: %w", err)
	}
	return version, nil
}

// EndSessions ends all sessions and tokens of an account, telling them reason. ErrNotFound: there is no such account.
func (s *Service) EndSessions(ctx context.Context, name, reason string) error {
	return s.update(ctx, name, func(a Account) (Change, error) {
		return Change{Account: a, End: true, Reason: reason}, nil
	})
}

// Add makes an account. One that is invited must change its password before it
// can do anything else. Errors: ErrName, *WeakError, ErrTaken (also by a removed account), ErrBusy.
func (s *Service) Add(ctx context.Context, name string, password Secret, admin, invite bool) error {
	if !validName(name) {
		return ErrName
	}
	if _, err := s.store.Account(ctx, name); err == nil {
		return ErrTaken
	} else if !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("auth: reading an account: %w", err)
	}
	hash, err := s.hash(ctx, who{}, name, password)
	if err != nil {
		return err
	}
	return s.keepNew(ctx, Account{Name: name, Hash: hash, Admin: admin, Invited: invite})
}

// Import makes an account of a plain bcrypt hash that was made elsewhere: by which rules its password was chosen, nobody knows.
// It is renewed at the first sign-in. Errors: ErrName, ErrHash, ErrTaken (also by a removed account).
func (s *Service) Import(ctx context.Context, name, hash string) error {
	if !validName(name) {
		return ErrName
	}
	if !importable(hash) {
		return ErrHash
	}
	s.met(hashCost([]byte(hash)))
	return s.keepNew(ctx, Account{Name: name, Hash: []byte(hash)})
}

// keepNew keeps an account whose name must not have been anybody's.
func (s *Service) keepNew(ctx context.Context, a Account) error {
	a.Made = time.Now().UTC().Truncate(time.Millisecond)
	_, err := s.store.Change(ctx, Change{Account: a})
	if errors.Is(err, ErrConflict) {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("auth: keeping an account: %w", err)
	}
	return nil
}

// SetPassword gives an account a new password, as its operator, and ends all of
// its sessions and tokens. An invited account stays so. Errors: ErrNotFound, *WeakError, ErrBusy.
func (s *Service) SetPassword(ctx context.Context, name string, password Secret) error {
	if _, err := s.account(ctx, name); err != nil {
		return err
	}
	hash, err := s.hash(ctx, who{}, name, password)
	if err != nil {
		return err
	}
	return s.update(ctx, name, func(a Account) (Change, error) {
		a.Hash = hash
		return Change{Account: a, End: true, Reason: "the password was changed by an operator"}, nil
	})
}

// Disable keeps an account from signing in and ends its sessions and tokens. ErrNotFound: there is none.
func (s *Service) Disable(ctx context.Context, name string) error {
	return s.update(ctx, name, func(a Account) (Change, error) {
		a.Disabled = true
		return Change{Account: a, End: true, Reason: "the account was disabled"}, nil
	})
}

// Enable takes Disable back. ErrNotFound: there is no such account.
func (s *Service) Enable(ctx context.Context, name string) error {
	return s.update(ctx, name, func(a Account) (Change, error) {
		a.Disabled = false
		return Change{Account: a}, nil
	})
}

// Remove ends an account for good, with its sessions and tokens. Its name stays
// taken, so that nobody can come back as somebody else. ErrNotFound: there is none, or not any more.
func (s *Service) Remove(ctx context.Context, name string) error {
	return s.update(ctx, name, func(a Account) (Change, error) {
		a.Removed, a.Admin, a.Invited, a.Hash = true, false, false, nil
		return Change{Account: a, End: true, Reason: "the account was removed"}, nil
	})
}

// List returns all accounts, removed ones included, sorted by name, without their hashes.
func (s *Service) List(ctx context.Context) ([]Account, error) {
	all, err := s.store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("auth: reading the accounts: %w", err)
	}
	for i := range all {
		all[i].Hash = nil
	}
	return all, nil
}

// account returns an account that is not removed, or ErrNotFound.
func (s *Service) account(ctx context.Context, name string) (Account, error) {
	a, err := s.store.Account(ctx, name)
	if err == nil && a.Removed {
		err = ErrNotFound
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("auth: reading an account: %w", err)
	}
	return a, err
}

// update keeps what change makes of the account, again if it changed meanwhile.
func (s *Service) update(ctx context.Context, name string, change func(Account) (Change, error)) error {
	for range rounds {
		a, err := s.account(ctx, name)
		if err != nil {
			return err
		}
		c, err := change(a)
		if err != nil {
			return err
		}
		if _, err = s.store.Change(ctx, c); err == nil {
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("auth: keeping an account: %w", err)
		}
	}
	return ErrBusy
}

// hash checks a new password by the rules and hashes it, both in the pool, at w's expense.
func (s *Service) hash(ctx context.Context, w who, name string, password Secret) ([]byte, error) {
	var hash []byte
	var err error
	if full := s.pool.do(ctx, w, func() {
		if err = s.rules.CheckPassword(name, password); err == nil {
			hash, err = hashPassword(password, s.opts.Cost)
		}
	}); full != nil {
		return nil, full
	}
	return hash, err
}
