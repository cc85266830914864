package client

import "parley/protocol"

// takers take events by their command; what is not here is not mirrored.
var takers = map[string]func(*Mirror, Update){
	protocol.EventMsg:   (*Mirror).said,
	protocol.EventGone:  (*Mirror).gone,
	protocol.EventSeen:  (*Mirror).seen,
	protocol.EventTopic: (*Mirror).topicSet,
	protocol.EventJoin:  (*Mirror).came,
	protocol.EventLeave: (*Mirror).went,
	protocol.EventHere:  (*Mirror).here,
}

func (m *Mirror) said(u Update) {
	e, t := u.Event, m.hear(u.Event.Room)
	t.insert(Item{Event: e})
	switch {
	case e.User == m.self || e.ID <= t.Read:
	case e.Room == m.attended && t.known && !u.Past:
		t.show(e.ID)
	default:
		browsed := m.browsing && e.Room == m.open && t.Mark != 0
		if t.Unread() == 0 && !browsed && (t.paused || !u.Past) { // of what was missed the first is where reading stopped
			t.paused, t.Mark = false, t.Read
			if t.Mark == 0 {
				t.Mark = e.ID - 1
			}
		}
		if t.add(e.ID, m.Mentioned(e)) {
			m.stale = true
		}
	}
}

func (m *Mirror) gone(u Update) {
	e, t := u.Event, m.rooms[u.Event.Room]
	if e.Room == "" { // taken back from here, by its id alone
		t, e = m.holding(e.ID)
	}
	if u.Past { // it stands for the message, which was not told
		t = m.hear(e.Room)
	}
	if t == nil {
		m.unlisted()
		return
	}
	t.takeBack(e, u.Past)
	if e.User == m.self || e.ID <= t.Read {
		return
	}
	// LIST's count may have it or not, also the one that is on its way.
	if exact := t.uncount(e.ID); !exact || m.listing {
		m.stale = true
	}
}

// holding is the timeline that has a message loaded, and the message.
func (m *Mirror) holding(id int64) (*Timeline, protocol.Event) {
	for _, t := range m.rooms {
		if i, found := t.find(id); found {
			return t, t.Items[i].Event
		}
	}
	return nil, protocol.Event{}
}

// unlisted takes that something has changed in a room that is not known yet: an answer to LIST that is on its way may have it as it was before.
func (m *Mirror) unlisted() { m.stale = m.stale || m.listing }

// seen takes what another session has shown.
func (m *Mirror) seen(u Update) {
	t := m.rooms[u.Event.Room]
	if t == nil {
		m.unlisted()
		return
	}
	if u.Event.ID <= t.Read {
		return
	}
	// An answer to LIST that is on its way may count from further back.
	if exact := t.read(u.Event.ID); !exact || m.listing {
		m.stale = true
	}
	m.mark(t)
}

func (m *Mirror) topicSet(u Update) {
	t := m.hear(u.Event.Room)
	t.Topic, t.TopicKnown = u.Event.Text, true
	t.insert(Item{Event: u.Event})
}

func (m *Mirror) came(u Update) {
	if u.Event.User == m.self { // by another session; what is here is from before the room was left
		m.restart(u.Event.Room)
	}
	if t := m.rooms[u.Event.Room]; t != nil {
		t.move(u.Event.User, true)
	}
}

// restart forgets what is here of a room, but for what is on its way.
func (m *Mirror) restart(name string) {
	old := m.rooms[name]
	delete(m.rooms, name)
	if t := m.hear(name); old != nil {
		t.Pending = old.Pending
	}
}

func (m *Mirror) went(u Update) {
	if u.Event.User == m.self { // elsewhere, or expelled
		delete(m.rooms, u.Event.Room)
		m.stale = true // an answer to LIST may be on its way that still has it
	} else if t := m.rooms[u.Event.Room]; t != nil {
		t.move(u.Event.User, false)
	}
}

func (m *Mirror) here(u Update) {
	if t := m.rooms[u.Event.Room]; t != nil {
		t.crowd(u.Event.Count)
	}
}
