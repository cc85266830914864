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

func (t *talker) message(ctx context.Context, rest string) error {
	user, text, found := strings.Cut(rest, " ")
	if !found {
		return errUsage
	}
	return t.say(ctx, "@"+strings.TrimPrefix(user, "@"), text)
}

func (t *talker) history(ctx context.Context, rest string) error {
	limit := 20
	if rest != "" {
		n, bad := protocol.ParseLimit(rest)
		if bad != nil {
			return errors.New("N is a number from 1 to " + strconv.Itoa(protocol.MaxLimit))
		}
		limit = n
	}
	s, err := t.link.Session()
	if err != nil {
		return err
	}
	found, err := s.Newest(ctx, t.face.room(), limit)
	if err != nil {
		return err
	}
	t.face.past(found, true)
	return nil
}

func (t *talker) find(ctx context.Context, rest string) error {
	if rest == "" {
		return errUsage
	}
	s, err := t.link.Session()
	if err != nil {
		return err
	}
	found, err := s.Find(ctx, t.face.room(), rest)
	if err != nil {
		return err
	}
	t.face.past(found, false)
	return nil
}

func (t *talker) takeBack(ctx context.Context, rest string) error {
	id, what := strings.TrimPrefix(rest, "#"), ""
	if id == "" {
		last, err := t.ownLast(ctx)
		if err != nil {
			return err
		}
		id, what = strconv.FormatInt(last.ID, 10), fmt.Sprintf(", said at %s,", last.Time.In(t.style.now().Location()).Format("15:04"))
	}
	number, bad := protocol.ParseID(id)
	if bad != nil {
		return errors.New("ID is a message's number, as /history and /find show it; /delete alone takes back what you said last here")
	}
	err := t.order(ctx, "message #"+id+what+" is taken back", "DELETE", id)
	if err == nil {
		t.face.happened(protocol.Event{Command: protocol.EventGone, ID: number}) // in whatever room
	}
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
func (t *talker) ownLast(ctx context.Context) (last protocol.Event, err error) {
	room := t.face.room()
	if post := t.last.in(room); post != nil { // it may be on its way, and the one before it is not meant
		waiting, cancel := context.WithTimeout(ctx, deleteWaits)
		defer cancel()
		if _, err := post.Wait(waiting); err != nil {
			return last, errors.New("what you said last here was not said, or not yet; /history shows the ids of what was")
		}
	}
	s, err := t.link.Session()
	if err != nil {
		return last, err
	}
	found, err := s.Newest(ctx, room, deleteLooksAt)
	if err != nil {
		return last, err
	}
	for _, e := range slices.Backward(found) {
		switch {
		case e.User != t.link.user:
		case e.Command == protocol.EventGone: // typed twice, it must not cost another message
			return last, errors.New("what you said last here is taken back already; /delete ID takes back another, and /history shows the ids")
		default:
			return e, nil
		}
	}
	return last, fmt.Errorf("of the last %d messages here none is yours; /find WORDS shows ids of older ones", deleteLooksAt)
}
