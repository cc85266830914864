package session

import (
	"context"
	"strconv"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/protocol"
)

func (s *session) passwd(ctx context.Context, f []string) error {
	if s.passwordAt.IsZero() || time.Since(s.passwordAt) > freshLogin {
		return protocol.Errorf(protocol.Forbidden, "sign in by password anew; within %d minutes of that it can be changed", int(freshLogin.Minutes()))
	}
	if err := protocol.CheckCharacters(f[0]); err != nil {
		return err
	}
	version, err := s.svc.auth.ChangePassword(ctx, s.seat.Name, auth.Secret(f[0]), s.id, s.version)
	if err != nil {
		return err
	}
	s.version = version
	s.log().Info("password changed", "event", "password.changed")
	s.ok("")
	if s.state == invited {
		s.state = active
		s.seat.Enter(chat.Lobby)
	}
	return nil
}

func (s *session) eject(ctx context.Context, f []string) error {
	user, reason := f[0], f[1]
	if !s.seat.Admin {
		return chat.ErrNotAdmin
	}
	if err := protocol.CheckShownName(user); err != nil {
		return err
	}
	if reason != "" {
		if err := protocol.CheckText(reason); err != nil {
			return err
		}
	}
	count, err := s.svc.EndAll(ctx, user, reason)
	if err != nil {
		return err
	}
	s.log().Info("ejected", "event", "user.ejected", "whom", user, "sessions", count)
	s.ok(strconv.Itoa(count))
	return nil
}
