package client

import (
	"context"
	"math"
	"strconv"
	"strings"

	"parley/protocol"
)

// SignedIn is what the server tells at sign-in.
type SignedIn struct {
	Session string // the session's UUID, as the server's log has it
	Token   string // the resume token for the next sign-in; empty for guests and invited accounts
	Room    string // where MSG would speak
}

// Invited tells an account whose first password must be changed before anything else.
func (i SignedIn) Invited() bool { return i.Token == "" && i.Room == "" }

// SignIn sends HELLO with a password or resume token; an empty credential asks to be a guest. Where it tells of an invited account,
// OnEvent is told no NOTE: the server's asks for the new password in terms of the protocol.
func (s *Session) SignIn(ctx context.Context, user, credential string) (SignedIn, error) {
	fields := []string{user, credential}
	if credential == "" {
		fields = fields[:1]
	}
	type answer struct {
		in  SignedIn
		err error
	}
	answers := make(chan answer, 1)
	err := s.Start(ctx, func(r Reply) {
		in, err := parseSignedIn(r)
		s.invited = err == nil && in.Invited()
		answers <- answer{in, err}
	}, "HELLO", fields...)
	if err != nil {
		return SignedIn{}, err
	}
	select {
	case a := <-answers:
		return a.in, a.err
	case <-ctx.Done():
		return SignedIn{}, ctx.Err()
	}
}

func parseSignedIn(r Reply) (SignedIn, error) {
	if r.Err != nil {
		return SignedIn{}, r.Err
	}
	parts := strings.Split(r.Data, "|")
	if len(parts) != 3 {
		return SignedIn{}, &MisbehaviorError{"HELLO is answered by other than three fields"}
	}
	if parts[2] != "" && protocol.CheckName(parts[2]) != nil {
		return SignedIn{}, &MisbehaviorError{"HELLO is answered by a room whose name is none"}
	}
	return SignedIn{Session: parts[0], Token: parts[1], Room: parts[2]}, nil
}

// Send says text to a room or to @user and returns the message's id. With a key it is safe to repeat within 24 h: see [NewKey].
func (s *Session) Send(ctx context.Context, target, key, text string) (int64, error) {
	r, err := s.Do(ctx, "SEND", target, key, text)
	if err != nil {
		return 0, err
	}
	return messageID(r)
}

func messageID(r Reply) (int64, error) {
	id, bad := protocol.ParseID(r.Data)
	if bad != nil || id == 0 {
		return 0, &MisbehaviorError{"a message is answered by other than its id"}
	}
	return id, nil
}

// Newest asks HISTORY for the newest limit messages of a room or conversation, oldest first; limit is 1 to [protocol.MaxLimit].
func (s *Session) Newest(ctx context.Context, room string, limit int) ([]protocol.Event, error) {
	page, _, err := s.Before(ctx, room, maxID, limit)
	return page, err
}

// Before asks HISTORY for the newest limit messages before an id, oldest first. start: there are none before these.
func (s *Session) Before(ctx context.Context, room string, id int64, limit int) (page []protocol.Event, start bool, err error) {
	r, err := s.Do(ctx, "HISTORY", room, "before", strconv.FormatInt(id, 10), strconv.Itoa(limit))
	return r.Events, r.Count < limit, err
}

const maxID = math.MaxInt64

// Find asks for the newest 50 messages of a room that hold all words, oldest first.
func (s *Session) Find(ctx context.Context, room, words string) ([]protocol.Event, error) {
	r, err := s.Do(ctx, "FIND", room, words)
	return r.Events, err
}

// Who lists who is in a room, sorted.
func (s *Session) Who(ctx context.Context, room string) ([]string, error) {
	var all []string
	err := s.pages(ctx, "WHO", []string{room}, func(user string) (string, error) {
		all = append(all, user)
		return user, nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Room is a field of LIST: a room or @user conversation, the id of its newest message, up to which one the account has read, and how
// many that others said came after that.
type Room struct {
	Name         string
	LastID, Seen int64
	Unread       int
}

// List lists the account's rooms and conversations, sorted.
func (s *Session) List(ctx context.Context) ([]Room, error) {
	var all []Room
	err := s.pages(ctx, "LIST", nil, func(field string) (string, error) {
		room, err := parseRoom(field)
		all = append(all, room)
		return room.Name, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func parseRoom(field string) (Room, error) {
	parts := strings.Split(field, ":")
	if len(parts) == 2 { // a server from before there were positions
		parts = append(parts, parts[1], "0")
	}
	numbers, ok := numbered(parts, 3)
	if !ok {
		return Room{}, &MisbehaviorError{"LIST has a field that is not room:last-id:seen-id:unread"}
	}
	return Room{Name: parts[0], LastID: numbers[0], Seen: numbers[1], Unread: int(numbers[2])}, nil
}

// Joinable is a field of LIST|*: a room that the account could join, and how many have.
type Joinable struct {
	Name    string
	Members int
}

// Joinable lists the rooms that the account has not joined and could: open ones, and those it is invited to. Sorted.
func (s *Session) Joinable(ctx context.Context) ([]Joinable, error) {
	var all []Joinable
	err := s.pages(ctx, "LIST", []string{"*"}, func(field string) (string, error) {
		parts := strings.Split(field, ":")
		numbers, ok := numbered(parts, 1)
		if !ok {
			return "", &MisbehaviorError{"LIST has a field that is not room:members"}
		}
		all = append(all, Joinable{Name: parts[0], Members: int(numbers[0])})
		return parts[0], nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// numbered reads the first numbers behind a name; a later server may tell more.
func numbered(parts []string, count int) (numbers []int64, ok bool) {
	if len(parts) <= count {
		return nil, false
	}
	for _, part := range parts[1 : count+1] {
		n, bad := protocol.ParseID(part)
		if bad != nil {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

// maxListed bounds lists that come in pages: far more than an account may have, or a room holds.
const maxListed = 50_000

// pages asks a listing command page by page. each is told every field, on the session's reading goroutine, and returns the
// name that it is sorted by.
func (s *Session) pages(ctx context.Context, command string, fields []string, each func(field string) (name string, err error)) error {
	count := 0
	for after := ""; ; {
		ask := fields
		if after != "" {
			ask = append(fields[:len(fields):len(fields)], after)
		}
		more, result := false, make(chan error, 1)
		err := s.Start(ctx, func(r Reply) {
			listed, err := strings.Split(r.Data, "|"), r.Err
			if r.Data == "" {
				listed = nil
			}
			if more = len(listed) > 1 && listed[len(listed)-1] == "+"; more {
				listed = listed[:len(listed)-1]
			}
			if count += len(listed); count > maxListed && err == nil {
				err = &MisbehaviorError{"a list without end"}
			}
			for _, field := range listed {
				if err == nil {
					after, err = each(field)
				}
			}
			result <- err
		}, command, ask...)
		if err != nil {
			return err
		}
		select {
		case err = <-result:
		case <-ctx.Done():
			return ctx.Err() // and nothing that each touches is looked at any more
		}
		if err != nil || !more {
			return err
		}
	}
}
