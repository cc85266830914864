package store

import (
	"fmt"
	"strings"

	"parley/internal/chat"
)

// guest reports whether an account is a guest's. Guests' memberships end with
// their connection, so they are told to the tail but not kept.
func guest(account string) bool { return strings.HasPrefix(account, "~") }

// joined keeps a membership, makes the room where it is missing, and the
// session's current room.
type joined struct{ chat.Entry }

func (j *joined) apply(t *tx) (result, error) {
	e := t.entry(j.Entry)
	if err, dbErr := t.mayJoin(e); err != nil || dbErr != nil {
		return refuse(err), dbErr
	}
	r, err := t.makeRoomBy(e.Room, e.Account, e.Lock)
	if err != nil {
		return result{}, err
	}
	if e.Room != chat.Lobby && !guest(e.Account) {
		if _, err := run(t.insertMember, e.Account, r.id); err != nil {
			return result{}, err
		}
		if _, err := run(t.deleteInvite, e.Account, e.Room); err != nil {
			return result{}, err
		}
	}
	at, err := t.position(e.Account, r)
	if err != nil {
		return result{}, err
	}
	e.Message, e.Unread = at.seen, at.unread()
	if e.Session != "" {
		if _, err := run(t.moveSession, e.Room, e.Session); err != nil {
			return result{}, err
		}
	}
	return result{what: shown, entry: e}, nil
}

// mayJoin checks the limits of e: Rooms counts the rooms that the account
// has joined, without the lobby and conversations; Total counts all rooms,
// the lobby included, without conversations. It returns why e is refused, if it
// is, and apart from that an error of the database.
func (t *tx) mayJoin(e chat.Entry) (reason, err error) {
	if e.Room == chat.Lobby {
		if e.Lock {
			return chat.ErrRoomExists, nil
		}
		return nil, nil
	}
	var one int
	if ok, err := found(t.isRemoved.QueryRow(e.Account), &one); err != nil {
		return nil, err
	} else if ok {
		return fmt.Errorf("store: the account %q was removed", e.Account), nil
	}
	r, exists, err := t.findRoom(e.Room)
	if err != nil {
		return nil, err
	}
	if exists {
		if reason, err := t.mayEnter(e, r); reason != nil || err != nil {
			return reason, err
		}
		if ok, err := found(t.isMember.QueryRow(e.Account, r.id), &one); ok || err != nil {
			return nil, err
		}
	}
	var n int
	if e.Limits.Members > 0 && exists {
		if err := t.countMembers.QueryRow(r.id).Scan(&n); err != nil {
			return nil, err
		}
		if n >= e.Limits.Members {
			return chat.ErrRoomFull, nil
		}
	}
	if e.Limits.Rooms > 0 && !conversation(e.Room) {
		if err := t.countJoined.QueryRow(e.Account).Scan(&n); err != nil {
			return nil, err
		}
		if n >= e.Limits.Rooms {
			return chat.ErrTooManyRooms, nil
		}
	}
	if e.Limits.Total > 0 && !exists && !conversation(e.Room) {
		if err := t.countRooms.QueryRow().Scan(&n); err != nil {
			return nil, err
		}
		if n >= e.Limits.Total {
			return chat.ErrTooManyRooms, nil
		}
	}
	return nil, nil
}

// mayEnter says why e's account may not be in a room that is there, if it may not: whatever was
// true when it asked, a LOCK or an EXPEL may have come before it.
func (t *tx) mayEnter(e chat.Entry, r room) (reason, err error) {
	var locked, member, invited bool
	var maker string
	if err := t.entrance.QueryRow(r.id, e.Account).Scan(&locked, &maker, &member, &invited); err != nil {
		return nil, err
	}
	switch {
	case locked && !member && !invited && maker != e.Account:
		return chat.ErrNotMember, nil
	case !locked && e.Lock:
		return chat.ErrRoomExists, nil
	}
	return nil, nil
}

// left ends a membership, or an invitation.
type left struct{ chat.Entry }

func (l *left) apply(t *tx) (result, error) {
	e := t.entry(l.Entry)
	return result{what: shown, entry: e}, t.exclude(e.Account, e.Room)
}

// exclude ends an account's membership of a room, and an invitation to it.
func (t *tx) exclude(account, room string) error {
	if _, err := run(t.deleteMember, account, room); err != nil {
		return err
	}
	_, err := run(t.deleteInvite, account, room)
	return err
}
