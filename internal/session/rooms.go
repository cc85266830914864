package session

import (
	"context"
	"time"

	"parley/protocol"
)

// lockWord asks JOIN for a room that is locked from the start.
const lockWord = "locked"

func (s *session) lock(_ context.Context, f []string) error { return s.setLock(f[0], true) }
func (s *session) open(_ context.Context, f []string) error { return s.setLock(f[0], false) }

func (s *session) setLock(room string, lock bool) error {
	if err := protocol.CheckName(room); err != nil {
		return err
	}
	if err := s.wait(func(done func(error)) error { return s.seat.Lock(room, lock, done) }); err != nil {
		return err
	}
	s.ok(room)
	return nil
}

func (s *session) invite(_ context.Context, f []string) error {
	return s.roomAndUser(f, s.seat.Invite)
}

func (s *session) expel(_ context.Context, f []string) error {
	return s.roomAndUser(f, s.seat.Expel)
}

func (s *session) roomAndUser(f []string, do func(room, user string, done func(error)) error) error {
	room, user := f[0], f[1]
	if err := protocol.CheckName(room); err != nil {
		return err
	}
	if err := protocol.CheckShownName(user); err != nil {
		return err
	}
	if err := s.wait(func(done func(error)) error { return do(room, user, done) }); err != nil {
		return err
	}
	s.ok("")
	return nil
}

func (s *session) topic(_ context.Context, f []string) error {
	room := f[0]
	if err := protocol.CheckName(room); err != nil {
		return err
	}
	if len(f) == 1 {
		topic, err := s.seat.Topic(room)
		if err != nil {
			return err
		}
		s.ok(topic)
		return nil
	}
	text := f[1]
	if most := s.svc.opts.MaxTopic; most > 0 && len(text) > most {
		return protocol.Errorf(protocol.TooLong, "a topic has at most %d bytes, this one %d", most, len(text))
	}
	if text != "" {
		if err := protocol.CheckText(text); err != nil {
			return err
		}
	}
	if err := s.wait(func(done func(error)) error { return s.seat.SetTopic(room, text, done) }); err != nil {
		return err
	}
	s.ok("")
	return nil
}

func (s *session) mute(_ context.Context, f []string) error {
	user := f[0]
	if err := protocol.CheckShownName(user); err != nil {
		return err
	}
	long, bad := protocol.ParseMinutes(f[1])
	if bad != nil {
		return bad
	}
	until := time.Now().UTC().Truncate(time.Millisecond).Add(long)
	if err := s.wait(func(done func(error)) error { return s.seat.Mute(user, until, done) }); err != nil {
		return err
	}
	s.log().Info("muted", "event", "user.muted", "whom", user, "minutes", f[1])
	s.ok("")
	return nil
}
