package chat

// Join makes the account a member of the room and the room this session's
// current one. A room that is not there is made, locked where lock says so. done gets the number of members and the
// id of the last message, as Say's does. Errors: ErrNotMember where it is not there and must not be made
// (by guests never), or is locked and the account not invited; to done also ErrNotMember again, ErrRoomExists, ErrRoomFull, ErrTooManyRooms.
func (s *Seat) Join(name string, lock bool, done func(members int, last int64, err error)) error {
	h := s.hub
	h.mu.Lock()
	r, exists := h.rooms[name]
	shut := exists && s.person.rooms[r] == nil && !r.admits(s.person)
	h.mu.Unlock()
	switch {
	case shut: // before the log is asked: the time that takes would tell this from a room that is not there
		return ErrNotMember
	case !exists && (s.Guest || h.opts.FixedRooms && !s.Admin): // who may not make one does not find out by that which there are
		return ErrNotMember
	case s.Guest:
		return s.joinAsGuest(name, lock, done)
	}
	e := Entry{Kind: Joined, Account: s.Name, Session: s.Session, Room: name, Lock: lock, Limits: h.opts.Limits}
	h.log.Append(e, func(_ Entry, err error) {
		if err != nil {
			done(0, 0, err)
			return
		}
		s.current = name
		members, last := h.size(name)
		done(members, last, nil)
	})
	return nil
}

// joinAsGuest: a guest's memberships are nobody's business but the hub's.
func (s *Seat) joinAsGuest(name string, lock bool, done func(int, int64, error)) error {
	h, p := s.hub, s.person
	h.mu.Lock()
	r := h.rooms[name]
	var err error
	_, in := p.rooms[r]
	switch limits := h.opts.Limits; {
	case lock && !r.locked:
		err = ErrRoomExists
	case in:
	case r.locked:
		err = ErrNotMember
	case limits.Rooms > 0 && len(p.rooms) > limits.Rooms:
		err = ErrTooManyRooms
	case limits.Members > 0 && len(r.members) >= limits.Members && name != Lobby:
		err = ErrRoomFull
	}
	if err != nil {
		h.mu.Unlock()
		return err
	}
	h.join(p, r, s.Session)
	h.unlock()
	s.current = name
	members, last := h.size(name)
	done(members, last, nil)
	return nil
}

func (h *Hub) size(name string) (members int, last int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.room(name)
	return len(r.members), r.last
}

// Leave ends the account's membership, or declines an invitation. done is called as Say's is.
// Errors: ErrLobby, ErrNotMember.
func (s *Seat) Leave(name string, done func(error)) error {
	if name == Lobby {
		return ErrLobby
	}
	h, p := s.hub, s.person
	p.writing.Lock()
	defer p.writing.Unlock()
	if _, _, err := s.place(name, true, nil); err != nil && !h.invited(p, name) {
		return err
	}
	if s.Guest {
		h.mu.Lock()
		h.leave(p, h.room(name), s.Session)
		h.unlock()
		done(nil)
		return nil
	}
	h.setLeaving(p, name, true)
	e := Entry{Kind: Left, Account: s.Name, Session: s.Session, Room: name}
	h.log.Append(e, func(_ Entry, err error) {
		if err != nil {
			h.setLeaving(p, name, false)
		}
		done(err)
	})
	return nil
}

func (h *Hub) invited(p *person, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, invited := p.invites[h.rooms[name]]
	return invited
}

// setLeaving notes that the end of a membership is on its way to the log. What is
// said from here on would come after it, and is refused.
func (h *Hub) setLeaving(p *person, name string, leaving bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.membership(p.name, name); m != nil {
		m.leaving = leaving
	}
}
