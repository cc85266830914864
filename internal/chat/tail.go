package chat

// Tail takes what the log has dealt with, in order, on the log's tail
// goroutine. It is the only way by which messages and memberships reach the rooms.
func (h *Hub) Tail(batch []Outcome) {
	for len(batch) > 0 {
		n := h.tellRun(batch)
		if n == 0 {
			h.tellOne(&batch[0])
			n = 1
		}
		batch = batch[n:]
	}
	// A sender who hears that it may go on does so while the room is being written to.
	h.flushReplies()
	h.mu.Lock()
	h.unlock()
}

func (h *Hub) tellOne(o *Outcome) {
	if apply := tailTable[o.Entry.Kind]; apply != nil && o.News {
		h.mu.Lock()
		if !h.closed {
			apply(h, o.Entry)
		}
		h.mu.Unlock()
	}
	o.Done(o.Entry, o.Err)
}

var tailTable = map[Kind]func(*Hub, Entry){
	Said:           (*Hub).said,
	Joined:         (*Hub).joined,
	Left:           (*Hub).left,
	AccountAdded:   (*Hub).accountAdded,
	AccountRemoved: (*Hub).accountRemoved,
	SessionsEnded:  (*Hub).sessionsEnded,
	FamilyEnded:    (*Hub).familyEnded,
}

// said is a message of a conversation; those of a room come in runs.
func (h *Hub) said(e Entry) {
	r := h.room(e.Room)
	r.last = e.ID
	for i, name := range r.pair {
		p := h.people[name]
		if p == nil || i == 1 && r.pair[0] == name {
			continue
		}
		r.add(p)
		h.tellPerson(p, h.encode(messageEvent(r.seenBy(name), &e)), e.Session)
	}
}

func messageEvent(room string, e *Entry) Event {
	m := Message{ID: e.ID, Time: e.Time, Room: e.Room, User: e.Account, Text: e.Text}
	return Event{Kind: MessageEvent, Room: room, User: m.User, Message: m}
}

func (h *Hub) encode(e Event) []byte { return h.opts.Append(nil, &e) }

// tell delivers one event to all who are in the room, but the session that caused it.
func (h *Hub) tell(r *room, e Event, except string) {
	if len(r.here.list) == 0 {
		return
	}
	bytes := h.encode(e)
	for _, p := range r.here.list {
		h.tellPerson(p, bytes, except)
	}
}

func (h *Hub) tellPerson(p *person, bytes []byte, except string) {
	for _, s := range p.seats {
		if s.entered && s.Session != except {
			h.tellSeat(s, bytes, false)
		}
	}
}

func (h *Hub) joined(e Entry) {
	if p := h.people[e.Account]; p != nil {
		h.join(p, h.room(e.Room), e.Session)
	}
}

func (h *Hub) left(e Entry) {
	if p := h.people[e.Account]; p != nil {
		h.leave(p, h.room(e.Room), e.Session)
	}
}

func (h *Hub) join(p *person, r *room, session string) {
	r.add(p)
	if p.present {
		h.came(r, p, session)
	}
}

func (h *Hub) leave(p *person, r *room, session string) {
	if _, in := r.members[p]; !in {
		return
	}
	// Its other sessions hear of it as the room does.
	if p.present {
		h.tellPerson(p, h.encode(Event{Kind: WentEvent, Room: r.name, User: p.name}), session)
	}
	h.went(r, p)
	r.remove(p)
}

func (h *Hub) accountAdded(e Entry) { h.addAccount(h.room(Lobby), e.Account) }

func (h *Hub) accountRemoved(e Entry) {
	p := h.people[e.Account]
	if p == nil {
		return
	}
	h.depart(p)
	for r := range p.rooms {
		r.remove(p)
	}
	for _, s := range p.seats {
		s.member.End(e.Text)
	}
	delete(h.people, e.Account)
}

func (h *Hub) sessionsEnded(e Entry) {
	p := h.people[e.Account]
	if p == nil {
		return
	}
	p.ended, p.told = e.ID, 0
	for _, s := range p.seats {
		// One that signed in after the change knows the new password.
		if s.Session != e.Session && s.Version < e.ID {
			s.member.End(e.Text)
			p.told++
		}
	}
}

func (h *Hub) familyEnded(e Entry) {
	for _, id := range e.Sessions {
		if s := h.seats[id]; s != nil {
			s.member.End(e.Text)
		}
	}
}
