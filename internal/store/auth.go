package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"parley/auth"
)

// Account implements auth.Store.
func (s *Store) Account(ctx context.Context, name string) (auth.Account, error) {
	a, err := scanAccount(s.authQuery.account.QueryRowContext(ctx, name).Scan)
	return a, orNotFound("account", err)
}

// Accounts implements auth.Store.
func (s *Store) Accounts(ctx context.Context) ([]auth.Account, error) {
	rows, err := s.query.accounts.QueryContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: read accounts: %w", err)
	}
	defer rows.Close()
	var all []auth.Account
	for rows.Next() {
		a, err := scanAccount(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("store: read accounts: %w", err)
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func scanAccount(scan func(...any) error) (a auth.Account, err error) {
	var made int64
	err = scan(&a.Name, &a.Hash, &a.Admin, &a.Disabled, &a.Invited, &a.Removed, &made, &a.Version)
	a.Made = time.UnixMilli(made).UTC()
	return a, err
}

// Token implements auth.Store. A token is kept for a day after it expires. In a cluster one that is unknown may be so to this node alone, which
// first has to come to where the stream is.
func (s *Store) Token(ctx context.Context, hash [32]byte) (auth.Token, error) {
	t, err := s.token(ctx, hash)
	if s.follower == nil || !errors.Is(err, auth.ErrNotFound) {
		return t, err
	}
	if err := s.follower.sync(ctx); err != nil {
		return auth.Token{}, err
	}
	return s.token(ctx, hash)
}

func (s *Store) token(ctx context.Context, hash [32]byte) (t auth.Token, err error) {
	var expires int64
	err = s.authQuery.token.QueryRowContext(ctx, hash[:]).Scan(&t.Account, &t.Family, &t.Session, &t.Room,
		&expires, &t.Opened, &t.Confirmed, &t.Version)
	t.Hash, t.Expires = hash, time.UnixMilli(expires).UTC()
	return t, orNotFound("token", err)
}

// Change implements auth.Store.
func (s *Store) Change(ctx context.Context, c auth.Change) (version int64, err error) {
	e, err := s.keep(ctx, &change{c})
	if errors.Is(err, auth.ErrConflict) && s.follower != nil {
		// Whoever reads it again is to see what it was.
		if err := s.follower.sync(ctx); err != nil {
			return 0, err
		}
	}
	return e.ID, err
}

// IssueToken implements auth.Store.
func (s *Store) IssueToken(ctx context.Context, t auth.Token) error { return s.write(ctx, &issue{t}) }

// SpendToken implements auth.Store.
func (s *Store) SpendToken(ctx context.Context, spent, next auth.Token) error {
	return s.write(ctx, &spend{spent, next})
}

// ConfirmSession implements auth.Store.
func (s *Store) ConfirmSession(ctx context.Context, session string) error {
	return s.write(ctx, &confirm{session})
}

// EndSessionToken implements auth.Store.
func (s *Store) EndSessionToken(ctx context.Context, session string) error {
	return s.write(ctx, &endToken{session})
}

// EndFamily implements auth.Store.
func (s *Store) EndFamily(ctx context.Context, account, family, reason string) error {
	return s.write(ctx, &endFamily{account, family, reason})
}

func orNotFound(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return auth.ErrNotFound
	}
	return fmt.Errorf("store: read %s: %w", what, err)
}
