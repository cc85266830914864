package session

import (
	"errors"
	"sync"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/protocol"
)

// refusals is the one place where Go errors become codes. What is not listed
// is the server's own fault: Internal, with the cause in the log alone.
var refusals = []struct {
	err  error
	told *protocol.Error
}{
	{chat.ErrNotMember, protocol.Errorf(protocol.NotMember, "you have not joined such a room; JOIN|room joins one")},
	{chat.ErrNoSuchUser, protocol.Errorf(protocol.NoSuchUser, "there is no such user")},
	{chat.ErrGuest, protocol.Errorf(protocol.Forbidden, "guests may not do this; it needs an account")},
	{chat.ErrLobby, protocol.Errorf(protocol.Forbidden, "everybody is in the lobby, and stays there; it cannot be locked")},
	{chat.ErrNotAdmin, protocol.Errorf(protocol.Forbidden, "only admins may do this")},
	{chat.ErrNotMaker, protocol.Errorf(protocol.Forbidden, "only who made the room, or an admin, may do this")},
	{chat.ErrNotYours, protocol.Errorf(protocol.Forbidden, "you may take back your own messages, for a day after you said them")},
	{chat.ErrTooManyRooms, protocol.Errorf(protocol.Forbidden, "there are too many rooms; LEAVE one first")},
	{chat.ErrRoomFull, protocol.Errorf(protocol.Forbidden, "the room is full")},
	{chat.ErrRoomExists, protocol.Errorf(protocol.Forbidden, "there is such a room, and it is open; JOIN|room joins it, and its maker may LOCK it")},
	{chat.ErrTooManyInvites, protocol.Errorf(protocol.Forbidden, "this user has too many invitations; ask them to follow or LEAVE some")},
	{chat.ErrTooManySessions, protocol.Wait(protocol.Busy, time.Minute, "too many sessions of this account; end one")},
	{chat.ErrUnavailable, protocol.Wait(protocol.Busy, time.Second, "nothing can be written now; try again")},
	{chat.ErrNameTaken, protocol.Errorf(protocol.Denied, "a guest of this name is here; take another")},
	{chat.ErrEnded, denied},
	{auth.ErrDenied, denied},
	{auth.ErrChanged, protocol.Errorf(protocol.Forbidden, "the account changed meanwhile; sign in by password anew")},
	{auth.ErrBusy, protocol.Wait(protocol.Busy, 2*time.Second, "too many sign-ins at once; try again")},
	{auth.ErrNotFound, protocol.Errorf(protocol.NoSuchUser, "there is no such user")},
}

// denied is the one answer to every sign-in that fails.
var denied = protocol.Errorf(protocol.Denied, "the name or the password is wrong")

// refusal turns err into what the peer is told.
func refusal(err error) *protocol.Error {
	var (
		told      *protocol.Error
		throttled *auth.ThrottledError
		weak      *auth.WeakError
		muted     *chat.MutedError
	)
	switch {
	case errors.As(err, &told):
		return told
	case errors.As(err, &throttled):
		return protocol.Wait(protocol.Throttled, throttled.Wait, "too many failed sign-ins; try again then")
	case errors.As(err, &weak):
		return protocol.Errorf(protocol.WeakPassword, "%s", weak.Why)
	case errors.As(err, &muted):
		return protocol.Errorf(protocol.Forbidden, "you are muted until %s: you can read, but not speak", chat.MuteTime(muted.Until))
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.told
		}
	}
	return protocol.Errorf(protocol.Internal, "the server failed at this; its log says why under your session's id")
}

// eventNames are the commands of chat's events on the wire.
var eventNames = map[chat.EventKind]string{
	chat.MessageEvent: protocol.EventMsg,
	chat.CameEvent:    protocol.EventJoin,
	chat.WentEvent:    protocol.EventLeave,
	chat.HereEvent:    protocol.EventHere,
	chat.TopicEvent:   protocol.EventTopic,
	chat.SeenEvent:    protocol.EventSeen,
	chat.GoneEvent:    protocol.EventGone,
	chat.NoteEvent:    protocol.EventNote,
}

// events are for Append, which would else make one each time.
var events = sync.Pool{New: func() any { return new(protocol.Event) }}

// Append is chat.Options.Append for the line protocol.
func Append(dst []byte, e *chat.Event) []byte {
	line := events.Get().(*protocol.Event)
	*line = protocol.Event{
		Command: eventNames[e.Kind], Room: e.Room, User: e.User, Count: e.Count,
		ID: e.ID, Time: e.Time, Text: e.Text,
	}
	dst = line.Append(dst)
	*line = protocol.Event{}
	events.Put(line)
	return dst
}

// bye is the server's last word to a session, and how the session ends by it.
type bye struct {
	code, text string
	rest       bool // work off what was read already
	drop       bool // forget what waits in the outbox
	gone       bool // the person is meant to be gone: no grace
}

func (b bye) line() []byte {
	e := protocol.Event{Command: protocol.EventBye, Code: b.code, Text: b.text}
	return e.Append(nil)
}
