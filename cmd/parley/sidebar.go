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
	if rest := names[min(len(names), top+height):]; len(rest) > 0 {
		unread := 0
		for _, name := range rest {
			unread += m.mirror.Room(name).Unread()
		}
		rows[height-1] = m.fit(m.style.faint(fmt.Sprintf(" ↓ %d more, %d unread", len(rest)+1, unread)), width)
	}
	return rows
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
