package auth

import (
	"context"
	"errors"
	"time"
)

// Account is one person's account as it is kept.
type Account struct {
	Name     string
	Hash     []byte // bcrypt, in one of the forms of password.go; empty once removed
	Admin    bool
	Disabled bool
	Invited  bool // first password set by the operator; must be changed before anything else
	Removed  bool // the name stays taken for good
	Made     time.Time

	// Version is the id of the last log entry that changed the account; 0 for
	// one that does not exist yet. Change compares it.
	Version int64
}

// Token is one resume token as it is kept: only its hash is.
type Token struct {
	Hash    [32]byte // SHA-256 of the token's text
	Account string
	Family  string // one per sign-in by password; reuse of a spent token ends all of it
	Session string // UUID of the session it was given to
	Room    string // that session's current room
	Expires time.Time

	// Opened is the UUID of the session that this token opened, empty while
	// it is unspent. Confirmed: that session sent a line, or its own token was used.
	Opened    string
	Confirmed bool

	// Version is the id of the last log entry that changed the token's
	// standing (issued, spent, confirmed). SpendToken compares it.
	Version int64
}

// Change is one step in the life of an account, kept as one log entry: all of it or nothing.
type Change struct {
	// Account is the new state. Its Version is the version it was read at
	// (0: the account must not exist); otherwise ErrConflict.
	Account Account

	// End also ends the account's sessions and drops all of its tokens, except
	// the session with UUID Except and the token given to it ("" spares none).
	// Reason is what the ended sessions are told; it may be empty.
	End    bool
	Except string
	Reason string
}

// Errors of a Store.
var (
	ErrNotFound = errors.New("auth: not found")
	ErrConflict = errors.New("auth: changed meanwhile")
)

// Store keeps accounts and tokens. Every write is durable when it returns; a
// write whose expectation fails changes nothing. Any other error than those
// above means that the store could not be reached or written.
type Store interface {
	// Account returns the account, removed ones included, or ErrNotFound.
	Account(ctx context.Context, name string) (Account, error)
	// Accounts returns all accounts, removed ones included, sorted by name.
	Accounts(ctx context.Context) ([]Account, error)
	// Change keeps c.Account and returns its new version. ErrConflict: it is not at the version it was read at.
	Change(ctx context.Context, c Change) (version int64, err error)

	// Token returns the token with this hash, expired ones included, or ErrNotFound.
	Token(ctx context.Context, hash [32]byte) (Token, error)
	// IssueToken keeps a new, unspent token.
	IssueToken(ctx context.Context, t Token) error
	// SpendToken marks spent (at the version it was read at, else ErrConflict) as having
	// opened next.Session, unconfirmed; keeps next; drops the unspent token that
	// was given to spent.Opened, if any; and confirms the token that opened the
	// session which spent was given to. All in one entry.
	SpendToken(ctx context.Context, spent, next Token) error
	// ConfirmSession confirms the token that opened this session, if any.
	ConfirmSession(ctx context.Context, session string) error
	// EndSessionToken drops the unspent token given to this session, if any.
	EndSessionToken(ctx context.Context, session string) error
	// EndFamily drops every token of the family and ends the sessions that they
	// were given to or had opened, telling them reason.
	EndFamily(ctx context.Context, account, family, reason string) error
}
