package session

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"parley/internal/chat"
	"parley/protocol"
)

func (s *session) msg(_ context.Context, f []string) error {
	if err := protocol.CheckText(f[0]); err != nil {
		return err
	}
	return s.say("", "", f[0])
}

func (s *session) send(_ context.Context, f []string) error {
	target, key, text := f[0], f[1], f[2]
	if _, err := protocol.ParseTarget(target); err != nil {
		return err
	}
	if err := protocol.CheckKey(key); err != nil {
		return err
	}
	if err := protocol.CheckText(text); err != nil {
		return err
	}
	return s.say(target, key, text)
}

// say sends text on its way. The reply is given by the log's tail, before any later message.
func (s *session) say(target, key, text string) error {
	s.begin()
	err := s.seat.Say(target, key, text, func(id int64, err error) {
		defer s.done()
		if err != nil {
			s.failed("say", err)
			return
		}
		reply := append(make([]byte, 0, 24), "OK|"...)
		s.out.reply(append(strconv.AppendInt(reply, id, 10), '\n'))
	})
	if err != nil {
		s.done()
	}
	return err
}

// failed answers an error that the log's tail tells of. Such an error is never
// the peer's fault, so no budget is spent.
func (s *session) failed(what string, err error) {
	told := refusal(err)
	s.svc.counts.refuse(told.Code)
	s.out.reply(protocol.Append(nil, protocol.ReplyError, string(told.Code), told.Text))
	s.logError(what, told, err)
}

func (s *session) join(_ context.Context, f []string) error {
	room, lock := f[0], len(f) == 2
	if err := protocol.CheckName(room); err != nil {
		return err
	}
	if lock && f[1] != lockWord {
		return protocol.Errorf(protocol.BadData, "the second field is %s, or not there", lockWord)
	}
	return s.wait(func(done func(error)) error {
		return s.seat.Join(room, lock, func(members int, last int64, err error) {
			if err == nil {
				s.ok(room, strconv.Itoa(members), strconv.FormatInt(last, 10))
			}
			done(err)
		})
	})
}

func (s *session) leave(_ context.Context, f []string) error {
	room := f[0]
	if err := protocol.CheckName(room); err != nil {
		return err
	}
	return s.wait(func(done func(error)) error {
		return s.seat.Leave(room, func(err error) {
			if err == nil {
				s.ok(room)
			}
			done(err)
		})
	})
}

// scrubTime bounds the wait for the bytes of a message that was taken back to be gone.
const scrubTime = 10 * time.Second

func (s *session) takeBack(ctx context.Context, f []string) error {
	id, bad := protocol.ParseID(f[0])
	if bad != nil {
		return bad
	}
	if err := s.wait(func(done func(error)) error { return s.seat.TakeBack(ctx, id, done) }); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, scrubTime)
	defer cancel()
	if err := s.seat.Scrub(ctx); err != nil {
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, err) // repeated, it goes on from here
	}
	s.log().Info("message taken back", "event", "message.deleted", "id", id)
	s.ok(strconv.FormatInt(id, 10))
	return nil
}

// wait runs what the log answers later, and waits for that answer.
func (s *session) wait(start func(done func(error)) error) error {
	var result error
	s.begin()
	if err := start(func(err error) { result = err; s.done() }); err != nil {
		s.done()
		return err
	}
	s.settle()
	return result
}

func (s *session) ping(_ context.Context, f []string) error {
	if err := protocol.CheckCharacters(f[0]); err != nil {
		return err
	}
	s.ok(f[0])
	return nil
}

func (s *session) help(context.Context, []string) error {
	s.ok(names...)
	return nil
}
