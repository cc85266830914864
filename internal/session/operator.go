package session

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/protocol"
)

// Info is a session as operators see it.
type Info struct {
	ID      string // UUID
	User    string // "" before the sign-in; a guest's begins with ~
	From    netip.Addr
	Front   string
	Since   time.Time     // when it was accepted
	Idle    time.Duration // since its last line
	Waiting int           // bytes that its peer has not taken
}

// List lists the sessions under way on this node, oldest first.
func (s *Service) List() []Info {
	signed := s.hub.Signed()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Info, 0, len(s.sessions))
	for _, one := range s.sessions {
		if one.departed {
			continue
		}
		list = append(list, Info{
			ID: one.id, User: signed[one.id], From: one.peer.From, Front: one.peer.Front, Since: one.since,
			Idle: one.idle(), Waiting: one.out.bytes(),
		})
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return list
}

func (s *session) idle() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.since) - s.waits
}

// EndSession ends one session, on whatever node, and the token it was given; it says whether it was there. One that has not signed in
// has neither. Errors: chat.ErrUnavailable where not all nodes could be asked.
func (s *Service) EndSession(ctx context.Context, id, reason string) (bool, error) {
	if err := s.auth.End(ctx, id); err != nil {
		return false, err
	}
	if s.hub.EndSession(id, reason) || s.cutStranger(id, reason) {
		return true, nil
	}
	e := s.elsewhere.Load()
	if e == nil {
		return false, nil
	}
	n, err := e.EndSession(ctx, id, reason)
	if err != nil && n == 0 {
		return false, fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	return n > 0, nil
}

// cutStranger ends a session here that nobody has signed in to.
func (s *Service) cutStranger(id, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[id]
	if one == nil || one.departed {
		return false
	}
	one.End(reason)
	return true
}

// EndAll ends all sessions and tokens of an account, or a guest's session, on all nodes, and says how many sessions there were.
// Errors: those of auth.Service.EndSessions; chat.ErrNoSuchUser, chat.ErrUnavailable.
func (s *Service) EndAll(ctx context.Context, user, reason string) (int, error) {
	if strings.HasPrefix(user, protocol.GuestMark) {
		return s.endGuest(ctx, user, reason)
	}
	if err := s.auth.EndSessions(ctx, user, reason); err != nil {
		return 0, err
	}
	return s.hub.Ended(user), nil
}

// Note tells all who are in the room, or everybody where room is "", something in words, on all nodes. It says how many sessions were
// told, also with an error: then not all nodes have answered. Errors: chat.ErrNotMember where there is no such room; chat.ErrUnavailable.
func (s *Service) Note(ctx context.Context, room, text string) (int, error) {
	here, err := s.hub.Note(room, text)
	e := s.elsewhere.Load()
	if err != nil || e == nil {
		return here, err
	}
	away, err := e.Note(ctx, room, text)
	if err != nil {
		err = fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	return here + away, err
}
