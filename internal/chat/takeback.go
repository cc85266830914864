package chat

import (
	"context"
	"time"
)

// ownFor is how long authors may take back what they said.
const ownFor = 24 * time.Hour

// TakeBack has the text of a message forgotten: its author may, for a day, and an admin. Where it is forgotten already nobody is told again.
// When done was called without an error, Scrub waits until the bytes are gone as well.
// Errors: ErrNotYours, also where there is no such message; those of the log.
func (s *Seat) TakeBack(ctx context.Context, id int64, done func(error)) error {
	var m Message
	var found bool
	err := s.read(func() (err error) { m, found, err = s.hub.log.Message(ctx, id); return err })
	switch {
	case err != nil:
		return err
	case !found, s.Guest:
		return ErrNotYours
	case !s.Admin && (m.User != s.Name || time.Since(m.Time) > ownFor):
		return ErrNotYours
	}
	// Also where it is forgotten already: whoever has seen to that may not have come as far as Scrub knows of.
	// The log keeps nothing then, but answers behind that.
	s.append(Entry{Kind: Gone, Room: m.Room, User: m.User, Message: id}, done)
	return nil
}

// Scrub returns when no file of the log holds what was taken back before.
func (s *Seat) Scrub(ctx context.Context) error { return s.hub.log.Scrub(ctx) }
