package store

import "parley/internal/chat"

// locked keeps that a room is locked, or open again.
type locked struct{ chat.Entry }

func (l *locked) apply(t *tx) (result, error) {
	e := t.entry(l.Entry)
	if reason, err := t.mayRule(e); reason != nil || err != nil {
		return refuse(reason), err
	}
	_, err := run(t.setLocked, e.Kind == chat.Locked, e.Room)
	return result{what: shown, entry: e}, err
}

// invited keeps an invitation that was not followed yet.
type invited struct{ chat.Entry }

func (i *invited) apply(t *tx) (result, error) {
	e := t.entry(i.Entry)
	r, ok, err := t.findRoom(e.Room)
	if err != nil {
		return result{}, err
	}
	if !ok {
		return refuse(chat.ErrNotMember), nil
	}
	if reason, err := t.isIn(e); reason != nil || err != nil {
		return refuse(reason), err
	}
	var n int
	if ok, err := found(t.isMember.QueryRow(e.User, r.id), &n); ok || err != nil {
		return result{what: repeated, entry: e}, err
	}
	if err := t.countInvites.QueryRow(e.User).Scan(&n); err != nil {
		return result{}, err
	}
	if e.Limits.Invites > 0 && n >= e.Limits.Invites {
		return refuse(chat.ErrTooManyInvites), nil
	}
	kept, err := run(t.insertInvite, e.User, e.Room)
	if err != nil {
		return result{}, err
	}
	if kept == 0 { // there already, or nobody of that name any more
		return result{what: repeated, entry: e}, nil
	}
	return result{what: shown, entry: e}, nil
}

// expelled ends a membership, an invitation, and having made the room.
type expelled struct{ chat.Entry }

func (x *expelled) apply(t *tx) (result, error) {
	e := t.entry(x.Entry)
	if reason, err := t.mayRule(e); reason != nil || err != nil {
		return refuse(reason), err
	}
	if err := t.exclude(e.User, e.Room); err != nil {
		return result{}, err
	}
	_, err := run(t.unmake, e.Room, e.User)
	return result{what: shown, entry: e}, err
}

// topicSet keeps a room's topic.
type topicSet struct{ chat.Entry }

func (s *topicSet) apply(t *tx) (result, error) {
	e := t.entry(s.Entry)
	if reason, err := t.maySpeak(e); reason != nil || err != nil {
		return refuse(reason), err
	}
	_, err := run(t.setTopic, e.Text, e.Room)
	return result{what: shown, entry: e}, err
}

// muted keeps until when an account does not speak.
type muted struct{ chat.Entry }

func (m *muted) apply(t *tx) (result, error) {
	e := t.entry(m.Entry)
	var err error
	if e.Until.After(e.Time) {
		_, err = run(t.putMute, e.User, e.Until.UnixMilli())
	} else {
		_, err = run(t.deleteMute, e.User)
	}
	return result{what: shown, entry: e}, err
}
