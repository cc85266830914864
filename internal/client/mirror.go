package client

import (
	"maps"
	"slices"
	"strings"
	"time"

	"parley/protocol"
)

// Mirror is what one account's person may look at: rooms and conversations with what is unread there, the messages that were
// loaded, what is on its way, who is here, and how the connection is. It knows no screen, no clock and no network: what happens is
// handed to it, and it tells what should be asked of the server. It is for a Client that follows all rooms; with Config.Unread, Config.Whole
// must be set. Answers may come earlier or later than events that were sent about when the server gave them. One goroutine owns it, and
// all [Timeline]s that it hands out.
type Mirror struct {
	Connection Connection

	self     string
	keep     int
	rooms    map[string]*Timeline
	attended string // the room that the person looks at, "" while at none
	browsing bool   // the person has scrolled up in the open room
	open     string // the room on the screen
	stale    bool   // LIST would tell something that is not known here
	listing  bool   // LIST is on its way
	asks     int    // how often it was asked
}

// Connection is how the connection is.
type Connection struct {
	Online   bool
	Fetching bool      // not Online: there is a connection, and what was missed is being fetched
	Since    time.Time // not Online: since when
	Retry    time.Time // not Online: when the next try is
	Err      error     // not Online: why
	Missed   int       // Online: what was said while there was none
	Held     error     // Online: why the server can't keep messages now, while one waits for it
}

// Of a room that is not on the screen, keepClosed messages are kept; of one where somebody has scrolled away from the newest, keepScrolled times
// as many as else.
const (
	keepClosed   = 200
	keepScrolled = 4
)

// NewMirror mirrors the account that others see as self. Of a room at most keep messages are kept where nobody scrolls, of those that are not
// on the screen fewer.
func NewMirror(self string, keep int) *Mirror {
	return &Mirror{self: self, keep: keep, rooms: map[string]*Timeline{}}
}

// Rooms are the names of all rooms, sorted, and behind them of all conversations.
func (m *Mirror) Rooms() []string {
	return slices.SortedFunc(maps.Keys(m.rooms), func(a, b string) int {
		if aside, bside := strings.HasPrefix(a, "@"), strings.HasPrefix(b, "@"); aside != bside {
			if aside {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
}

// Room is the room or conversation of this name, nil where it is not known.
func (m *Mirror) Room(name string) *Timeline { return m.rooms[name] }

// Self is the account's name as others see it.
func (m *Mirror) Self() string { return m.self }

// Open notes which room is on the screen. Where it is not known yet, it is from now on.
func (m *Mirror) Open(name string) *Timeline {
	t, old := m.ensure(name), m.rooms[m.open]
	if name == m.open {
		return t
	}
	m.open, m.attended, m.browsing = name, "", false
	m.bound(t)
	if old != nil {
		if old.Unread() == 0 {
			old.Mark = 0
		}
		m.mark(old)
		m.bound(old)
	}
	return t
}

// bound sets how many messages of a room are kept.
func (m *Mirror) bound(t *Timeline) {
	switch t.Name {
	case m.attended:
		t.most = m.keep
	case m.open: // the person has scrolled away, or does not look
		t.most = keepScrolled * m.keep
	default:
		t.most = min(keepClosed, m.keep)
	}
	t.trim()
}

// Attend notes that the person looks at the newest messages of the open room, or that they do not. What they look at counts as read
// once LIST has told where reading had stopped.
func (m *Mirror) Attend(looks bool) {
	m.attended = ""
	if looks {
		m.attended = m.open
	}
	if t := m.rooms[m.open]; t != nil {
		m.bound(t)
		if looks && t.known {
			t.show(t.Newest())
		}
	}
}

// Browse notes that the person has scrolled up in the open room: what marks where reading stopped there stays until they are back.
func (m *Mirror) Browse(up bool) { m.browsing = up }

// NeedsList tells whether LIST should be asked, and takes it that it is: what happens after the question needs another one.
func (m *Mirror) NeedsList() bool {
	needs := m.stale && m.Connection.Online
	if needs {
		m.stale, m.listing = false, true
		m.asks++
	}
	return needs
}

// Listed takes the answer to the LIST that was asked last. Rooms that it leaves out were left, unless something was heard of them after the
// question.
func (m *Mirror) Listed(list []Room) {
	m.listing = false
	listed := map[string]bool{}
	for _, room := range list {
		listed[room.Name] = true
		t := m.rooms[room.Name]
		if t == nil {
			t = m.begin(room.Name)
		}
		m.listed(t, room)
	}
	for name, t := range m.rooms {
		switch {
		case listed[name]:
		case strings.HasPrefix(name, "@") && t.Newest() == 0 && t.countedTo == 0:
			t.known = true // a conversation is there from its first message on: before, it is the person who has opened it
		case t.heard == m.asks:
			m.stale = true
		case len(t.Pending) == 0:
			delete(m.rooms, name)
		default: // the next LIST tells, once the texts have settled
			t.known = false
		}
	}
}

func (m *Mirror) listed(t *Timeline, room Room) {
	first := !t.known
	t.known = true
	switch {
	case m.isGuest(): // of whom nobody keeps what was read: it began when they came
		if first {
			t.read(room.Seen)
		}
	case room.Seen < t.Read: // it counts from a position that was left behind
	case room.LastID < t.countedTo: // it counts less than is counted here
	default:
		t.take(room)
	}
	m.mark(t)
}

// mark notes where reading stopped. On the screen the mark stays where it is, unless it was a guess.
func (m *Mirror) mark(t *Timeline) {
	if t.Read == 0 {
		return
	}
	if t.Mark > t.Read {
		t.Mark = 0
	}
	if t.Unread() > 0 && (t.Mark == 0 || t.Name != m.open) {
		t.Mark = t.Read
	}
}

func (m *Mirror) isGuest() bool { return strings.HasPrefix(m.self, protocol.GuestMark) }

// ListFailed takes that LIST was not answered.
func (m *Mirror) ListFailed() { m.stale, m.listing = true, false }

// Stale takes that LIST would tell something that is not known here.
func (m *Mirror) Stale() { m.stale = true }

// Take takes what the Client tells, at the time now.
func (m *Mirror) Take(u Update, now time.Time) {
	switch u.State {
	case Event:
		if u.Event.Time.IsZero() {
			u.Event.Time = now // of what comes without, as a topic does
		}
		if take := takers[u.Event.Command]; take != nil {
			take(m, u)
		}
	case Rewound:
		m.restart(u.Room.Name)
	case Connected:
		m.Connection.Fetching = true
	case Online:
		m.Connection = Connection{Online: true, Missed: u.Missed}
		m.stale = true
		for _, t := range m.rooms {
			t.lost()
		}
	case Held:
		m.Connection.Held = u.Err
	case Lost:
		m.Connection = Connection{Since: now, Retry: now.Add(u.Wait), Err: u.Err}
		for _, t := range m.rooms {
			t.lapse()
		}
	case Waiting:
		m.Connection.Fetching = false
		if m.Connection.Since.IsZero() {
			m.Connection.Since = now
		}
		m.Connection.Retry, m.Connection.Err = now.Add(u.Wait), u.Err
	}
}

// Present takes WHO's answer about a room.
func (m *Mirror) Present(name string, users []string) {
	if t := m.rooms[name]; t != nil {
		t.present(users)
	}
}

// TopicIs takes TOPIC's answer. A topic that was set since the question stays.
func (m *Mirror) TopicIs(name, topic string) {
	if t := m.rooms[name]; t != nil && !t.TopicKnown {
		t.Topic, t.TopicKnown = topic, true
	}
}

// Posted takes a text that is on its way.
func (m *Mirror) Posted(p *Post) {
	t := m.ensure(p.Target)
	t.Pending = append(t.Pending, p)
}

// Settled takes what became of it: its id, or why it was not said. now stands for the message's time until history tells it.
func (m *Mirror) Settled(p *Post, id int64, err error, now time.Time) {
	t := m.rooms[p.Target]
	if t == nil {
		return // it was left
	}
	t.Pending = slices.DeleteFunc(t.Pending, func(other *Post) bool { return other == p })
	if err != nil {
		m.stale = true // the account may be no member of the room
	} else {
		m.hear(p.Target)
	}
	t.settle(Item{Event: protocol.Event{Command: protocol.EventMsg, ID: id, Time: now, Room: p.Target, User: m.self, Text: p.Text}, Err: err})
	t.suspect(id)
}

// ensure is a room that is known from now on.
func (m *Mirror) ensure(name string) *Timeline {
	t := m.rooms[name]
	if t == nil {
		t = m.begin(name)
		m.stale = true
	}
	return t
}

// hear is ensure for a room whose event or acknowledgement shows that the account is in it.
func (m *Mirror) hear(name string) *Timeline {
	t := m.ensure(name)
	t.heard = m.asks
	if !t.known {
		m.stale = true
	}
	return t
}

func (m *Mirror) begin(name string) *Timeline {
	t := &Timeline{Name: name, heard: m.asks, paused: true}
	m.rooms[name] = t
	m.bound(t)
	return t
}
