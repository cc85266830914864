package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// DefaultTokenLife is how long a resume token can be used.
const DefaultTokenLife = 7 * 24 * time.Hour

const tokenPrefix = "pt1."

// familyEnded is told to the sessions of a family that is ended.
const familyEnded = "a resume token was used twice: sign in with the password"

// IsToken tells whether a credential is a resume token, which is never tried as a password.
func IsToken(credential Secret) bool { return strings.HasPrefix(string(credential), tokenPrefix) }

// newToken returns 256 random bits as text: "pt1." and 43 characters of base64url.
func newToken() Secret {
	var b [32]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return Secret(tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:]))
}

// tokenHash is all that is kept of a token. It needs no salt and no cost: there
// is nothing to guess in 256 random bits.
func tokenHash(t Secret) [32]byte { return sha256.Sum256([]byte(t)) }

// Resumed is what a token led to.
type Resumed struct {
	Account Account
	Room    string // the current room of the session resumed
	Token   Secret // the successor of the token used
}

// Issue returns the first token of a new family, for a session just signed in as
// account (as returned by SignIn; not for an invited one) whose current room is room.
//
// The session must be one that a Change of its account would end before Issue
// is called: then either that ends it, or Issue sees the change. No token is left then, and the error is
// ErrDenied where the account can't be used any more, else ErrBusy: what changed may be no more than
// the hash, renewed by another sign-in, and signing in again tells. Other errors are the store's.
func (s *Service) Issue(ctx context.Context, account Account, session, room string) (Secret, error) {
	text := newToken()
	err := s.store.IssueToken(ctx, Token{
		Hash:    tokenHash(text),
		Account: account.Name,
		Family:  uuid.NewString(),
		Session: session,
		Room:    room,
		Expires: s.expiry(),
	})
	if err != nil {
		return "", fmt.Errorf("auth: keeping a token: %w", err)
	}
	// A change between SignIn and IssueToken dropped all tokens but this one.
	now, err := s.store.Account(ctx, account.Name)
	switch {
	case err == nil && now.Version == account.Version:
		return text, nil
	case err == nil && usable(now):
		err = ErrBusy
	case err == nil || errors.Is(err, ErrNotFound):
		err = ErrDenied
	}
	return "", errors.Join(err, s.End(ctx, session))
}

func (s *Service) expiry() time.Time {
	return time.Now().UTC().Add(s.opts.TokenLife).Truncate(time.Millisecond)
}

// Resume spends a token to open session, and returns what it led to with the
// token's successor. live tells whether a session is under way; admit, called once
// at the most and before the token is spent, whether the caller takes the session.
//
// What is not let in is ErrDenied: a token that is unknown, expired, of another
// account, of one that is disabled, removed or invited; one that was used already,
// while the session that it opened lives. One used again after that session ended
// is taken if nothing was heard in that session: the reply had been lost, and its
// unused successor is dropped. Had something been heard, then two hold the token: its family ends, and ErrDenied.
//
// Of those that use one token at once, one wins. For that, live(session) must
// be true from when admit returns nil; where Resume then fails, the caller takes
// its admission back. An error of admit is returned as it is, with nothing spent.
func (s *Service) Resume(ctx context.Context, name string, token Secret, session string,
	live func(session string) bool, admit func(Account) error) (Resumed, error) {
	admitted := false
	for range rounds {
		t, a, err := s.standing(ctx, name, token)
		if err != nil {
			return Resumed{}, err
		}
		if t.Opened != "" && live(t.Opened) {
			return Resumed{}, ErrDenied
		}
		if t.Opened != "" && t.Confirmed {
			return Resumed{}, s.endFamily(ctx, t, session)
		}
		if !admitted {
			if err := admit(a); err != nil {
				return Resumed{}, err
			}
			admitted = true
		}
		text := newToken()
		next := Token{
			Hash: tokenHash(text), Account: t.Account, Family: t.Family,
			Session: session, Room: t.Room, Expires: s.expiry(),
		}
		err = s.store.SpendToken(ctx, t, next)
		if err == nil {
			return Resumed{Account: a, Room: t.Room, Token: text}, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Resumed{}, fmt.Errorf("auth: spending a token: %w", err)
		}
	}
	return Resumed{}, ErrBusy
}

// standing returns the token and its account, or ErrDenied where either rules it out.
func (s *Service) standing(ctx context.Context, name string, token Secret) (Token, Account, error) {
	t, err := s.store.Token(ctx, tokenHash(token))
	if errors.Is(err, ErrNotFound) {
		return Token{}, Account{}, ErrDenied
	}
	if err != nil {
		return Token{}, Account{}, fmt.Errorf("auth: reading a token: %w", err)
	}
	if !time.Now().Before(t.Expires) || t.Account != name {
		return Token{}, Account{}, ErrDenied
	}
	a, err := s.store.Account(ctx, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Token{}, Account{}, fmt.Errorf("auth: reading an account: %w", err)
	}
	if err != nil || !usable(a) || a.Invited {
		return Token{}, Account{}, ErrDenied
	}
	return t, a, nil
}

// endFamily always returns an error: ErrDenied, or that of the store.
func (s *Service) endFamily(ctx context.Context, t Token, session string) error {
	s.log.Warn("a spent resume token was used: all of its family end", "event", "token.reused", "session", session, "account", t.Account, "family", t.Family)
	if err := s.store.EndFamily(ctx, t.Account, t.Family, familyEnded); err != nil {
		return fmt.Errorf("auth: ending a token family: %w", err)
	}
	return ErrDenied
}

// Confirm notes that something was heard in a session, so that the token which opened
// it can't be used again, not even after a crash. To be called at the session's first line, before that is
// answered. An error is the store's: call it again at the next line.
func (s *Service) Confirm(ctx context.Context, session string) error {
	if err := s.store.ConfirmSession(ctx, session); err != nil {
		return fmt.Errorf("auth: confirming a session: %w", err)
	}
	return nil
}

// End drops the unused token of a session that is over for good.
func (s *Service) End(ctx context.Context, session string) error {
	if err := s.store.EndSessionToken(ctx, session); err != nil {
		return fmt.Errorf("auth: dropping a token: %w", err)
	}
	return nil
}
