package client

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/protocol"
)

// shown is how far the person has been shown each room and conversation, until the server knows it too.
type shown struct {
	mu       sync.Mutex
	pending  map[string]int64 // newest id shown that the server has not acknowledged, by room
	known    map[string]int64 // where the account's position is, as far as it is known here
	open     bool             // there is a session, it has caught up, and its server takes positions
	notUntil time.Time        // the server has asked for patience
	noted    chan struct{}    // holds one wish to look at pending
}

// Bounds of SEEN lines. The first leaves the person at least half of the rate that a server allows unless told otherwise; the second is for a client that ends.
const (
	seenAtOnce = 20
	seenAtLast = 100
	lastMoment = time.Second
)

// Seen notes that the person has been shown a room or conversation up to this message, one of their own as well. The server is told
// within moments, and again after a lost connection. It never waits, and may be called from OnUpdate. Guests have no positions.
func (c *Client) Seen(room string, id int64) {
	if !c.cfg.Guest {
		c.shown.note(room, id)
	}
}

// Rooms is [Session.List] after the server has been told all that was noted by Seen, so that what is unread is what was not shown.
func (c *Client) Rooms(ctx context.Context) ([]Room, error) {
	s, err := c.Session()
	if err != nil {
		return nil, err
	}
	if err := c.tellShown(ctx, s, seenAtLast); err != nil {
		return nil, err
	}
	return s.List(ctx)
}

func (p *shown) note(room string, id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, found := p.pending[room]; id <= p.known[room] || !found && len(p.pending) >= maxListed {
		return
	}
	p.pending[room] = max(p.pending[room], id)
	p.wish()
}

// wish has the client's own goroutine look at what is pending. mu is held.
func (p *shown) wish() {
	if len(p.pending) == 0 || !p.open {
		return
	}
	select {
	case p.noted <- struct{}{}:
	default: // it is wished already
	}
}

// more wishes for another look, where something is pending.
func (p *shown) more() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wish()
}

// learn takes where the server says that the position is.
func (p *shown) learn(room string, id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, found := p.known[room]; found || len(p.known) < maxListed {
		p.known[room] = max(p.known[room], id)
	}
	if p.pending[room] <= id {
		delete(p.pending, room)
	}
}

// rewind takes that the server was put back to where the position is this one.
func (p *shown) rewind(room string, id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, room)
	p.known[room] = id
}

// forget drops a room that the account is no member of.
func (p *shown) forget(room string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, room)
}

func (p *shown) setOpen(open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.notUntil = open, time.Time{}
	p.wish()
}

// due are at most limit rooms whose positions the server is to be told now.
func (p *shown) due(limit int) map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open || time.Now().Before(p.notUntil) {
		return nil
	}
	if len(p.pending) <= limit {
		return maps.Clone(p.pending)
	}
	// Those that are furthest behind, so that busy rooms don't keep others waiting for ever.
	rooms := slices.SortedFunc(maps.Keys(p.pending), func(a, b string) int { return cmp.Compare(p.pending[a], p.pending[b]) })
	due := map[string]int64{}
	for _, room := range rooms[:limit] {
		due[room] = p.pending[room]
	}
	return due
}

// answered takes the reply to SEEN. A refusal is nobody's concern: the position matters less than what goes on.
func (p *shown) answered(room string, id int64, r Reply) {
	refused, _ := r.Err.(*protocol.Error)
	wait, again := retryAfter(refused)
	switch {
	case r.Err == nil:
		_, position, _ := strings.Cut(r.Data, "|")
		at, _ := protocol.ParseID(position)
		p.learn(room, max(id, at)) // less, where the server knows of no message as new as this: then there is nothing to add to it
	case refused == nil: // the connection is lost: the next one takes it up
	case again:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.notUntil = time.Now().Add(wait)
	case refused.Code == protocol.UnknownCommand:
		p.setOpen(false) // an older server, which counts errors
	default:
		p.forget(room)
	}
}

// tellShown tells the server of at most limit rooms, all at once, and waits for the replies.
func (c *Client) tellShown(ctx context.Context, s *Session, limit int) error {
	due := c.shown.due(limit)
	answers := make(chan struct{}, len(due))
	for room, id := range due {
		err := s.Start(ctx, func(r Reply) {
			c.shown.answered(room, id, r)
			answers <- struct{}{}
		}, "SEEN", room, strconv.FormatInt(id, 10))
		if err != nil {
			return err
		}
	}
	for range due {
		select {
		case <-answers:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tellShownAtLast is for a client that is about to end: what can be told in a moment is. The goroutine ends with the session.
func (c *Client) tellShownAtLast(ctx context.Context) (wait func()) {
	ctx, cancel := context.WithTimeout(ctx, lastMoment)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s, err := c.Session(); err == nil {
			c.tellShown(ctx, s, seenAtLast)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return func() { <-done }
}
