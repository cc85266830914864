package chat

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of a Hub and its Seats.
var (
	ErrNotMember       = errors.New("chat: not a member of the room")
	ErrNoSuchUser      = errors.New("chat: no such user")
	ErrForbidden       = errors.New("chat: not allowed")
	ErrTooManySessions = errors.New("chat: too many sessions of the account")
	ErrNameTaken       = errors.New("chat: a guest of this name is here")
	ErrEnded           = errors.New("chat: the account's sessions were ended meanwhile")
)

// What ErrForbidden may be in particular.
const (
	ErrGuest    = forbidden("chat: not allowed to guests")
	ErrLobby    = forbidden("chat: not allowed with the lobby")
	ErrNotAdmin = forbidden("chat: allowed to admins only")
	ErrNotMaker = forbidden("chat: allowed to the room's maker and admins only")
	ErrNotYours = forbidden("chat: no message that this account may take back")
)

type forbidden string

func (f forbidden) Error() string        { return string(f) }
func (f forbidden) Is(target error) bool { return target == ErrForbidden }

// Member is one session as the rooms see it.
type Member interface {
	// Deliver hands over events as Options.Append made them, one or several. The
	// bytes are shared and must not be changed. It never blocks, and writes nothing.
	Deliver(events []byte)
	// Flush writes what was delivered, as far as it can without blocking, and sees to the
	// rest itself. It is called on any goroutine, at any time, after some Deliver.
	Flush()
	// End asks the session to end and to tell its person the reason. It never
	// blocks, and may come at any time and more than once.
	End(reason string)
}

// EventKind says what an Event tells.
type EventKind uint8

// What members are told.
const (
	MessageEvent EventKind = iota + 1 // User said Text
	CameEvent                         // User came to Room
	WentEvent                         // User went from Room
	HereEvent                         // Count people are in Room
	TopicEvent                        // User made Text the topic of Room
	SeenEvent                         // the reader's account has read Room up to ID
	GoneEvent                         // what User said as ID was taken back
	NoteEvent                         // Text is for people
)

// Event is what members are told. Room is as the reader sees it:
// a conversation is @ and the other's name.
type Event struct {
	Kind  EventKind
	ID    int64
	Time  time.Time // MessageEvent
	Room  string
	User  string
	Count int
	Text  string
}

// Options are the bounds of a Hub, and the form of its events.
type Options struct {
	MaxSessions int           // of an account at once; 0 is no limit
	Limits      Limits        // of rooms
	FixedRooms  bool          // only admins make rooms
	Crowd       int           // where more are present, comings and goings are told as a count
	CrowdEvery  time.Duration // at most one count in this time
	Grace       time.Duration // until a lost connection counts as gone

	FlushEvery time.Duration // a member is written to no more often, but for replies; 0 is at once

	// Told is given how long each message took that was appended here, from then until it was written to those who hear it. Where these are
	// hundreds it is until that began, and some may wait FlushEvery longer. It is called on the tail's goroutine; nil: nobody wants to know.
	Told func(time.Duration)

	// Append appends the bytes of an event that members are given, once for all of them.
	Append func(dst []byte, e *Event) []byte
}

// The bounds that the protocol names.
const (
	DefaultCrowd      = 200
	DefaultCrowdEvery = 2 * time.Second
	DefaultGrace      = 10 * time.Second
)

// Hub holds the rooms and the people. Make one with New; its Tail must get
// every entry of the log that follows the State it was made from.
type Hub struct {
	log  Log
	opts Options

	mu     sync.Mutex
	closed bool
	rooms  map[string]*room
	names  []string           // of all rooms but conversations, sorted
	people map[string]*person // every account, and the guests who are here
	seats  map[string]*Seat   // by session UUID

	// What other nodes say; see elsewhere.go.
	node    string                         // this one's name
	changed func(name string)              // nil: it is alone
	nodes   map[string]map[string]Presence // by node and person, of accounts that are not known yet too
	adrift  map[*person]struct{}           // guests of other nodes, in rooms that are not there yet

	began   time.Time
	touched []*Seat      // told something since mu was locked
	later   []*Seat      // waited for pacer, some still
	pacer   *time.Timer  // runs while later holds somebody
	run     run          // what is being encoded
	counted Stats        // but for what is counted when it is asked for
	coming  atomic.Int32 // messages on their way to the log for a conversation that is not there yet

	crowded sync.Mutex // held while a crowd is flushed; alone

	repliesMu sync.Mutex // after mu
	replies   []*Seat    // answered by the tail, to be flushed by it
}

// person is an account, signed in or not, or a guest who is.
type person struct {
	name    string
	guest   bool
	rooms   map[*room]*membership // joined, conversations too
	invites map[*room]struct{}    // to rooms not joined
	muted   time.Time             // does not speak until then
	seats   []*Seat
	told    int         // sessions that the last SessionsEnded ended, on all nodes
	here    bool        // this node has them present
	present bool        // this node or another has: is in the here list of their rooms
	grace   *time.Timer // runs while the last connection is lost
	ended   int64       // entry that last ended their sessions

	nodes     int // other nodes that have them present
	seatsAway int // sessions on other nodes

	writing sync.Mutex // held while what they write is checked and queued, so that both orders are one; before Hub.mu
	reading sync.Mutex // held during a read of the log; alone
}

// New makes a hub from the state of the log.
func New(log Log, state State, opts Options) *Hub {
	h := &Hub{
		log: log, opts: opts, began: time.Now(),
		rooms:  make(map[string]*room, len(state.Rooms)+1),
		people: make(map[string]*person, len(state.Accounts)),
		seats:  make(map[string]*Seat),
		nodes:  make(map[string]map[string]Presence),
		adrift: make(map[*person]struct{}),
	}
	lobby := h.room(Lobby)
	for _, name := range state.Accounts {
		h.addAccount(lobby, name)
	}
	for i := range state.Rooms {
		h.restore(&state.Rooms[i])
	}
	slices.Sort(h.names)
	for _, at := range state.Positions {
		if m := h.membership(at.Account, at.Room); m != nil {
			m.seen, m.read = at.Seen, at.Read
		}
	}
	for name, until := range state.Muted {
		if p := h.people[name]; p != nil {
			p.muted = until
		}
	}
	return h
}

// Close stops the hub's timers and waits for a flush that is under way. Nothing is told after it.
func (h *Hub) Close() {
	h.stop()
	h.crowded.Lock()
	defer h.crowded.Unlock()
}

func (h *Hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.pacer != nil {
		h.pacer.Stop()
	}
	for _, r := range h.rooms {
		if r.count != nil {
			r.count.Stop()
		}
	}
	for _, p := range h.people {
		if p.grace != nil {
			p.grace.Stop()
		}
	}
}

func (h *Hub) addAccount(lobby *room, name string) *person {
	p := h.people[name]
	if p == nil {
		p = &person{name: name, rooms: make(map[*room]*membership)}
		h.people[name] = p
		lobby.add(p)
		for _, people := range h.nodes {
			is := people[name]
			p.away(&is, 1)
		}
		h.settle(p, "")
	}
	return p
}

// Who is the person that a session signed in.
type Who struct {
	Session string // its UUID
	Name    string // of the account; a guest's begins with ~
	Guest   bool
	Admin   bool
	Version int64 // of the account when its credential was checked
}

// Admit gives a signed-in session its seat: it counts among the account's
// sessions and can be ended, but hears nothing before Enter. Errors:
// ErrTooManySessions, ErrNameTaken, ErrEnded. Sessions and guests of other nodes count.
func (h *Hub) Admit(m Member, who Who) (*Seat, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.people[who.Name]
	switch {
	case who.Guest && p != nil:
		return nil, ErrNameTaken
	case who.Guest:
		p = h.addGuest(who.Name)
	case p == nil || p.ended > who.Version:
		return nil, ErrEnded
	case h.opts.MaxSessions > 0 && len(p.seats)+p.seatsAway >= h.opts.MaxSessions:
		return nil, ErrTooManySessions
	}
	s := &Seat{hub: h, member: m, person: p, Who: who, current: Lobby}
	p.seats = append(p.seats, s)
	h.seats[who.Session] = s
	h.tellNodes(p)
	return s, nil
}

// Ended is how many sessions of this account the last SessionsEnded ended, on all nodes as far as they had told of them.
func (h *Hub) Ended(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.people[name]; p != nil {
		return p.told
	}
	return 0
}

// EndGuest ends the guest's session here, as SessionsEnded does an account's, and says how many there were,
// and how many are on other nodes, where whoever asked has to see to it. Errors: ErrNoSuchUser.
func (h *Hub) EndGuest(name, reason string) (here, elsewhere int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.people[name]
	if p == nil || !p.guest {
		return 0, 0, ErrNoSuchUser
	}
	for _, s := range p.seats {
		s.member.End(reason)
	}
	return len(p.seats), p.seatsAway, nil
}
