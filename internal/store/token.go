package store

import (
	"database/sql"
	"slices"
	"time"

	"parley/auth"
	"parley/internal/chat"
)

// tokenGrace is how long an expired token is kept, for a clear answer to who shows it late.
const tokenGrace = 24 * time.Hour

// issue keeps a new token.
type issue struct{ auth.Token }

func (i *issue) apply(t *tx) (result, error) { return t.quietly(t.putToken(i.Token)) }

// spend lets a token open a session and keeps that session's own token.
type spend struct{ Spent, Next auth.Token }

func (s *spend) apply(t *tx) (result, error) {
	var version int64
	var session, opened string
	ok, err := found(t.findToken.QueryRow(s.Spent.Hash[:]), &version, &session, &opened)
	if err != nil {
		return result{}, err
	}
	if !ok || version != s.Spent.Version {
		return refuse(auth.ErrConflict), nil
	}
	if opened != "" { // the reply that told of it was lost, so its successor is in nobody's hands
		if _, err := run(t.deleteUnspent, opened); err != nil {
			return result{}, err
		}
	}
	if _, err := run(t.confirmOpened, t.id, session); err != nil {
		return result{}, err
	}
	if _, err := run(t.spendToken, s.Next.Session, t.id, s.Spent.Hash[:]); err != nil {
		return result{}, err
	}
	return t.quietly(t.putToken(s.Next))
}

// confirm marks the token that opened a session as having done so for sure.
type confirm struct{ Session string }

func (c *confirm) apply(t *tx) (result, error) {
	_, err := run(t.confirmOpened, t.id, c.Session)
	return t.quietly(err)
}

// endToken drops the unspent token of a session.
type endToken struct{ Session string }

func (e *endToken) apply(t *tx) (result, error) {
	_, err := run(t.deleteUnspent, e.Session)
	return t.quietly(err)
}

// endFamily drops all tokens of a family and ends their sessions.
type endFamily struct{ Account, Family, Reason string }

func (f *endFamily) apply(t *tx) (result, error) {
	rows, err := t.dropFamily.Query(f.Account, f.Family)
	if err != nil {
		return result{}, err
	}
	defer rows.Close()
	var sessions []string
	for rows.Next() {
		var session, opened string
		if err := rows.Scan(&session, &opened); err != nil {
			return result{}, err
		}
		sessions = append(sessions, session)
		if opened != "" {
			sessions = append(sessions, opened)
		}
	}
	if err := rows.Err(); err != nil {
		return result{}, err
	}
	if len(sessions) == 0 {
		return t.quietly(nil)
	}
	slices.Sort(sessions)
	return result{what: shown, entry: t.entry(chat.Entry{
		Kind: chat.FamilyEnded, Account: f.Account, Sessions: slices.Compact(sessions), Text: f.Reason,
	})}, nil
}

// quietly is the result of an op that no room cares about.
func (t *tx) quietly(err error) (result, error) {
	return result{what: quiet, entry: t.entry(chat.Entry{})}, err
}

// putToken keeps an unspent token and drops the account's oldest beyond the bound.
func (t *tx) putToken(k auth.Token) error {
	t.tokens++
	_, err := run(t.insertToken, t.id, k.Hash[:], k.Account, k.Family, k.Session, k.Room, k.Expires.UnixMilli())
	if err != nil {
		return err
	}
	for _, trim := range []*sql.Stmt{t.trimSpent, t.trimUnspent} {
		if _, err := run(trim, k.Account, t.tokensKept); err != nil {
			return err
		}
	}
	return nil
}
