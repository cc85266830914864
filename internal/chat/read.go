package chat

import (
	"context"
	"slices"
)

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
		// The read may have waited long for others of the account.
		if _, _, err := s.place(target, false, nil); err != nil {
			return nil // not a member any more: what came was all
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
	if _, _, err := s.place(target, false, nil); err != nil {
		return nil // not a member any more, as in pages
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
		out[i] = Event{Kind: MessageEvent, ID: m.ID, Time: m.Time, Room: target, User: m.User, Text: m.Text}
		if m.Text == "" {
			out[i].Kind = GoneEvent
		}
	}
	return out
}
