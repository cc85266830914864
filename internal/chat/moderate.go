package chat

import (
	"context"
	"slices"
	"strings"
	"time"
)

// What an operator does: as much as an admin may, to any room, and without a seat. Its entries have no Account.
// Each of these methods that changes something waits until the log has it, or ctx ends, and then it may have it all the same.

// expelAtOnce bounds the entries of one CloseRoom that wait for the log.
const expelAtOnce = 256

// moderated is a room that can be moderated. Errors: ErrNotMember where there is none, ErrLobby.
func (h *Hub) moderated(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch r := h.rooms[name]; {
	case r == nil || r.isConversation():
		return ErrNotMember
	case name == Lobby:
		return ErrLobby
	}
	return nil
}

// LockRoom is Seat.Lock by an operator. Errors: ErrNotMember where there is no such room, ErrLobby.
func (h *Hub) LockRoom(ctx context.Context, name string, lock bool) error {
	if err := h.moderated(name); err != nil {
		return err
	}
	kind := Opened
	if lock {
		kind = Locked
	}
	return await(ctx, func(done func(error)) error {
		h.log.Append(Entry{Kind: kind, Room: name}, func(_ Entry, err error) { done(err) })
		return nil
	})
}

// ExpelFrom is Seat.Expel by an operator. Errors: ErrNotMember where there is no such room, ErrLobby, ErrNoSuchUser.
func (h *Hub) ExpelFrom(ctx context.Context, name, user string) error {
	if err := h.moderated(name); err != nil {
		return err
	}
	return await(ctx, func(done func(error)) error { return h.expel(Entry{Room: name, User: user}, done) })
}

// CloseRoom locks a room, and expels from it everybody who is or may come in: members, the invited, the maker. What was said there
// stays. It says how many were expelled, also where it ended in between, after which it can be repeated. LockRoom opens the room again,
// to whoever joins it then. Errors: ErrNotMember where there is no such room, ErrLobby.
func (h *Hub) CloseRoom(ctx context.Context, name string) (expelled int, err error) {
	if err := h.LockRoom(ctx, name, true); err != nil {
		return 0, err
	}
	// Only who was invited can have joined since; another round finds whom they have invited.
	for {
		people := h.admitted(name)
		if len(people) == 0 {
			return expelled, nil
		}
		for part := range slices.Chunk(people, expelAtOnce) {
			if err := h.expelAll(ctx, name, part); err != nil {
				return expelled, err
			}
			expelled += len(part)
		}
	}
}

// admitted are those who are in a room, or could join it while it is locked.
func (h *Hub) admitted(name string) (people []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[name]
	for _, p := range h.people {
		_, in := p.rooms[r]
		_, invited := p.invites[r]
		if in || invited || r.maker == p.name {
			people = append(people, p.name)
		}
	}
	slices.Sort(people)
	return people
}

func (h *Hub) expelAll(ctx context.Context, room string, people []string) error {
	results := make(chan error, len(people))
	for _, name := range people {
		if err := h.expel(Entry{Room: room, User: name}, func(err error) { results <- err }); err != nil {
			results <- nil // a guest who is gone
		}
	}
	var failed error
	for range people {
		select {
		case err := <-results:
			if err != nil {
				failed = err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return failed
}

// MuteUntil is Seat.Mute by an operator. Errors: ErrNoSuchUser.
func (h *Hub) MuteUntil(ctx context.Context, user string, until time.Time) error {
	return await(ctx, func(done func(error)) error { return h.silence(Entry{User: user, Until: until}, done) })
}

// await runs what the log answers later, and waits for that answer.
func await(ctx context.Context, start func(done func(error)) error) error {
	result := make(chan error, 1)
	if err := start(func(err error) { result <- err }); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Note tells people something in words: who is in a room, or everybody here where room is "". It says how many sessions of this node
// were told. It is kept nowhere. Errors: ErrNotMember where there is no such room.
func (h *Hub) Note(room, text string) (sessions int, err error) {
	bytes := h.encode(Event{Kind: NoteEvent, Text: text})
	h.mu.Lock()
	defer h.unlock()
	r := h.rooms[room]
	if room != "" && (r == nil || r.isConversation()) {
		return 0, ErrNotMember
	}
	for _, s := range h.seats {
		if s.entered && (r == nil || s.person.rooms[r] != nil) {
			h.tellSeat(s, bytes, false)
			sessions++
		}
	}
	return sessions, nil
}

// EndSession ends one session here, and says whether it was there.
func (h *Hub) EndSession(id, reason string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.seats[id]
	if s != nil {
		s.member.End(reason)
	}
	return s != nil
}

// Signed is who the sessions that are signed in here belong to, by UUID.
func (h *Hub) Signed() map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make(map[string]string, len(h.seats))
	for id, s := range h.seats {
		names[id] = s.Name
	}
	return names
}

// Census is a room in numbers.
type Census struct {
	Room     string
	Maker    string // "" for none
	Locked   bool
	Members  int // who have joined; in the lobby, everybody
	Present  int // of them, on all nodes
	Messages int // that were said and not taken back
}

// Census lists all rooms but conversations, sorted.
func (h *Hub) Census() []Census {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]Census, 0, len(h.names))
	for _, name := range h.names {
		r := h.rooms[name]
		list = append(list, Census{
			Room: name, Maker: r.maker, Locked: r.locked, Members: len(r.members), Present: len(r.here.list), Messages: r.said,
		})
	}
	return list
}

// Mute is who does not speak until when.
type Mute struct {
	User  string
	Until time.Time
}

// Mutes lists the mutes that hold now, sorted by name.
func (h *Hub) Mutes() (list []Mute) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.people {
		if p.mayspeak() != nil {
			list = append(list, Mute{p.name, p.muted})
		}
	}
	slices.SortFunc(list, func(a, b Mute) int { return strings.Compare(a.User, b.User) })
	return list
}
