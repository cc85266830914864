package store

import (
	"database/sql"

	"parley/auth"
	"parley/internal/chat"
)

// change keeps the new state of an account.
type change struct{ auth.Change }

func (c *change) apply(t *tx) (result, error) {
	a := c.Account
	var version int64
	var removed bool
	exists, err := found(t.findAccount.QueryRow(a.Name), &version, &removed)
	if err != nil {
		return result{}, err
	}
	if version != a.Version {
		return refuse(auth.ErrConflict), nil
	}
	hash := a.Hash
	if hash == nil {
		hash = []byte{}
	}
	_, err = run(t.putAccount, a.Name, hash, a.Admin, a.Disabled, a.Invited, a.Removed, a.Made.UnixMilli(), t.version())
	if err != nil {
		return result{}, err
	}
	except := c.Except
	if a.Removed {
		except = ""
		for _, forget := range []*sql.Stmt{t.deleteMembers, t.deleteInvites, t.deletePositions, t.deleteMute, t.deleteMaker} {
			if _, err := run(forget, a.Name); err != nil {
				return result{}, err
			}
		}
	}
	if c.End || a.Removed {
		if _, err := run(t.deleteTokens, a.Name, except); err != nil {
			return result{}, err
		}
	}
	r := result{what: shown, entry: t.entry(chat.Entry{Account: a.Name})}
	switch lives := exists && !removed; {
	case a.Removed && lives:
		r.entry.Kind = chat.AccountRemoved
	case !a.Removed && !lives:
		r.entry.Kind = chat.AccountAdded
	case c.End:
		r.entry.Kind, r.entry.Session, r.entry.Text = chat.SessionsEnded, c.Except, c.Reason
	default:
		r.what = quiet
	}
	return r, nil
}
