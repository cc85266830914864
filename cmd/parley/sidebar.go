package main

import (
	"fmt"
	"slices"
	"strings"

	"parley/internal/client"
	"parley/protocol"
)

// isRoom tells a room from a conversation.
func isRoom(name string) bool { return !strings.HasPrefix(name, "@") }

// sidebarWidth is how wide the list of rooms is, 0 where there is no space for it.
func (m *model) sidebarWidth() int {
	if m.width < wideRooms {
		return 0
	}
	return min(24, m.width/4)
}

// sidebarTop is the first of the rooms that is shown, so that the present one is among them.
func (m *model) sidebarTop(rooms []string, height int) int {
	at := slices.Index(rooms, m.room)
	return max(0, min(at-height/2, len(rooms)-height))
}

// sidebar is the list of rooms and conversations, the present one marked.
func (m *model) sidebar(height int) []string {
	width := m.sidebarWidth()
	if width == 0 {
		return nil
	}
	names := m.mirror.Rooms()
	top := m.sidebarTop(names, height)
	rows := make([]string, height)
	for i := range rows {
		rows[i] = strings.Repeat(" ", width)
		if top+i < len(names) {
			rows[i] = m.sidebarRow(m.mirror.Room(names[top+i]), width)
		}
	}
	if top > 0 {
		rows[0] = m.hiddenRooms("↑", names[:top+1], width)
	}
	if below := min(len(names), top+height-1); below < len(names)-1 {
		rows[height-1] = m.hiddenRooms("↓", names[below:], width)
	}
	return rows
}

// hiddenRooms is the row in the place of rooms that the list has no row for.
func (m *model) hiddenRooms(arrow string, names []string, width int) string {
	unread, meant := m.counts(names)
	text, paint := fmt.Sprintf(" %s %d more", arrow, len(names)), m.style.faint
	switch {
	case meant > 0:
		text, paint = text+fmt.Sprintf(", @%d %d", meant, unread), m.style.alert
	case unread > 0:
		text, paint = text+fmt.Sprintf(", %d", unread), m.style.strong
	}
	return m.fit(paint(text), width)
}

// counts is what is unread in rooms, and how much of it is for the person.
func (m *model) counts(names []string) (unread, meant int) {
	for _, name := range names {
		t := m.mirror.Room(name)
		unread += t.Unread()
		if isRoom(name) {
			meant += t.Mentions()
		} else {
			meant += t.Unread()
		}
	}
	return unread, meant
}

// sidebarRow is a room with what is unread there.
func (m *model) sidebarRow(t *client.Timeline, width int) string {
	count := ""
	if n := t.Unread(); n > 0 {
		count = fmt.Sprint(n)
	}
	if n := t.Mentions(); n > 0 && isRoom(t.Name) {
		count = fmt.Sprintf("@%d %s", n, count)
	}
	paint := func(text string) string { return text }
	switch {
	case t.Name == m.room:
		paint = m.style.reverse
	case t.Unread() > 0 && (t.Mentions() > 0 || !isRoom(t.Name)):
		paint = m.style.alert
	case t.Unread() > 0:
		paint = m.style.strong
	}
	name := m.measure.Truncate(" "+protocol.Printable(t.Name), width-len(count)-2, "…")
	return paint(m.fit(name, width-len(count)-1) + count + " ")
}

// sidebarAt is the room whose row is at a place on the screen, "" where there is none.
func (m *model) sidebarAt(x, y int) string {
	names, height := m.mirror.Rooms(), m.paneHeight()+1
	i := m.sidebarTop(names, height) + y
	if x >= m.sidebarWidth() || y < 0 || y >= height || i >= len(names) {
		return ""
	}
	return names[i]
}
