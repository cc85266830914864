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
// handed to it, and it tells what should be asked of the server. One goroutine owns it, and all [Timeline]s that it hands out.
type Mirror struct {
	Connection Connection

	self     string
	keep     int
	rooms    map[string]*Timeline
	attended string // the room that the person looks at, "" while at none
	open     string // the room on the screen
	stale    bool   // LIST would tell something that is not known here
	asks     int    // how often it was asked
}

// Connection is how the connection is.
type Connection struct {
	Online bool
	Since  time.Time // not Online: since when
	Retry  time.Time // not Online: when the next try is
	Err    error     // not Online: why
	Missed int       // Online: what was said while there was none
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
	if name == m.open {
		return m.ensure(name)
	}
	old := m.rooms[m.open]
	if old != nil && old.Unread() == 0 {
		old.Mark = 0
	}
	m.open, m.attended = name, ""
	if old != nil {
		old.trim(m.bound(old.Name))
	}
	return m.ensure(name)
}

// bound is how many messages of a room are kept.
func (m *Mirror) bound(name string) int {
	switch name {
	case m.attended:
		return m.keep
	case m.open: // the person has scrolled away, or does not look
		return keepScrolled * m.keep
	}
	return min(keepClosed, m.keep)
}

// Attend notes that the person looks at the newest messages of the open room, or that they do not.
func (m *Mirror) Attend(looks bool) {
	m.attended = ""
	if looks {
		m.attended = m.open
		if t := m.rooms[m.open]; t != nil {
			m.Shown(m.open, t.Newest())
		}
	}
}

// Shown notes that the person has been shown a room up to this message.
func (m *Mirror) Shown(name string, id int64) {
	if t := m.rooms[name]; t != nil {
		m.read(t, id)
	}
}

// NeedsList tells whether LIST should be asked, and takes it that it is: what happens after the question needs another one.
func (m *Mirror) NeedsList() bool {
	needs := m.stale && m.Connection.Online
	if needs {
		m.stale = false
		m.asks++
	}
	return needs
}

// Listed takes the answer to the LIST that was asked last. Rooms that it leaves out were left, unless they are newer than the question.
func (m *Mirror) Listed(list []Room) {
	listed := map[string]bool{}
	for _, room := range list {
		listed[room.Name] = true
		m.listed(m.ensure(room.Name), room)
	}
	for name, t := range m.rooms {
		// A conversation is there from its first message on: before, it is the person who has opened it.
		mere := strings.HasPrefix(name, "@") && t.Newest() == 0
		if !listed[name] && t.born < m.asks && !mere && len(t.Pending) == 0 {
			delete(m.rooms, name)
		}
	}
}

func (m *Mirror) listed(t *Timeline, room Room) {
	if m.isGuest() { // of whom nobody keeps what was read: it began when they came
		if t.Read == 0 {
			t.Read = room.LastID
		}
		return
	}
	t.counted, t.countedTo = room.Unread, room.LastID
	t.fresh = slices.DeleteFunc(t.fresh, func(id int64) bool { return id <= room.LastID })
	ahead := t.Read > room.Seen // the server has not been told yet
	t.Read = max(t.Read, room.Seen)
	if ahead {
		t.recount(m.self)
	}
	if t.Unread() > 0 && t.Mark == 0 {
		t.Mark = t.Read
	}
}

func (m *Mirror) isGuest() bool { return strings.HasPrefix(m.self, protocol.GuestMark) }

// Stale takes that LIST would tell something that is not known here.
func (m *Mirror) Stale() { m.stale = true }

// Take takes what the Client tells, at the time now.
func (m *Mirror) Take(u Update, now time.Time) {
	switch u.State {
	case Event:
		if take := takers[u.Event.Command]; take != nil {
			take(m, u.Event)
		}
	case Online:
		m.Connection = Connection{Online: true, Missed: u.Missed}
		m.stale = true
		for _, t := range m.rooms {
			t.Here, t.HereCount = nil, 0 // who came and went meanwhile was not told
		}
	case Lost:
		m.Connection = Connection{Since: now, Retry: now.Add(u.Wait), Err: u.Err}
		for _, t := range m.rooms {
			t.asking = false
		}
	case Waiting:
		if m.Connection.Since.IsZero() {
			m.Connection.Since = now
		}
		m.Connection.Retry, m.Connection.Err = now.Add(u.Wait), u.Err
	}
}

// takers take events by their command; what is not here is not mirrored.
var takers = map[string]func(*Mirror, protocol.Event){
	protocol.EventMsg:   (*Mirror).said,
	protocol.EventGone:  (*Mirror).gone,
	protocol.EventTopic: (*Mirror).topicSet,
	protocol.EventJoin:  (*Mirror).came,
	protocol.EventLeave: (*Mirror).went,
	protocol.EventHere:  (*Mirror).here,
	protocol.EventSeen: func(m *Mirror, e protocol.Event) {
		if t := m.rooms[e.Room]; t != nil {
			m.read(t, e.ID)
		}
	},
}

func (m *Mirror) said(e protocol.Event) {
	t := m.ensure(e.Room)
	t.insert(Item{Event: e})
	t.trim(m.bound(e.Room))
	switch {
	case e.User == m.self || e.ID <= t.Read:
	case e.Room == m.attended:
		m.read(t, e.ID)
	default:
		if t.Unread() == 0 {
			t.Mark = t.Read
			if t.Mark == 0 {
				t.Mark = e.ID - 1
			}
		}
		t.add(e.ID, m.Mentioned(e))
	}
}

func (m *Mirror) gone(e protocol.Event) {
	t := m.rooms[e.Room]
	if e.Room == "" { // taken back from here, by its id alone
		t = m.holding(e.ID)
	}
	if t == nil {
		return
	}
	t.takeBack(e)
	if e.User != m.self {
		t.uncount(e.ID)
	}
}

// holding is the timeline that has a message loaded.
func (m *Mirror) holding(id int64) *Timeline {
	for _, t := range m.rooms {
		if _, found := t.find(id); found {
			return t
		}
	}
	return nil
}

func (m *Mirror) topicSet(e protocol.Event) {
	t := m.ensure(e.Room)
	t.Topic, t.TopicKnown = e.Text, true
	t.insert(Item{Event: e})
}

func (m *Mirror) came(e protocol.Event) {
	if e.User == m.self { // by another session
		m.ensure(e.Room)
	}
	if t := m.rooms[e.Room]; t != nil && t.Here != nil {
		if i, found := slices.BinarySearch(t.Here, e.User); !found {
			t.Here = slices.Insert(t.Here, i, e.User)
			t.HereCount = len(t.Here)
		}
	}
}

func (m *Mirror) went(e protocol.Event) {
	t := m.rooms[e.Room]
	if t == nil {
		return
	}
	if e.User == m.self { // elsewhere, or expelled
		m.Left(e.Room)
		return
	}
	if i, found := slices.BinarySearch(t.Here, e.User); found {
		t.Here = slices.Delete(t.Here, i, i+1)
		t.HereCount = len(t.Here)
	}
}

func (m *Mirror) here(e protocol.Event) {
	if t := m.rooms[e.Room]; t != nil {
		t.Here, t.HereCount = nil, e.Count
	}
}

// Left takes that the account has left a room.
func (m *Mirror) Left(name string) {
	delete(m.rooms, name)
	m.stale = true // an answer to LIST may be on its way that still has it
}

// Present takes WHO's answer about a room.
func (m *Mirror) Present(name string, users []string) {
	if t := m.rooms[name]; t != nil {
		t.Here, t.HereCount = append([]string{}, users...), len(users)
		slices.Sort(t.Here)
	}
}

// TopicIs takes TOPIC's answer.
func (m *Mirror) TopicIs(name, topic string) {
	if t := m.rooms[name]; t != nil {
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
	t := m.ensure(p.Target)
	t.Pending = slices.DeleteFunc(t.Pending, func(other *Post) bool { return other == p })
	item := Item{Event: protocol.Event{Command: protocol.EventMsg, ID: id, Time: now, Room: p.Target, User: m.self, Text: p.Text}, Err: err}
	t.insert(item)
	if err == nil && p.Target == m.attended {
		t.Read = max(t.Read, id)
	}
}

func (m *Mirror) ensure(name string) *Timeline {
	t := m.rooms[name]
	if t == nil {
		t = &Timeline{Name: name, born: m.asks}
		m.rooms[name] = t
		m.stale = true
	}
	return t
}

// read moves how far a room was read.
func (m *Mirror) read(t *Timeline, id int64) {
	if id <= t.Read {
		return
	}
	t.Read = id
	m.recount(t)
}

func (m *Mirror) recount(t *Timeline) {
	if !t.recount(m.self) {
		m.stale = true
	}
}
