// Package authtest holds a [Store] in memory, for tests that need accounts but
// no disk, and [TestStore], the suite that every auth.Store must pass.
package authtest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"parley/auth"
)

// Store is an auth.Store in memory, safe for concurrent use. It counts one
// entry for each write, as a log would.
type Store struct {
	mu       sync.Mutex
	last     int64 // id of the last entry
	accounts map[string]auth.Account
	tokens   map[[32]byte]auth.Token
	ended    []Ended
}

// Ended is what a write ended besides tokens, for tests to look at.
type Ended struct {
	Account string
	Except  string   // the session spared, where all of the account's were ended
	Only    []string // the sessions ended, where not all were
	Reason  string
}

var _ auth.Store = (*Store)(nil)

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{accounts: map[string]auth.Account{}, tokens: map[[32]byte]auth.Token{}}
}

// Ended returns what was ended so far, oldest first.
func (s *Store) Ended() []Ended {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ended)
}

// Tokens returns all tokens kept, in no order.
func (s *Store) Tokens() []auth.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.tokens))
}

// Account implements auth.Store.
func (s *Store) Account(ctx context.Context, name string) (auth.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.accounts[name]
	if !ok {
		return auth.Account{}, auth.ErrNotFound
	}
	a.Hash = slices.Clone(a.Hash)
	return a, ctx.Err()
}

// Accounts implements auth.Store.
func (s *Store) Accounts(ctx context.Context) ([]auth.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []auth.Account
	for _, name := range slices.Sorted(maps.Keys(s.accounts)) {
		a := s.accounts[name]
		a.Hash = slices.Clone(a.Hash)
		all = append(all, a)
	}
	return all, ctx.Err()
}

// Change implements auth.Store.
func (s *Store) Change(ctx context.Context, c auth.Change) (version int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	a := c.Account
	if s.accounts[a.Name].Version != a.Version {
		return 0, auth.ErrConflict
	}
	a.Version = s.next()
	a.Hash = slices.Clone(a.Hash)
	s.accounts[a.Name] = a
	if c.End {
		maps.DeleteFunc(s.tokens, func(_ [32]byte, t auth.Token) bool {
			return t.Account == a.Name && (c.Except == "" || t.Session != c.Except)
		})
		s.ended = append(s.ended, Ended{Account: a.Name, Except: c.Except, Reason: c.Reason})
	}
	return a.Version, nil
}

// Token implements auth.Store.
func (s *Store) Token(ctx context.Context, hash [32]byte) (auth.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[hash]
	if !ok {
		return auth.Token{}, auth.ErrNotFound
	}
	return t, ctx.Err()
}

// IssueToken implements auth.Store.
func (s *Store) IssueToken(ctx context.Context, t auth.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.keep(t, s.next())
	return nil
}

// SpendToken implements auth.Store.
func (s *Store) SpendToken(ctx context.Context, spent, next auth.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t, ok := s.tokens[spent.Hash]
	if !ok || t.Version != spent.Version {
		return auth.ErrConflict
	}
	id := s.next()
	if t.Opened != "" {
		s.dropUnspent(t.Opened)
	}
	s.confirm(t.Session, id)
	t.Opened, t.Confirmed, t.Version = next.Session, false, id
	s.tokens[t.Hash] = t
	s.keep(next, id)
	return nil
}

// ConfirmSession implements auth.Store.
func (s *Store) ConfirmSession(ctx context.Context, session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.confirm(session, s.next())
	return nil
}

// EndSessionToken implements auth.Store.
func (s *Store) EndSessionToken(ctx context.Context, session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.next()
	s.dropUnspent(session)
	return nil
}

// EndFamily implements auth.Store.
func (s *Store) EndFamily(ctx context.Context, account, family, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.next()
	var only []string
	for hash, t := range s.tokens {
		if t.Account != account || t.Family != family {
			continue
		}
		only = append(only, t.Session)
		if t.Opened != "" {
			only = append(only, t.Opened)
		}
		delete(s.tokens, hash)
	}
	slices.Sort(only)
	s.ended = append(s.ended, Ended{Account: account, Only: slices.Compact(only), Reason: reason})
	return nil
}

func (s *Store) next() int64 {
	s.last++
	return s.last
}

func (s *Store) keep(t auth.Token, id int64) {
	t.Opened, t.Confirmed, t.Version = "", false, id
	s.tokens[t.Hash] = t
}

// confirm confirms the token that opened the session, unless it is already:
// a second confirmation must not fail somebody's expectation for nothing.
func (s *Store) confirm(session string, id int64) {
	for hash, t := range s.tokens {
		if session != "" && t.Opened == session && !t.Confirmed {
			t.Confirmed, t.Version = true, id
			s.tokens[hash] = t
		}
	}
}

func (s *Store) dropUnspent(session string) {
	maps.DeleteFunc(s.tokens, func(_ [32]byte, t auth.Token) bool {
		return t.Session == session && t.Opened == ""
	})
}
