package chat

import "time"

// Enter makes the session hear its rooms, from room on as its current one
// (the lobby where the account is no member of it). It returns that room.
func (s *Seat) Enter(room string) string {
	h := s.hub
	h.mu.Lock()
	defer h.unlock()
	if r := h.rooms[room]; r != nil && !r.isConversation() {
		if _, in := s.person.rooms[r]; in {
			s.current = room
		}
	}
	s.entered = true
	p := s.person
	if p.grace != nil {
		p.grace.Stop()
		p.grace = nil
	}
	if h.people[p.name] == p {
		h.setHere(p, true, s.Session)
	}
	return s.current
}

// Exit gives the seat back: the session is over. lost says that nobody asked for
// it, so that the person may be back within the grace; the last session to go otherwise
// takes the person out of the rooms.
func (s *Seat) Exit(lost bool) {
	h, p := s.hub, s.person
	h.mu.Lock()
	defer h.unlock()
	delete(h.seats, s.Session)
	for i, other := range p.seats {
		if other == s {
			p.seats = append(p.seats[:i:i], p.seats[i+1:]...)
			break
		}
	}
	h.tellNodes(p)
	for _, other := range p.seats {
		if other.entered {
			return
		}
	}
	switch {
	case p.guest:
		h.depart(p)
		h.roam(p)
		h.forgetGuest(p)
	case lost && p.here && !h.closed:
		if p.grace == nil {
			p.grace = time.AfterFunc(h.opts.Grace, func() { h.graceOver(p) })
		}
	default:
		h.depart(p)
	}
}

func (h *Hub) graceOver(p *person) {
	h.mu.Lock()
	defer h.unlock()
	if p.grace == nil || h.closed {
		return
	}
	p.grace = nil
	h.depart(p)
}

// depart says that this node has a person present no more.
func (h *Hub) depart(p *person) {
	if p.grace != nil {
		p.grace.Stop()
		p.grace = nil
	}
	h.setHere(p, false, "")
}

// came puts p into the room and tells the others, but the session that brought them.
func (h *Hub) came(r *room, p *person, session string) {
	if r.isConversation() || !r.here.add(p) {
		return
	}
	h.announce(r, Event{Kind: CameEvent, Room: r.name, User: p.name}, session)
}

// went takes p out of the room and tells those who stay.
func (h *Hub) went(r *room, p *person) {
	if r.here.remove(p) {
		h.announce(r, Event{Kind: WentEvent, Room: r.name, User: p.name}, "")
	}
}

// announce tells of one person's coming or going. In a crowd a count is told
// in its place, so that n people coming back cost n events and not n².
func (h *Hub) announce(r *room, e Event, except string) {
	switch {
	case h.closed:
	case len(r.here.list) <= h.opts.Crowd:
		h.tell(r, e, except)
	case r.count == nil:
		wait := max(h.opts.CrowdEvery-time.Since(r.told), 0)
		r.count = time.AfterFunc(wait, func() { h.tellCount(r) })
	}
}

func (h *Hub) tellCount(r *room) {
	h.mu.Lock()
	defer h.unlock()
	if h.closed {
		return
	}
	r.count = nil
	r.told = time.Now()
	h.tell(r, Event{Kind: HereEvent, Room: r.name, Count: len(r.here.list)}, "")
}
