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
	Left                           // Account left Room
	AccountAdded                   // Account exists from here on
	AccountRemoved                 // Account, its memberships and sessions are gone
	SessionsEnded                  // Account's sessions older than this entry end, but Session; Text is the reason
	FamilyEnded                    // the sessions in Sessions end; Text is the reason
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
	MaxRooms int      // Joined: refuse with ErrTooManyRooms beyond this many rooms of the account; 0 is no limit
	MaxTotal int      // Joined: the same for rooms in all, where the room is new
}

// Errors that a Log answers an Append with.
var (
	// ErrUnavailable: the log can't be written now (queue full, disk full);
	// nothing was kept, and trying again later is right.
	ErrUnavailable  = errors.New("chat: the log cannot be written now")
	ErrTooManyRooms = errors.New("chat: too many rooms")
)

// Outcome is a write that the log has dealt with: durable, or refused.
type Outcome struct {
	Entry Entry // the first one's where a key repeats it
	Err   error // nothing was kept, and nobody hears of it
	News  bool  // the rooms are told; not so of repeats and of what changes no room
	Done  func(Entry, error)
}

// Message is one thing that was said, as it is read back.
type Message struct {
	ID   int64
	Time time.Time
	Room string
	User string
	Text string
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
	// On an error nothing was kept and done gets the error, in its place in the order. done must not block;
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
}

// State is what the hub starts from: the rooms and accounts as of one entry,
// after which the tail goes on.
type State struct {
	Accounts []string // existing ones, not removed
	Rooms    []RoomState
}

// RoomState is one room or conversation of a State.
type RoomState struct {
	Name    string
	LastID  int64    // id of the last message, 0 where nothing was said
	Members []string // accounts that joined; nil for the lobby, where all are
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
