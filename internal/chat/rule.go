package chat

import (
	"slices"
	"time"
)

// Who rules a room: its maker, as a member, and admins, who need not be in it. What they do
// goes through the log as all else; each method's done is called as Say's is.

// ruled returns a room that this session may rule, under Hub.mu. Errors: ErrNotMember, ErrLobby, ErrNotMaker.
func (s *Seat) ruled(name string) (*room, error) {
	r := s.hub.rooms[name]
	m := s.person.rooms[r]
	switch {
	case r == nil, (m == nil || m.leaving) && !s.Admin:
		return nil, ErrNotMember
	case name == Lobby:
		return nil, ErrLobby
	case !s.Admin && r.maker != s.Name:
		return nil, ErrNotMaker
	}
	return r, nil
}

// Lock keeps all from joining the room, and from knowing of it, who are not invited; its members stay. With
// lock false it is open to all again. Errors: ErrNotMember, ErrLobby, ErrNotMaker.
func (s *Seat) Lock(name string, lock bool, done func(error)) error {
	s.person.writing.Lock()
	defer s.person.writing.Unlock()
	s.hub.mu.Lock()
	_, err := s.ruled(name)
	s.hub.mu.Unlock()
	if err != nil {
		return err
	}
	kind := Opened
	if lock {
		kind = Locked
	}
	s.append(Entry{Kind: kind, Room: name, Recheck: true}, done)
	return nil
}

// append appends an entry of this session's.
func (s *Seat) append(e Entry, done func(error)) {
	e.Account, e.Session = s.Name, s.Session
	s.hub.log.Append(e, func(_ Entry, err error) { done(err) })
}

// Invite lets an account join the room though it is locked, once. Any member may.
// Errors: ErrNotMember, ErrNoSuchUser; to done also ErrTooManyInvites.
func (s *Seat) Invite(name, user string, done func(error)) error {
	h := s.hub
	s.person.writing.Lock()
	defer s.person.writing.Unlock()
	h.mu.Lock()
	_, _, err := h.joinedRoom(s.person, name, true)
	p := h.people[user]
	idle := false // there is nothing to do
	if err == nil && (p == nil || p.guest) {
		err = ErrNoSuchUser
	}
	if err == nil {
		r := h.rooms[name]
		_, invited := p.invites[r]
		idle = invited || p.rooms[r] != nil
	}
	h.mu.Unlock()
	switch {
	case err != nil:
		return err
	case idle:
		done(nil)
	default:
		s.append(Entry{Kind: Invited, Room: name, User: user, Limits: h.opts.Limits, Recheck: !s.Guest}, done)
	}
	return nil
}

// Expel ends somebody's membership of the room, their invitation to it, and their say over it.
// Errors: ErrNotMember, ErrLobby, ErrNotMaker, ErrNoSuchUser.
func (s *Seat) Expel(name, user string, done func(error)) error {
	s.hub.mu.Lock()
	_, err := s.ruled(name)
	s.hub.mu.Unlock()
	if err != nil {
		return err
	}
	return s.hub.expel(Entry{Account: s.Name, Session: s.Session, Room: name, User: user, Recheck: true}, done)
}

// expel is Expel once it is known that e's account may. Errors: ErrNoSuchUser.
func (h *Hub) expel(e Entry, done func(error)) error {
	h.mu.Lock()
	r, p := h.rooms[e.Room], h.people[e.User]
	if p == nil {
		h.mu.Unlock()
		return ErrNoSuchUser
	}
	_, invited := p.invites[r]
	idle := p.rooms[r] == nil && !invited && r.maker != e.User
	h.mu.Unlock()
	if idle {
		done(nil)
		return nil
	}
	// What they are saying comes before this, or is refused.
	p.writing.Lock()
	defer p.writing.Unlock()
	h.setLeaving(p, e.Room, true)
	e.Kind = Expelled
	h.log.Append(e, func(_ Entry, err error) {
		if err != nil {
			h.setLeaving(p, e.Room, false)
		}
		done(err)
	})
	return nil
}

// Topic is the topic of a room that the account has joined, "" where it has none. Errors: ErrNotMember.
func (s *Seat) Topic(name string) (string, error) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, _, err := h.joinedRoom(s.person, name, false); err != nil {
		return "", err
	}
	return h.rooms[name].topic, nil
}

// SetTopic sets or, with "", clears the topic of a room that the account has joined: as much as saying
// something there. Errors: ErrNotMember, ErrGuest, a *MutedError.
func (s *Seat) SetTopic(name, text string, done func(error)) error {
	h := s.hub
	s.person.writing.Lock()
	defer s.person.writing.Unlock()
	h.mu.Lock()
	_, _, err := h.joinedRoom(s.person, name, true)
	if err == nil {
		err = s.person.mayspeak()
	}
	h.mu.Unlock()
	switch {
	case err != nil:
		return err
	case s.Guest:
		return ErrGuest
	}
	s.append(Entry{Kind: TopicSet, Room: name, Text: text, Recheck: true}, done)
	return nil
}

// MutedError refuses what somebody would say who may not speak.
type MutedError struct{ Until time.Time }

func (e *MutedError) Error() string { return "chat: muted until " + e.Until.String() }

func (p *person) mayspeak() error {
	if !p.muted.IsZero() && time.Now().Before(p.muted) {
		return &MutedError{p.muted}
	}
	return nil
}

// Mute keeps an account from speaking until then; a time that is past lets it again. Errors: ErrNotAdmin,
// ErrNoSuchUser.
func (s *Seat) Mute(user string, until time.Time, done func(error)) error {
	if !s.Admin {
		return ErrNotAdmin
	}
	return s.hub.silence(Entry{Account: s.Name, Session: s.Session, User: user, Until: until}, done)
}

// silence is Mute once it is known that e's account may. Errors: ErrNoSuchUser.
func (h *Hub) silence(e Entry, done func(error)) error {
	h.mu.Lock()
	p := h.people[e.User]
	h.mu.Unlock()
	if p == nil || p.guest {
		return ErrNoSuchUser
	}
	// What they are saying comes before this, or is refused.
	p.writing.Lock()
	defer p.writing.Unlock()
	h.mu.Lock()
	before := p.muted
	if before.Before(e.Until) {
		p.muted = e.Until
	}
	h.mu.Unlock()
	e.Kind = Muted
	h.log.Append(e, func(_ Entry, err error) {
		if err != nil {
			h.mu.Lock()
			p.muted = before
			h.mu.Unlock()
		}
		done(err)
	})
	return nil
}

// Joinable is a room that an account has not joined and could.
type Joinable struct {
	Room    string
	Members int
}

// Joinable lists the first rooms above after that the account could join, at most so many, sorted.
func (s *Seat) Joinable(after string, most int) (list []Joinable) {
	h, p := s.hub, s.person
	h.mu.Lock()
	defer h.mu.Unlock()
	at, found := slices.BinarySearch(h.names, after)
	if found {
		at++
	}
	for _, name := range h.names[at:] {
		if r := h.rooms[name]; p.rooms[r] == nil && r.admits(p) {
			list = append(list, Joinable{Room: name, Members: len(r.members)})
		}
		if len(list) == most {
			break
		}
	}
	return list
}
