package client

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/protocol"
)

// progress is what has been told of each room and conversation, so that each message is told once and in order.
//
// Between a sign-in and the moment a room has caught up, its live messages are dropped: they are on disk before they are sent, so
// the history that is asked for afterwards holds them. That needs no queue, however long the catching up takes.
type progress struct {
	seen     map[string]int64 // id of the newest message told, by room
	floor    int64            // greatest id of all before this session; where a room unknown until now is taken up
	top      int64            // greatest id of all
	listed   bool             // LIST has told this session which rooms are behind; before, every one is
	behind   map[string]bool
	unlisted map[string]int64 // first message dropped, by room, while not listed
	own      map[int64]bool   // acknowledged while its room was behind: history, perhaps that of a later session, is not to show it
	missed   int
	gone     map[int64]bool // what was told to be gone, once

	self   string          // the account as others see it
	whole  bool            // of what was not read at first all is told
	unread int             // at first a room with at most so many unread messages is taken up where they begin
	fresh  map[string]bool // rooms taken up there that are behind: what others said is told, as LIST has counted it
	many   []Room          // those with more

	rewound []Room // whose newest message is older than what was told: the server was put back
}

func newProgress(self string, unread int, after map[string]int64) progress {
	p := progress{seen: map[string]int64{}, own: map[int64]bool{}, gone: map[int64]bool{}, top: math.MaxInt64, self: self, unread: unread, fresh: map[string]bool{}}
	maps.Copy(p.seen, after)
	return p
}

// reconnected begins a session.
func (p *progress) reconnected() {
	p.floor = p.top
	p.listed = false
	p.behind = map[string]bool{}
	p.unlisted = map[string]int64{}
	p.missed = 0
}

// list takes a field of LIST.
func (p *progress) list(room Room) {
	seen, known := p.seen[room.Name]
	if !known {
		seen = min(p.upTo(room.Name), room.LastID)
		switch {
		case !p.isFirst() || room.Unread == 0 || p.unread == 0:
		case room.Unread <= p.unread:
			seen = min(seen, room.Seen)
			p.fresh[room.Name] = true
		default:
			p.many = append(p.many, room)
		}
		p.seen[room.Name] = seen
	}
	if known && room.LastID < seen && !p.isFirst() {
		seen = min(room.Seen, room.LastID)
		p.seen[room.Name] = seen
		p.rewound = append(p.rewound, room)
	}
	// A message may have come between the server's look at the room and its reply to LIST; it was dropped as well.
	first, dropped := p.unlisted[room.Name]
	delete(p.unlisted, room.Name)
	if room.LastID > seen || dropped && first > seen {
		p.behind[room.Name] = true
	}
}

// isFirst tells the session before which nothing was told: ids count from it.
func (p *progress) isFirst() bool { return p.floor == math.MaxInt64 }

// upTo is the id up to which a room was told before this session, or is told live.
func (p *progress) upTo(room string) int64 {
	if seen, known := p.seen[room]; known {
		return seen
	}
	if first, found := p.unlisted[room]; found { // said since the sign-in
		return min(p.floor, first-1)
	}
	return p.floor
}

// allListed takes the end of LIST. Conversations that began while it was read are behind as well.
func (p *progress) allListed() {
	if p.isFirst() {
		p.top = 0
		for room, id := range p.seen {
			if !p.behind[room] {
				p.top = max(p.top, id)
			}
		}
	}
	for room, first := range p.unlisted {
		if _, known := p.seen[room]; !known {
			p.seen[room] = min(p.floor, first-1)
		}
		p.behind[room] = true
	}
	p.listed = true
}

// live says whether a message that came of itself, or word that one is gone, is to be told now.
func (p *progress) live(e protocol.Event) bool {
	if e.Command == protocol.EventGone { // history tells it where the message itself was not told
		return (p.listed && !p.behind[e.Room] || e.ID <= p.upTo(e.Room)) && p.isNews(e.ID)
	}
	if !p.listed {
		if _, found := p.unlisted[e.Room]; !found && len(p.unlisted) < maxListed {
			p.unlisted[e.Room] = e.ID
		}
		return false
	}
	return !p.behind[e.Room] && p.advance(e.Room, e.ID)
}

// past says whether a message of a room's history, or that it is gone, is to be told.
func (p *progress) past(e protocol.Event) bool {
	if !p.advance(e.Room, e.ID) {
		return false
	}
	own, isGone := p.own[e.ID], e.Command == protocol.EventGone
	delete(p.own, e.ID)
	if isGone && !p.isNews(e.ID) {
		return false
	}
	if own && !isGone || !p.whole && p.fresh[e.Room] && (isGone || e.User == p.self) {
		return false
	}
	p.missed++
	return true
}

// isNews tells whether it was not told yet that a message is gone, and takes it that it is now.
func (p *progress) isNews(id int64) bool {
	if p.gone[id] {
		return false
	}
	if len(p.gone) < maxListed {
		p.gone[id] = true
	}
	return true
}

// said takes the acknowledgement of a message from here. It stands before every event of its room with a greater id, and
// after those with smaller ones.
func (p *progress) said(room string, id int64) {
	if !p.listed || p.behind[room] {
		if id > p.seen[room] {
			p.own[id] = true
		}
		return
	}
	p.advance(room, id)
}

// caughtUp ends the catching up of one room.
func (p *progress) caughtUp(room string) {
	delete(p.behind, room)
	delete(p.fresh, room)
}

// forget drops a room that was left: if it is joined again, it is taken up there.
func (p *progress) forget(room string) {
	p.caughtUp(room)
	delete(p.seen, room)
	delete(p.unlisted, room)
}

func (p *progress) advance(room string, id int64) bool {
	seen, known := p.seen[room]
	if id <= seen {
		return false
	}
	if known || len(p.seen) < maxListed {
		p.seen[room] = id
	}
	p.top = max(p.top, id)
	return true
}

// onEvent runs on the reading goroutine.
func (c *Client) onEvent(e protocol.Event) {
	if e.Room != "" && !c.cfg.Follow(e.Room) {
		return
	}
	switch e.Command {
	case protocol.EventMsg, protocol.EventGone:
		if !c.progress.live(e) {
			return
		}
	case protocol.EventLeave:
		if e.User == c.progress.self { // elsewhere, or expelled
			c.progress.forget(e.Room)
			c.shown.forget(e.Room)
		}
	case protocol.EventSeen:
		c.shown.learn(e.Room, e.ID)
	}
	c.tell(Update{Event: e})
}

// catchUp tells what was said while there was no connection, and returns how many messages that were.
func (c *Client) catchUp(s *Session) (missed int, err error) {
	err = c.patiently(s, func() error {
		return s.pages(c.ctx, "LIST", nil, func(field string) (string, error) {
			room, err := parseRoom(field)
			if err == nil && c.cfg.Follow(room.Name) {
				c.progress.list(room)
				c.shown.learn(room.Name, room.Seen)
			}
			return room.Name, err
		})
	})
	if err != nil {
		return 0, err
	}
	behind := map[string]int64{} // newest message told, by room
	err = onReader(c.ctx, s, func(r Reply) error {
		c.progress.allListed()
		for _, room := range c.progress.rewound {
			c.shown.rewind(room.Name, room.Seen)
			c.tell(Update{State: Rewound, Room: room})
		}
		c.progress.rewound = nil
		for _, room := range c.progress.many {
			c.tell(Update{State: Unread, Room: room})
		}
		c.progress.many = nil
		for room := range c.progress.behind {
			behind[room] = c.progress.seen[room]
		}
		return r.Err
	}, "PING", "")
	for _, room := range slices.Sorted(maps.Keys(behind)) {
		seen := behind[room]
		for more := true; more && err == nil; {
			err = c.patiently(s, func() (err error) { more, err = c.fetch(s, room, &seen); return err })
		}
	}
	return c.progress.missed, err // nobody changes missed any more
}

// fetch tells one page of a room's history, the messages after seen; false: the room has caught up.
func (c *Client) fetch(s *Session, room string, seen *int64) (more bool, err error) {
	err = onReader(c.ctx, s, func(r Reply) error {
		if refused := (*protocol.Error)(nil); errors.As(r.Err, &refused) && refused.Code == protocol.NotMember {
			c.progress.forget(room) // left meanwhile elsewhere, or expelled
			return nil
		}
		before := *seen
		for _, e := range r.Events {
			if e.Room != room || e.ID <= *seen {
				return &MisbehaviorError{"HISTORY answers with messages that were not asked for"}
			}
			*seen = e.ID
			if c.progress.past(e) {
				c.tell(Update{Event: e, Past: true})
			}
		}
		// Where nothing but lines of a later version came, there is no id to ask on after.
		if more = r.Count == protocol.MaxLimit && *seen > before; !more && r.Err == nil {
			c.progress.caughtUp(room)
		}
		return r.Err
	}, "HISTORY", room, "after", strconv.FormatInt(*seen, 10), strconv.Itoa(protocol.MaxLimit))
	if more && err == nil {
		c.lostAt = time.Time{} // a whole page is told: there is hope
	}
	return more, err
}

// onReader sends a request, runs do with its reply on the reading goroutine, between the lines before the reply and those after
// it, and returns what do does. It waits as long as the session waits for a reply.
func onReader(ctx context.Context, s *Session, do func(Reply) error, command string, fields ...string) error {
	result := make(chan error, 1)
	if err := s.Start(ctx, func(r Reply) { result <- do(r) }, command, fields...); err != nil {
		return err
	}
	return <-result
}

// patiently repeats what the server refuses for now.
func (c *Client) patiently(s *Session, do func() error) error {
	for {
		err := do()
		var refused *protocol.Error
		if !errors.As(err, &refused) {
			return err
		}
		wait, again := retryAfter(refused)
		if !again || c.overdue(wait) {
			return err
		}
		if err := pause(s, wait); err != nil {
			return err
		}
	}
}

// Join joins a room lastingly and tells how many have joined it. Its messages are told from now on. locked is for a room that is not
// there yet, or one's own: only who is invited may follow.
func (c *Client) Join(ctx context.Context, room string, locked bool) (members int, err error) {
	s, err := c.Session()
	if err != nil {
		return 0, err
	}
	ask := []string{room}
	if locked {
		ask = append(ask, "locked")
	}
	err = onReader(ctx, s, func(r Reply) error {
		if r.Err != nil {
			return r.Err
		}
		fields := strings.Split(r.Data, "|")
		if len(fields) != 3 {
			return &MisbehaviorError{"JOIN is answered by other than three fields"}
		}
		count, bad := protocol.ParseID(fields[1])
		last, alsoBad := protocol.ParseID(fields[2])
		if bad != nil || alsoBad != nil {
			return &MisbehaviorError{"JOIN is answered by other than numbers"}
		}
		members = int(count)
		if _, known := c.progress.seen[room]; !known {
			c.progress.seen[room] = last
		}
		return nil
	}, "JOIN", ask...)
	return members, err
}

// Leave leaves a room for all sessions of the account.
func (c *Client) Leave(ctx context.Context, room string) error {
	s, err := c.Session()
	if err != nil {
		return err
	}
	return onReader(ctx, s, func(r Reply) error {
		if r.Err == nil {
			c.progress.forget(room)
		}
		return r.Err
	}, "LEAVE", room)
}
