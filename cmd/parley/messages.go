package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/protocol"
)

// showMessage waits for the greeting. Only events of other kinds come while the link is being made, and those must not wait.
func (c *chat) showMessage(e protocol.Event) {
	<-c.ready
	c.mu.Lock()
	day, current, gap := c.calendar.turn(e.Time, c.style.now()), c.current, c.gaps[e.Room]
	c.mu.Unlock()
	c.screen.show(c.style.faint(day))
	c.screen.show(c.style.message(e, current))
	if !gap {
		c.link.Seen(e.Room, e.ID)
	}
}

// looked notes that somebody has looked at a room, or spoken there, when id was the newest: they have seen what they want to see.
func (c *chat) looked(room string, id int64) {
	c.setGap(room, false)
	c.link.Seen(room, id)
}

func (c *chat) setGap(room string, gap bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gap {
		c.gaps[room] = true
	} else {
		delete(c.gaps, room)
	}
}

func (c *chat) message(ctx context.Context, rest string) error {
	user, text, found := strings.Cut(rest, " ")
	if !found {
		return errUsage
	}
	return c.say(ctx, "@"+strings.TrimPrefix(user, "@"), text)
}

func (c *chat) history(ctx context.Context, rest string) error {
	limit := 20
	if rest != "" {
		n, bad := protocol.ParseLimit(rest)
		if bad != nil {
			return errors.New("N is a number from 1 to " + strconv.Itoa(protocol.MaxLimit))
		}
		limit = n
	}
	s, err := c.link.Session()
	if err != nil {
		return err
	}
	room := c.room()
	found, err := s.Newest(ctx, room, limit)
	if err != nil {
		return err
	}
	c.showPast(found)
	if len(found) > 0 {
		c.looked(room, found[len(found)-1].ID)
	}
	return nil
}

func (c *chat) find(ctx context.Context, rest string) error {
	if rest == "" {
		return errUsage
	}
	s, err := c.link.Session()
	if err != nil {
		return err
	}
	found, err := s.Find(ctx, c.room(), rest)
	if err != nil {
		return err
	}
	c.showPast(found)
	return nil
}

// showPast shows what was asked for, with the ids that /delete takes, and then that it is over.
func (c *chat) showPast(found []protocol.Event) {
	day := calendar{}
	for _, e := range found {
		if e.Command == protocol.EventGone {
			c.screen.show(c.style.faint(fmt.Sprintf("#%d a message of %s was taken back", e.ID, e.User)))
			continue
		}
		if turned := day.turn(e.Time, c.style.now()); turned != "" {
			c.screen.show(c.style.faint(turned))
		}
		c.screen.show(c.style.faint(fmt.Sprintf("#%d ", e.ID)) + c.style.message(e, c.room()))
	}
	c.tell(fmt.Sprintf("messages: %d", len(found)))
}

func (c *chat) takeBack(ctx context.Context, rest string) error {
	id, what := strings.TrimPrefix(rest, "#"), ""
	if id == "" {
		last, err := c.ownLast(ctx)
		if err != nil {
			return err
		}
		id, what = strconv.FormatInt(last.ID, 10), fmt.Sprintf(", said at %s,", last.Time.In(c.style.now().Location()).Format("15:04"))
	}
	if _, bad := protocol.ParseID(id); bad != nil {
		return errors.New("ID is a message's number, as /history and /find show it; /delete alone takes back what you said last here")
	}
	err := c.order(ctx, "message #"+id+what+" is taken back", "DELETE", id)
	if isRefused(err, protocol.Forbidden) {
		return errors.New("message #" + id + " can't be taken back: only your own can, within a day; /history and /find show their ids")
	}
	return err
}

// Where /delete looks for what one said last, and how long it waits for that to be acknowledged.
const (
	deleteLooksAt = 100
	deleteWaits   = 10 * time.Second
)

// ownLast is what one said last in the current room, from wherever.
func (c *chat) ownLast(ctx context.Context) (last protocol.Event, err error) {
	room := c.room()
	if post := c.last[room]; post != nil { // it may be on its way, and the one before it is not meant
		waiting, cancel := context.WithTimeout(ctx, deleteWaits)
		defer cancel()
		if _, err := post.Wait(waiting); err != nil {
			return last, errors.New("what you said last here was not said, or not yet; /history shows the ids of what was")
		}
	}
	s, err := c.link.Session()
	if err != nil {
		return last, err
	}
	found, err := s.Newest(ctx, room, deleteLooksAt)
	if err != nil {
		return last, err
	}
	for _, e := range slices.Backward(found) {
		switch {
		case e.User != c.link.user:
		case e.Command == protocol.EventGone: // typed twice, it must not cost another message
			return last, errors.New("what you said last here is taken back already; /delete ID takes back another, and /history shows the ids")
		default:
			return e, nil
		}
	}
	return last, fmt.Errorf("of the last %d messages here none is yours; /find WORDS shows ids of older ones", deleteLooksAt)
}
