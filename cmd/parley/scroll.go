package main

import (
	"parley/internal/client"
)

// roomView is where the person is in one room: what they have begun to type, and how far up they have scrolled.
type roomView struct {
	draft string
	told  int64 // how far the client was told that the person has read

	scrolled bool // away from the newest message
	anchor   int  // scrolled: key of the item at the bottom
	hidden   int  // scrolled: how many of its rows are below the bottom

	goal     int64 // a message that is being gone to, 0: none
	found    int64 // the one that was gone to
	markSeen int64 // the new-messages line that was shown
}

func (v *roomView) typed() string {
	if v == nil {
		return ""
	}
	return v.draft
}

// follows tells whether the newest message is at the bottom, and stays there.
func (v *roomView) follows() bool { return !v.scrolled }

func (v *roomView) follow() { v.scrolled, v.goal, v.found = false, 0, 0 }

// entries are what the messages' pane can show of a room: its items, and behind them what is on its way.
type entries struct {
	*client.Timeline
}

func (e entries) len() int { return len(e.Items) + len(e.Pending) }

// bottom is the index of the entry at the bottom, and how many rows of it are hidden; -1: there is none.
func (m *model) bottom(e entries) (at, hidden int) {
	v := m.rooms[e.Name]
	if !v.scrolled {
		return e.len() - 1, 0
	}
	for i := len(e.Items) - 1; i >= 0; i-- {
		if e.Items[i].Key == v.anchor {
			return i, v.hidden
		}
	}
	return min(0, e.len()-1), 0 // it was dropped: the oldest that is left
}

// window is what the pane shows.
type window struct {
	rows   []string // from the top, as many as fit
	top    int      // index of the entry at the top
	marked bool     // the new-messages line is among the rows
	full   bool     // there are as many rows as fit
}

func (m *model) window(height int) window {
	e := entries{m.mirror.Room(m.room)}
	at, hidden := m.bottom(e)
	var upward []string
	w := window{top: max(0, at)}
	for ; at >= 0 && len(upward) < height; at-- {
		rows, mark := m.block(e, at)
		for i := len(rows) - 1 - hidden; i >= 0 && len(upward) < height; i-- {
			upward = append(upward, rows[i])
			w.marked = w.marked || mark >= 0 && i == mark
		}
		hidden, w.top = 0, at
	}
	w.full = len(upward) >= height
	for i := len(upward) - 1; i >= 0; i-- {
		w.rows = append(w.rows, upward[i])
	}
	return w
}

// scroll moves the view by rows, up where they are negative.
func (m *model) scroll(rows int) {
	v, e := m.view(), entries{m.mirror.Room(m.room)}
	at, hidden := m.bottom(e)
	if at < 0 {
		return
	}
	v.goal = 0
	if at >= len(e.Items) { // what is on its way is nothing to hold on to
		if at, hidden = len(e.Items)-1, 0; at < 0 || rows >= 0 {
			return
		}
	}
	hidden -= rows
	block, _ := m.block(e, at)
	for hidden >= len(block) && at > 0 {
		hidden -= len(block)
		at--
		block, _ = m.block(e, at)
	}
	for hidden < 0 && at < len(e.Items)-1 {
		at++
		block, _ = m.block(e, at)
		hidden += len(block)
	}
	if at == len(e.Items)-1 && (hidden < 0 || hidden == 0 && rows > 0) {
		v.follow()
		return
	}
	hidden = min(hidden, len(block)-1)
	v.scrolled, v.anchor, v.hidden = true, e.Items[at].Key, max(0, hidden)
	if w := m.window(m.paneHeight()); !w.full && rows < 0 { // not above the oldest
		m.scroll(m.paneHeight() - len(w.rows))
	}
}

// nearTop is how many entries there should be above the view, so that older ones are there before one has scrolled to them.
const nearTop = 30

// lacksOlder tells whether older messages should be fetched for what the person looks at.
func (m *model) lacksOlder(t *client.Timeline, v *roomView) bool {
	if t.Start {
		return false
	}
	if v.goal != 0 {
		return !holds(t, v.goal)
	}
	return m.window(m.paneHeight()).top < nearTop
}

// holds tells whether a timeline goes back to a message.
func holds(t *client.Timeline, id int64) bool {
	for _, item := range t.Items {
		if item.Event.ID > 0 {
			return item.Event.ID <= id
		}
	}
	return false
}

// goTo scrolls to a message, as soon as it is there.
func (m *model) goTo(id int64) {
	v := m.view()
	v.goal, v.found = id, id
	v.scrolled = true // nothing new moves the view meanwhile
	m.arrive()
}

// tooFar is how many messages are fetched at most to go to one.
func (m *model) tooFar() int { return 3 * m.keep }

// arrive ends a goTo where the message is there, or will not be.
func (m *model) arrive() {
	v, t := m.view(), m.mirror.Room(m.room)
	if v.goal == 0 {
		return
	}
	reached := holds(t, v.goal) || t.Start
	if !reached && len(t.Items) < m.tooFar() {
		return
	}
	goal := v.goal
	v.follow()
	if !reached {
		m.tell("that message is too far back to scroll to")
		return
	}
	for _, item := range t.Items {
		if item.Event.ID >= goal {
			v.scrolled, v.anchor, v.hidden = true, item.Key, 0
			m.scroll(m.paneHeight() / 2)
			v.found = goal
			return
		}
	}
}
