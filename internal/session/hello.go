package session

import (
	"context"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/protocol"
)

// hello signs in: by password, by resume token, or as a guest.
func (s *session) hello(ctx context.Context, f []string) error {
	if err := protocol.CheckName(f[0]); err != nil {
		return err
	}
	s.tried = f[0]
	// From the seat on events may come; the answer goes first.
	s.out.hold()
	defer s.out.release()
	if len(f) == 1 {
		return s.svc.counts.signedIn(byGuest, s.helloGuest(f[0]))
	}
	if err := protocol.CheckCharacters(f[1]); err != nil {
		return err
	}
	credential := auth.Secret(f[1])
	if auth.IsToken(credential) {
		return s.svc.counts.signedIn(byToken, s.helloToken(ctx, f[0], credential))
	}
	return s.svc.counts.signedIn(byPassword, s.helloPassword(ctx, f[0], credential))
}

func (s *session) helloPassword(ctx context.Context, name string, password auth.Secret) error {
	account, err := s.svc.auth.SignIn(ctx, name, password, s.peer.From)
	if err != nil {
		return err
	}
	if err := s.sit(account); err != nil {
		return err
	}
	s.passwordAt = time.Now()
	if account.Invited {
		s.enter(invited, byPassword)
		s.ok(s.id, "", "")
		note := protocol.Event{Command: protocol.EventNote, Text: "Choose a password of your own first: PASSWD|new password"}
		s.out.reply(note.Append(nil))
		return nil
	}
	token, err := s.svc.auth.Issue(ctx, account, s.id, chat.Lobby)
	if err != nil {
		return s.stand(err)
	}
	s.enter(active, byPassword)
	s.ok(s.id, string(token), s.seat.Enter(chat.Lobby))
	return nil
}

func (s *session) helloToken(ctx context.Context, name string, token auth.Secret) error {
	live := func(session string) bool { return s.svc.liveAnywhere(ctx, session) }
	resumed, err := s.svc.auth.Resume(ctx, name, token, s.id, live, s.sit)
	if err != nil {
		return s.stand(err)
	}
	s.unconfirmed = true
	s.enter(active, byToken)
	room := s.seat.Enter(resumed.Room)
	s.ok(s.id, string(resumed.Token), room)
	return nil
}

func (s *session) helloGuest(name string) error {
	if !s.svc.opts.Guests {
		return protocol.Errorf(protocol.Denied, "guests are not let in here; HELLO|user|password signs in")
	}
	seat, err := s.svc.hub.Admit(s, chat.Who{Session: s.id, Name: protocol.GuestMark + name, Guest: true})
	if err != nil {
		return err
	}
	s.seat = seat
	s.enter(active, byGuest)
	s.ok(s.id, "", seat.Enter(chat.Lobby))
	return nil
}

// sit takes the account's seat. Resume calls it once the token is known to be good.
func (s *session) sit(account auth.Account) (err error) {
	who := chat.Who{Session: s.id, Name: account.Name, Admin: account.Admin, Version: account.Version}
	s.seat, err = s.svc.hub.Admit(s, who)
	s.version = account.Version
	return err
}

// stand gives the seat back: the sign-in failed after all.
func (s *session) stand(err error) error {
	if s.seat != nil {
		s.seat.Exit(false)
		s.seat = nil
	}
	return err
}

// enter is the one step out of fresh.
func (s *session) enter(next state, by string) {
	s.state = next
	s.armed = time.Time{} // the idle deadline takes the place of the login deadline
	key := s.seat.Name
	if s.seat.Guest {
		key = protocol.GuestMark + auth.Network(s.peer.From).String()
	}
	s.allowance = s.svc.limits.hold(key)
	s.counted = s.lines.Taken()
	s.peer.SignedIn()
	s.log().Info("signed in", "event", "signin.ok", "by", by)
}

// exit ends the session, and the token that it was given.
func (s *session) exit(ctx context.Context, _ []string) error {
	if s.state == active && !s.seat.Guest {
		if err := s.svc.auth.End(ctx, s.id); err != nil {
			s.log().Warn("the session's token could not be ended", "event", "token.unended", "error", err)
		}
	}
	s.depart(false)
	s.over, s.left = true, true
	s.ok("bye")
	return nil
}
