package chat

import "sync/atomic"

// Say appends text for target: a room, @user, or "" for the current room.
// done is called once, on the tail's goroutine in the order of ids, before this session hears of any
// later message, and must not call the hub; an error returned means that it never will be.
// Errors: ErrNotMember, ErrNoSuchUser, ErrForbidden, a *MutedError; those of Log.Append to done.
func (s *Seat) Say(target, key, text string, done func(id int64, err error)) error {
	if target == "" {
		target = s.current
	}
	s.person.writing.Lock()
	defer s.person.writing.Unlock()
	name, coming, err := s.speak(target)
	if err != nil {
		return err
	}
	e := Entry{Kind: Said, Account: s.Name, Session: s.Session, Room: name, Key: key, KeyOwner: s.Name, Text: text, Recheck: !s.Guest}
	if s.Guest {
		// Another guest may come by the same name within a key's day.
		e.KeyOwner = s.Session
	}
	s.hub.log.Append(e, func(e Entry, err error) {
		done(e.ID, err)
		coming.Add(-1)
		s.hub.answered(s)
	})
	return nil
}

// speak is place for what is going to be said: it counts as coming until the log has dealt with it.
func (s *Seat) speak(target string) (name string, coming *atomic.Int32, err error) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if name, _, err = s.find(target, true); err == nil {
		err = s.person.mayspeak()
	}
	if err != nil {
		return "", nil, err
	}
	if r := h.rooms[name]; r != nil {
		coming = &r.coming
	} else {
		coming = &h.coming // the first of a conversation
	}
	coming.Add(1)
	return name, coming, nil
}
