package store

import (
	"fmt"

	"parley/internal/chat"
)

// What the hub has checked before it appended an entry was true of the tables of one node. Where others append to the log as
// well, something may have come before it: these look again, for entries that ask for it. On a single machine the
// hub's order is the log's.

// rechecked says whether e is to be looked at again.
func (t *tx) rechecked(e chat.Entry) bool { return t.seq != 0 && e.Recheck }

// isIn refuses who is not a member of e's room (any more).
func (t *tx) isIn(e chat.Entry) (reason, err error) {
	if !t.rechecked(e) {
		return nil, nil
	}
	var one int
	if ok, err := found(t.isRemoved.QueryRow(e.Account), &one); err != nil {
		return nil, err
	} else if ok {
		return fmt.Errorf("store: the account %q was removed", e.Account), nil
	}
	if e.Room == chat.Lobby || conversation(e.Room) {
		return nil, nil
	}
	r, ok, err := t.findRoom(e.Room)
	if ok {
		ok, err = found(t.isMember.QueryRow(e.Account, r.id), &one)
	}
	if !ok && err == nil {
		reason = chat.ErrNotMember
	}
	return reason, err
}

// maySpeak is isIn for who says something.
func (t *tx) maySpeak(e chat.Entry) (reason, err error) {
	if !t.rechecked(e) {
		return nil, nil
	}
	var until int64
	if ok, err := found(t.isMute.QueryRow(e.Account), &until); err != nil {
		return nil, err
	} else if ok && until > t.ms {
		return &chat.MutedError{Until: milliseconds(until)}, nil
	}
	return t.isIn(e)
}

// mayRule refuses who is not the maker of e's room (any more), nor an admin.
func (t *tx) mayRule(e chat.Entry) (reason, err error) {
	if !t.rechecked(e) {
		return nil, nil
	}
	var one int
	if ok, err := found(t.isAdmin.QueryRow(e.Account), &one); ok || err != nil {
		return nil, err
	}
	if reason, err = t.isIn(e); reason != nil || err != nil {
		return reason, err
	}
	if ok, err := found(t.isMaker.QueryRow(e.Account, e.Room), &one); ok || err != nil {
		return nil, err
	}
	return chat.ErrNotMaker, nil
}
