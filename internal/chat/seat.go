package chat

import (
	"context"
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

// Join makes the account a member of the room and the room this session's
// current one. done gets the number of members and the id of the last message, as Say's does.
// Errors: ErrNotMember where it is not there and must not be made, ErrForbidden; to done also ErrTooManyRooms.
func (s *Seat) Join(name string, done func(members int, last int64, err error)) error {
	h := s.hub
	h.mu.Lock()
	_, exists := h.rooms[name]
	h.mu.Unlock()
	switch {
	case !exists && s.Guest:
		return ErrForbidden
	case !exists && h.opts.FixedRooms && !s.Admin:
		return ErrNotMember
	case s.Guest:
		return s.joinAsGuest(name, done)
	}
	e := Entry{Kind: Joined, Account: s.Name, Session: s.Session, Room: name, Limits: h.opts.Limits}
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
func (s *Seat) joinAsGuest(name string, done func(int, int64, error)) error {
	h := s.hub
	h.mu.Lock()
	if _, in := s.person.rooms[h.room(name)]; !in && h.opts.Limits.Rooms > 0 && len(s.person.rooms) > h.opts.Limits.Rooms {
		h.mu.Unlock()
		done(0, 0, ErrTooManyRooms)
		return nil
	}
	h.join(s.person, h.room(name), s.Session)
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

// Leave ends the account's membership. done is called as Say's is.
// Errors: ErrForbidden for the lobby, ErrNotMember.
func (s *Seat) Leave(name string, done func(error)) error {
	if name == Lobby {
		return ErrForbidden
	}
	s.person.writing.Lock()
	defer s.person.writing.Unlock()
	if _, _, err := s.place(name, true, nil); err != nil {
		return err
	}
	h := s.hub
	if s.Guest {
		h.mu.Lock()
		h.leave(s.person, h.room(name), s.Session)
		h.unlock()
		done(nil)
		return nil
	}
	h.setLeaving(s.person, name, true)
	e := Entry{Kind: Left, Account: s.Name, Session: s.Session, Room: name}
	h.log.Append(e, func(_ Entry, err error) {
		if err != nil {
			h.setLeaving(s.person, name, false)
		}
		done(err)
	})
	return nil
}

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

// Membership is a room as List shows it.
type Membership struct {
	Room string // @user for a conversation
	Last int64  // id of the last message, 0 where nothing was said
}

// Memberships lists what the account has joined, conversations among it, sorted.
func (s *Seat) Memberships() []Membership {
	h := s.hub
	h.mu.Lock()
	list := make([]Membership, 0, len(s.person.rooms))
	for r := range s.person.rooms {
		list = append(list, Membership{Room: r.seenBy(s.Name), Last: r.last})
	}
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b Membership) int { return strings.Compare(a.Room, b.Room) })
	return list
}

// Reader takes an answer.
type Reader struct {
	// Begin is called once membership is known, under the hub's lock: what was told before
	// it may be part of the answer, what is told after it is not. It must not block.
	Begin func()
	// Page takes a part of the answer, oldest first. It is false where no more is wanted.
	Page func([]Event) bool
}

// HistoryAfter reads the oldest limit messages of a target with an id above
// after, a page at a time, so that a slow reader holds little memory. It ends
// at the last message that members were told of: what comes later is live.
// Errors, before the first page: ErrNotMember, ErrNoSuchUser, ErrForbidden; those of the log.
func (s *Seat) HistoryAfter(ctx context.Context, target string, after int64, limit int, to Reader) error {
	name, last, err := s.place(target, false, to.Begin)
	if err != nil {
		return err
	}
	return s.pages(ctx, target, name, Range{After: after, Before: last + 1, Limit: limit}, to)
}

// HistoryBefore is HistoryAfter for the newest limit messages with an id below before, oldest first.
func (s *Seat) HistoryBefore(ctx context.Context, target string, before int64, limit int, to Reader) error {
	name, last, err := s.place(target, false, to.Begin)
	if err != nil {
		return err
	}
	before = min(before, last+1)
	var first int64
	err = s.read(func() (err error) { first, err = s.hub.log.Newest(ctx, name, before, limit); return err })
	if err != nil {
		return err
	}
	return s.pages(ctx, target, name, Range{After: first - 1, Before: before, Limit: limit}, to)
}

// pageSize is how many messages are in memory at once for one answer.
const pageSize = 50

func (s *Seat) pages(ctx context.Context, target, name string, r Range, to Reader) error {
	for left := r.Limit; left > 0; left -= pageSize {
		r.Limit = min(left, pageSize)
		var list []Message
		err := s.read(func() (err error) { list, err = s.hub.log.History(ctx, name, r); return err })
		if err != nil || len(list) == 0 {
			return err
		}
		if !to.Page(events(target, list)) || len(list) < r.Limit {
			return nil
		}
		r.After = list[len(list)-1].ID
	}
	return nil
}

// Find reads the newest limit messages of a target that hold all words. Errors as HistoryAfter.
func (s *Seat) Find(ctx context.Context, target string, words []string, limit int, to Reader) error {
	name, last, err := s.place(target, false, to.Begin)
	if err != nil {
		return err
	}
	var list []Message
	err = s.read(func() (err error) { list, err = s.hub.log.Find(ctx, name, words, limit); return err })
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(m Message) bool { return m.ID > last })
	to.Page(events(target, list))
	return nil
}

// read runs one read of the log. An account has one at a time, over all its
// sessions: searching in twenty of them costs the others no more than in one.
func (s *Seat) read(do func() error) error {
	s.person.reading.Lock()
	defer s.person.reading.Unlock()
	return do()
}

func events(target string, list []Message) []Event {
	out := make([]Event, len(list))
	for i, m := range list {
		out[i] = Event{Kind: MessageEvent, Room: target, User: m.User, Message: m}
	}
	return out
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
		return "", 0, ErrForbidden
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
	if leaving, in := p.rooms[r]; !in || speak && leaving {
		return "", 0, ErrNotMember
	}
	return name, r.last, nil
}

// setLeaving notes that a Left of this room is on its way to the log. What is
// said from here on would come after it, and is refused.
func (h *Hub) setLeaving(p *person, name string, leaving bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.rooms[name]; r != nil {
		if _, in := p.rooms[r]; in {
			p.rooms[r] = leaving
		}
	}
}

// participants are the two of a conversation's name, empty for a room's.
func participants(name string) (a, b string) {
	pair, found := strings.CutPrefix(name, "@")
	if !found {
		return "", ""
	}
	a, b, _ = strings.Cut(pair, "@")
	return a, b
}

// seenBy is the room's name as one of its members sees it.
func (r *room) seenBy(user string) string {
	switch {
	case !r.isConversation():
		return r.name
	case r.pair[0] == user:
		return "@" + r.pair[1]
	}
	return "@" + r.pair[0]
}
