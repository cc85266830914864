// Package historytest judges what clients did and saw, against what nodes say afterwards
// that was said. It knows nothing of sockets or processes: who runs the test writes a History, and Check
// says what in it must not be.
//
//   - history.go: what is written down
//   - check.go: the nodes' histories, and what was sent
//   - session.go: what each session saw
package historytest

// Message is one that was said, as the wire shows it. Times compare as text.
type Message struct {
	ID                     int64
	Time, Room, User, Text string
}

// Send is what a client wished to say, once or, since it had no answer, again with the same key.
// No two of a History have the same user and text, nor the same user, room and key.
type Send struct {
	User, Room, Key, Text string

	// Began and Acknowledged are moments of one clock that never shows the same twice, for all of
	// a History: before the first attempt was sent, and after the first OK came. 0: no OK came.
	Began, Acknowledged int64

	// IDs is what each OK said; several where the client repeated what was acknowledged.
	// Empty: the message may be there or not.
	IDs []int64
}

// Kind is how a client came to know of a message.
type Kind int

const (
	Live  Kind = iota // an event by itself
	Page              // in the answer to HISTORY
	Acked             // the client's own: the OK, of which only ID and Room are known, to a message that was sent once
)

// Seen is one thing that a session saw.
type Seen struct {
	Kind Kind
	Message
}

// Session is one connection of a client, from its HELLO on. It is a member of all rooms of the History.
// Right after HELLO it asks, page by page, for what came after the id that the client knows of.
type Session struct {
	Client, User, Node string

	From  int64  // what it asked for is above this id
	Whole bool   // the last page came: nothing is missing from From on
	Seen  []Seen // in the order of arrival
}

// History is a whole test. Sessions of one client stand in their order.
type History struct {
	Sends    []Send
	Sessions []Session
	Nodes    map[string][]Message // what each node shows at the end, in its order
}
