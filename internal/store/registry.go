package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/auth"
	"parley/internal/stream"
)

// A Registry is the accounts as the stream alone has them, for operators: it needs no database, and what it changes every node
// hears of. It knows no tokens, so that nobody can be signed in by it.
type Registry struct {
	auth.Store // of tokens: nil
	stream     *stream.Stream
}

// NewRegistry reads and changes the accounts of a stream. Errors: ErrMigrating; those of the stream.
func NewRegistry(ctx context.Context, s *stream.Stream) (*Registry, error) {
	if err := settled(ctx, s); err != nil {
		return nil, err
	}
	return &Registry{stream: s}, nil
}

// Account implements auth.Store.
func (r *Registry) Account(ctx context.Context, name string) (auth.Account, error) {
	e, err := r.stream.Last(ctx, accountSubject(name))
	if errors.Is(err, stream.ErrNotFound) {
		return auth.Account{}, auth.ErrNotFound
	}
	if err != nil {
		return auth.Account{}, err
	}
	return accountOf(e)
}

// Accounts implements auth.Store.
func (r *Registry) Accounts(ctx context.Context) (all []auth.Account, err error) {
	err = r.stream.LastEach(ctx, "account.>", func(e stream.Entry) error {
		a, err := accountOf(e)
		all = append(all, a)
		return err
	})
	slices.SortFunc(all, func(a, b auth.Account) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

func accountOf(e stream.Entry) (auth.Account, error) {
	r, err := read[accountRecord](e.Data)
	if err != nil {
		return auth.Account{}, fmt.Errorf("%w: %w", errUnknown, err)
	}
	a := r.change().Account
	a.Version = int64(e.Seq)
	return a, nil
}

// Change implements auth.Store.
func (r *Registry) Change(ctx context.Context, c auth.Change) (version int64, err error) {
	seq, err := push(ctx, r.stream, &change{c})
	if errors.Is(err, stream.ErrConflict) {
		err = auth.ErrConflict
	}
	return int64(seq), err
}
