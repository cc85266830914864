package chat

import "time"

// Tail takes what the log has dealt with, in order, on the log's tail
// goroutine. It is the only way by which messages and memberships reach the rooms.
func (h *Hub) Tail(batch []Outcome) {
	all := batch
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
	h.time(all)
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
	Locked:         (*Hub).locked,
	Opened:         (*Hub).opened,
	Invited:        (*Hub).invite,
	Expelled:       (*Hub).expelled,
	TopicSet:       (*Hub).topicSet,
	Seen:           (*Hub).seen,
	Gone:           (*Hub).gone,
	Muted:          (*Hub).mute,
	Expired:        (*Hub).expired,
}

// said is a message of a conversation; those of a room come in runs.
func (h *Hub) said(e Entry) {
	r := h.room(e.Room)
	r.last = e.ID
	r.said++
	for _, name := range r.pair {
		if p := h.people[name]; p != nil {
			r.add(p)
		}
	}
	h.own(r, e.Account)
	h.counted.Messages++
	h.tellAll(r, messageEvent("", &e), e.Session)
}

func messageEvent(room string, e *Entry) Event {
	return Event{Kind: MessageEvent, ID: e.ID, Time: e.Time, Room: room, User: e.Account, Text: e.Text}
}

// tellAll tells an event to all who hear the room, or to both of a conversation, but the session that caused it.
func (h *Hub) tellAll(r *room, e Event, except string) {
	if !r.isConversation() {
		e.Room = r.name
		h.tell(r, e, except)
		return
	}
	for i, name := range r.pair {
		if p := h.people[name]; p != nil && (i == 0 || name != r.pair[0]) {
			e.Room = r.seenBy(name)
			h.tellPerson(p, h.encode(e), except)
		}
	}
}

// note tells a person something in words.
func (h *Hub) note(p *person, text string) {
	h.tellPerson(p, h.encode(Event{Kind: NoteEvent, Text: text}), "")
}

func (h *Hub) encode(e Event) []byte { return h.opts.Append(nil, &e) }

// tell delivers one event to all who are in the room, but the session that caused it.
func (h *Hub) tell(r *room, e Event, except string) {
	if r.here.near == 0 {
		return
	}
	bytes := h.encode(e)
	for _, p := range r.here.list[:r.here.near] {
		h.tellPerson(p, bytes, except)
	}
}

func (h *Hub) tellPerson(p *person, bytes []byte, except string) {
	for _, s := range p.seats {
		if s.entered && s.Session != except {
			h.counted.Deliveries++
			h.tellSeat(s, bytes, false)
		}
	}
}

func (h *Hub) joined(e Entry) {
	_, exists := h.rooms[e.Room]
	r := h.room(e.Room)
	if !exists {
		r.maker, r.locked = e.Account, e.Lock
		for p := range h.adrift {
			h.roam(p)
		}
	}
	p := h.people[e.Account]
	if p == nil {
		return
	}
	h.join(p, r, e.Session)
	m := p.rooms[r]
	m.seen, m.read = e.Message, r.said-e.Unread
}

func (h *Hub) left(e Entry) {
	if p := h.people[e.Account]; p != nil {
		r := h.room(e.Room)
		delete(p.invites, r)
		h.leave(p, r, e.Session)
	}
}

func (h *Hub) join(p *person, r *room, session string) {
	r.add(p)
	if p.present {
		h.came(r, p, session)
	}
	if p.guest {
		h.tellNodes(p)
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
	if p.guest {
		h.tellNodes(p)
	}
}

func (h *Hub) accountAdded(e Entry) { h.addAccount(h.room(Lobby), e.Account) }

func (h *Hub) accountRemoved(e Entry) {
	p := h.people[e.Account]
	if p == nil {
		return
	}
	p.nodes, p.seatsAway = 0, 0
	h.depart(p)
	h.settle(p, "")
	for r := range p.rooms {
		r.remove(p)
	}
	for _, r := range h.rooms {
		if r.maker == p.name {
			r.maker = ""
		}
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
	p.ended, p.told = e.ID, p.seatsAway
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

func (h *Hub) locked(e Entry) { h.setLocked(e, true, " has locked the room ") }
func (h *Hub) opened(e Entry) { h.setLocked(e, false, " has opened the room ") }

func (h *Hub) setLocked(e Entry, locked bool, what string) {
	r := h.room(e.Room)
	if r.locked == locked {
		return
	}
	r.locked = locked
	h.tell(r, Event{Kind: NoteEvent, Text: by(e.Account) + what + r.name}, e.Session)
}

// by is who did it, as people are told. What no account did, an operator did.
func by(account string) string {
	if account == "" {
		return "an operator"
	}
	return account
}

func (h *Hub) invite(e Entry) {
	if p := h.people[e.User]; p != nil {
		p.invite(h.room(e.Room))
		h.note(p, e.Account+" invites you to the room "+e.Room)
	}
}

func (h *Hub) expelled(e Entry) {
	p, r := h.people[e.User], h.room(e.Room)
	if p == nil {
		return
	}
	delete(p.invites, r)
	if r.maker == p.name {
		r.maker = ""
	}
	if p.rooms[r] == nil {
		return
	}
	h.leave(p, r, "")
	if e.Account != p.name {
		h.note(p, by(e.Account)+" has taken you out of the room "+r.name)
	}
}

func (h *Hub) topicSet(e Entry) {
	r := h.room(e.Room)
	r.topic = e.Text
	h.tell(r, Event{Kind: TopicEvent, Room: r.name, User: e.Account, Text: e.Text}, e.Session)
}

func (h *Hub) seen(e Entry) {
	p, r := h.people[e.Account], h.room(e.Room)
	if p == nil || p.rooms[r] == nil {
		return
	}
	m := p.rooms[r]
	m.seen, m.read = e.Message, r.said-e.Unread
	h.tellPerson(p, h.encode(Event{Kind: SeenEvent, Room: r.seenBy(p.name), ID: e.Message}), e.Session)
}

func (h *Hub) gone(e Entry) {
	r := h.room(e.Room)
	r.said--
	for p, m := range r.members {
		if m.seen >= e.Message || p.name == e.User {
			m.read--
		}
	}
	h.tellAll(r, Event{Kind: GoneEvent, ID: e.Message, User: e.User}, e.Session)
}

// expired forgets to count what the log has no more.
func (h *Hub) expired(e Entry) {
	if len(e.Dropped) == 0 {
		return
	}
	r := h.room(e.Room)
	r.said -= len(e.Dropped)
	last := e.Dropped[len(e.Dropped)-1].ID
	for p, m := range r.members {
		if m.seen >= last {
			m.read -= len(e.Dropped)
			continue
		}
		for i := range e.Dropped {
			if e.Dropped[i].ID <= m.seen || e.Dropped[i].User == p.name {
				m.read--
			}
		}
	}
}

func (h *Hub) mute(e Entry) {
	p := h.people[e.User]
	if p == nil {
		return
	}
	was := p.mayspeak()
	p.muted = e.Until
	switch is := p.mayspeak(); {
	case is != nil:
		h.note(p, "you are muted until "+MuteTime(e.Until)+": you can read, but not speak")
	case was != nil:
		h.note(p, "you are not muted any more")
	}
}

// MuteTime is a time as people are told it.
func MuteTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
