package chat

// Seen notes that the account has read the target up to a message, and tells its other sessions. done gets how far it has
// read now: not beyond the last message, and never less than before.
// Errors: ErrNotMember, ErrNoSuchUser, ErrGuest.
func (s *Seat) Seen(target string, id int64, done func(at int64, err error)) error {
	if s.Guest {
		return ErrGuest
	}
	h := s.hub
	h.mu.Lock()
	name, last, err := s.find(target, false)
	at := int64(0)
	if m := h.membership(s.Name, name); m != nil {
		at = m.seen
	}
	h.mu.Unlock()
	if err != nil {
		return err
	}
	s.see(name, min(id, last), at, done)
	return nil
}

// see appends Seen entries until the log has counted up to id: it may do so in parts.
func (s *Seat) see(name string, id, at int64, done func(int64, error)) {
	if id <= at {
		done(at, nil)
		return
	}
	e := Entry{Kind: Seen, Account: s.Name, Session: s.Session, Room: name, Message: id}
	s.hub.log.Append(e, func(e Entry, err error) {
		if err != nil || e.Message <= at {
			done(at, err)
			return
		}
		s.see(name, id, e.Message, done)
	})
}
