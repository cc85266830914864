package chat

import (
	"context"
	"errors"
	"time"
)

// Kind says what an Entry records.
type Kind uint8

// The kinds of entries that rooms care about.
const (
	Said           Kind = iota + 1 // Account said Text in Room
	Joined                         // Account joined Room; Session's current room is now Room
	Left                           // Account left Room, or has declined the invitation to it
	AccountAdded                   // Account exists from here on
	AccountRemoved                 // Account, its memberships and sessions are gone
	SessionsEnded                  // Account's sessions older than this entry end, but Session; Text is the reason
	FamilyEnded                    // the sessions in Sessions end; Text is the reason
	Locked                         // Account locked Room: only who is invited may join
	Opened                         // Account opened Room to all again
	Invited                        // Account invited User to Room
	Expelled                       // Account ended User's membership of Room, or the invitation to it
	TopicSet                       // Account made Text the topic of Room
	Seen                           // Account has read Room up to Message; Unread is what others said after it
	Gone                           // Account took back what User said in Room: the text of Message is no more
	Muted                          // Account keeps User from speaking until Until; not any more where that is past
	Expired                        // the log has dropped Dropped of Room, and all before them, as too old to be kept
)

// Entry is one thing that happened, as the log keeps and orders it.
type Entry struct {
	ID   int64     // given by the log; only grows, over all kinds
	Time time.Time // given by the log; UTC, whole milliseconds, never going back
	Kind Kind

	Account  string // who did it, or whom it happened to; a guest's begins with ~
	Session  string // UUID of the session it came from, or that is spared
	Room     string // a room's name, or Conversation(a, b)
	Key      string // Said: makes a repeat answer the first id for 24 h; "" is no key
	KeyOwner string // Said: whose keys are compared; the account, or a guest's session
	Text     string
	Sessions []string // FamilyEnded: session UUIDs

	User    string    // Invited, Expelled, Muted: whom it happened to; Gone: who had said it
	Message int64     // Seen, Gone: a message's id. Joined: how far the account had read, given by the log
	Unread  int       // Seen, Joined: given by the log
	Until   time.Time // Muted
	Lock    bool      // Joined: the room is new, and locked from the start
	Recheck bool      // what an account must be a member for, and may be muted for or not the maker any more; see Log.Append
	Limits  Limits    // of the rooms, for the log to hold
	Dropped []Message // Expired: those that were not taken back, without their texts, in the order of ids
}

// Limits are bounds that only the log can hold, since it orders what would break them. 0 is no limit.
type Limits struct {
	Rooms   int // Joined: of the account; ErrTooManyRooms
	Total   int // Joined: in all, where the room is new; ErrTooManyRooms
	Members int // Joined: of the room; ErrRoomFull
	Invites int // Invited: that User has and has not followed; ErrTooManyInvites
}

// Errors that a Log answers an Append with.
var (
	// ErrUnavailable: the log can't be written now (queue full, disk full);
	// nothing was kept, and trying again later is right.
	ErrUnavailable  = errors.New("chat: the log cannot be written now")
	ErrTooManyRooms = errors.New("chat: too many rooms")
	// ErrRoomFull: as many have joined as may.
	ErrRoomFull = errors.New("chat: the room is full")
	// ErrTooManyInvites: somebody has as many invitations as they may.
	ErrTooManyInvites = errors.New("chat: too many invitations")
	// ErrRoomExists: a new room was asked for, and there is one of that name.
	ErrRoomExists = errors.New("chat: there is such a room, and it is not locked")
)

// Outcome is a write that the log has dealt with: durable, or refused.
type Outcome struct {
	Entry Entry // the first one's where a key repeats it
	Err   error // nothing was kept, and nobody hears of it
	News  bool  // the rooms are told; not so of repeats and of what changes no room
	Done  func(Entry, error)
	Since time.Time // when it was appended here; zero where another node did, or where the log does not say
}

// Message is one thing that was said, as it is read back.
type Message struct {
	ID   int64
	Time time.Time
	Room string
	User string
	Text string // "" where it was taken back; nobody can say nothing
}

// Range asks for part of a room's history: the oldest Limit messages with an
// id above After and below Before.
type Range struct {
	After, Before int64
	Limit         int // 1 to 500
}

// Log orders and keeps everything. What it has not kept, nobody sees.
type Log interface {
	// Append queues e and returns at once. When e is durable the log hands its Outcome to
	// the tail (the function that it was started with), which tells the rooms and then calls done;
	// all on the log's tail goroutine, in the order of ids, as many at once as became
	// durable together. A Said whose key repeats an earlier one is no news: done gets the first entry's ID.
	// On an error nothing was kept and done gets the error, in its place in the order; after ErrUnavailable a log that is out of
	// reach may have kept it all the same. Where others append to the log as well, it looks again, in its order, at what
	// Recheck says was checked before: ErrNotMember, ErrNotMaker, a *MutedError. done must not block;
	// that of a Said may be called under the hub's lock, and so never calls the hub.
	Append(e Entry, done func(Entry, error))

	// History returns the messages of a room in r, oldest first.
	History(ctx context.Context, room string, r Range) ([]Message, error)
	// Newest returns the id of the first of the newest n (1 to 500) messages of a
	// room with an id below before; 0 where there is none.
	Newest(ctx context.Context, room string, before int64, n int) (int64, error)
	// Find returns the newest limit messages of a room that hold all words,
	// oldest first. Words are literal; letter case is ignored.
	Find(ctx context.Context, room string, words []string, limit int) ([]Message, error)
	// Message returns the message with this id; found is false where there is none.
	Message(ctx context.Context, id int64) (m Message, found bool, err error)
	// Scrub returns when no file of the log holds a byte of any text for which a Gone was done before.
	Scrub(ctx context.Context) error
}

// State is what the hub starts from: the rooms and accounts as of one entry,
// after which the tail goes on.
type State struct {
	Accounts  []string // existing ones, not removed
	Rooms     []RoomState
	Positions []Position // of members; an account without one has read nothing, and said nothing, there
	Muted     map[string]time.Time
}

// RoomState is one room or conversation of a State.
type RoomState struct {
	Name    string
	LastID  int64    // id of the last message, 0 where nothing was said
	Said    int      // messages that were not taken back
	Members []string // accounts that joined; nil for the lobby, where all are
	Maker   string   // who may lock it; "" where nobody but admins may
	Topic   string
	Locked  bool
	Invited []string // accounts that are, and have not joined
}

// Position is how far an account has read a room.
type Position struct {
	Account, Room string
	Seen          int64 // up to this id
	Read          int   // messages of RoomState.Said that are not unread to it: up to Seen, or its own
}

// Lobby is the room that every account is in.
const Lobby = "lobby"

// Conversation is the log's name for the conversation between two accounts,
// the same from both sides; a and b may be equal. No room can have this name.
func Conversation(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return "@" + a + "@" + b
}
