package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/protocol"
)

// Session is a live session.
type Session struct {
	ID      string    `json:"session"`
	User    string    `json:"user,omitempty"` // empty before the sign-in
	Address string    `json:"address"`
	Front   string    `json:"front"` // by which it came: line or web
	Since   time.Time `json:"since"`
	Idle    float64   `json:"idle_seconds"`
	Waiting int       `json:"waiting_bytes"` // that its peer has not taken
}

// Room is a room in numbers.
type Room struct {
	Name     string `json:"room"`
	Maker    string `json:"maker,omitempty"`
	Locked   bool   `json:"locked"`
	Members  int    `json:"members"`
	Present  int    `json:"present"`
	Messages int    `json:"messages"`
}

// Mute is an account that does not speak until then.
type Mute struct {
	User  string    `json:"user"`
	Until time.Time `json:"until"`
}

// live is an operation that needs a running server.
func live(run operation) operation {
	return func(ctx context.Context, h House, r Request) (Response, error) {
		if h.Sessions == nil {
			return Response{}, ErrNoServer
		}
		return run(ctx, h, r)
	}
}

func listSessions(_ context.Context, h House, r Request) (Response, error) {
	var out Response
	for _, s := range h.Sessions.List() {
		if r.Name != "" && r.Name != s.User {
			continue
		}
		out.Sessions = append(out.Sessions, Session{
			s.ID, s.User, s.From.String(), s.Front, s.Since.UTC().Truncate(time.Millisecond), s.Idle.Round(time.Millisecond).Seconds(), s.Waiting,
		})
	}
	return out, nil
}

func endSessions(ctx context.Context, h House, r Request) (out Response, err error) {
	if r.Text != "" {
		if err := checkText("the reason", r.Text); err != nil {
			return out, err
		}
	}
	switch {
	case (r.Session == "") == (r.Name == ""):
		return out, errors.New("name a session by its UUID, or an account whose sessions are all to end")
	case r.Name != "":
		out.Count, err = h.Sessions.EndAll(ctx, r.Name, r.Text)
		return out, err
	}
	found, err := h.Sessions.EndSession(ctx, r.Session, r.Text)
	if err == nil && !found {
		err = fmt.Errorf("there is no session %q", r.Session)
	}
	if found {
		out.Count = 1
	}
	return out, err
}

// maxMute is as long as MUTE allows.
const maxMute = 366 * 24 * time.Hour

func mute(ctx context.Context, h House, r Request) (Response, error) {
	if strings.HasPrefix(r.Name, protocol.GuestMark) {
		return Response{}, errors.New("guests can't be muted: their names are anybody's; session end ends one's session")
	}
	if time.Until(r.Until) > maxMute {
		return Response{}, errors.New("nobody is muted for longer than a year; parleyd user disable keeps an account out")
	}
	return Response{}, h.Hub.MuteUntil(ctx, r.Name, r.Until.UTC().Truncate(time.Millisecond))
}

func listMutes(_ context.Context, h House, _ Request) (out Response, err error) {
	for _, m := range h.Hub.Mutes() {
		out.Muted = append(out.Muted, Mute(m))
	}
	return out, nil
}

func listRooms(_ context.Context, h House, _ Request) (out Response, err error) {
	for _, c := range h.Hub.Census() {
		out.Rooms = append(out.Rooms, Room{c.Room, c.Maker, c.Locked, c.Members, c.Present, c.Messages})
	}
	return out, nil
}

func lockRoom(lock bool) operation {
	return live(func(ctx context.Context, h House, r Request) (Response, error) {
		return Response{}, h.Hub.LockRoom(ctx, r.Room, lock)
	})
}

func closeRoom(ctx context.Context, h House, r Request) (out Response, err error) {
	out.Count, err = h.Hub.CloseRoom(ctx, r.Room)
	return out, err
}

func expel(ctx context.Context, h House, r Request) (Response, error) {
	return Response{}, h.Hub.ExpelFrom(ctx, r.Room, r.Name)
}

func broadcast(ctx context.Context, h House, r Request) (out Response, err error) {
	if err := checkText("the text", r.Text); err != nil {
		return out, err
	}
	out.Count, err = h.Sessions.Note(ctx, r.Room, r.Text)
	return out, err
}

// checkText holds an operator to what a person's text may be.
func checkText(what, text string) error {
	if bad := protocol.CheckText(text); bad != nil {
		return fmt.Errorf("%s is refused: %s", what, bad.Text)
	}
	return nil
}
