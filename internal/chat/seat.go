package chat

import (
	"slices"
	"strings"
	"time"
)

// Seat is a signed-in session's place in the hub: all that it can do there.
// Its methods are for the session's own goroutine.
type Seat struct {
	Who
	hub    *Hub
	member Member
	person *person

	current string // the room that Say("") speaks to; see Join

	// Under Hub.mu; see flush.go.
	entered bool          // hears its rooms
	heard   int           // bytes of the present run that it was told, or said
	flushed time.Duration // when it was flushed last, since Hub.began
	touched bool          // is in Hub.touched
	prompt  bool          // with something that nothing is to follow
	waits   bool          // for Hub.pacer
	listed  bool          // is in Hub.later

	answered bool // is in Hub.replies; under Hub.repliesMu
}

// Current is the room that an empty target means.
func (s *Seat) Current() string { return s.current }

// Present lists who is in the room now, sorted. Errors: ErrNotMember.
func (s *Seat) Present(name string) ([]string, error) {
	if _, _, err := s.place(name, false, nil); err != nil {
		return nil, err
	}
	h := s.hub
	h.mu.Lock()
	here := h.room(name).here.list
	names := make([]string, len(here))
	for i, p := range here {
		names[i] = p.name
	}
	h.mu.Unlock()
	slices.Sort(names)
	return names, nil
}

// Membership is a room as its member sees it.
type Membership struct {
	Room   string // @user for a conversation
	Last   int64  // id of the last message, 0 where nothing was said
	Seen   int64  // id up to which the account has read
	Unread int    // messages of others above it that were not taken back
}

// Memberships lists what the account has joined, conversations among it, sorted.
func (s *Seat) Memberships() []Membership {
	h := s.hub
	h.mu.Lock()
	list := make([]Membership, 0, len(s.person.rooms))
	for r, m := range s.person.rooms {
		list = append(list, Membership{Room: r.seenBy(s.Name), Last: r.last, Seen: m.seen, Unread: r.unread(m)})
	}
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b Membership) int { return strings.Compare(a.Room, b.Room) })
	return list
}

// place is where membership is asked, at every read and write: it turns a
// target into the log's name for it, and says which message members were told of last. A
// conversation with somebody who is gone can still be read, not spoken in.
// Where all is well it calls begin before another event can be told.
func (s *Seat) place(target string, speak bool, begin func()) (name string, last int64, err error) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	name, last, err = s.find(target, speak)
	if err == nil && begin != nil {
		begin()
	}
	return name, last, err
}

// find is place's part under Hub.mu.
func (s *Seat) find(target string, speak bool) (name string, last int64, err error) {
	h := s.hub
	other, found := strings.CutPrefix(target, "@")
	if !found {
		return h.joinedRoom(s.person, target, speak)
	}
	if s.Guest {
		return "", 0, ErrGuest
	}
	name = Conversation(s.Name, other)
	r := h.rooms[name]
	p := h.people[other]
	switch exists := p != nil && !p.guest; {
	case !exists && (speak || r == nil):
		return "", 0, ErrNoSuchUser
	case r != nil:
		last = r.last
	}
	return name, last, nil
}

func (h *Hub) joinedRoom(p *person, name string, speak bool) (string, int64, error) {
	r := h.rooms[name]
	if r == nil {
		return "", 0, ErrNotMember
	}
	if m := p.rooms[r]; m == nil || speak && m.leaving {
		return "", 0, ErrNotMember
	}
	return name, r.last, nil
}
