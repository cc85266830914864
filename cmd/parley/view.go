package main

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
	"parley/protocol"
)

// The screen from top to bottom: the room's name and topic; its messages, with the rooms to their left where there is room; what the last
// command said; the status; what is typed. The smallest screen is 40×10; on a smaller one rows are cut.
const (
	minWidth  = 20
	minHeight = 6
	wideRooms = 72 // columns of the screen from which on the rooms are shown
	maxSaid   = 3
	maxTypedH = 6 // rows of what is typed
)

// View implements tea.Model.
func (m *model) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.ReportFocus = true, true
	if !m.noMouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if m.width < minWidth || m.height < minHeight {
		v.SetContent("too small")
		return v
	}
	var screen []string
	height := m.paneHeight()
	pane := m.pane(height)
	rooms := m.sidebar(height + 1)
	for i, row := range append([]string{m.header()}, pane...) {
		if len(rooms) > 0 {
			row = rooms[i] + m.style.faint("│") + row
		}
		screen = append(screen, row)
	}
	screen = append(screen, m.saidRows()...)
	screen = append(screen, m.status())
	typed, x, y := m.typedRows()
	v.Cursor = tea.NewCursor(x, len(screen)+y)
	screen = append(screen, typed...)
	for i, row := range screen {
		screen[i] = anchored(m.fit(row, m.width))
	}
	v.SetContent(strings.Join(screen, "\n"))
	return v
}

// anchorWidth are columns at a row's end that text leaves free for an anchor.
const anchorWidth = 2

// anchored marks a row whose text the terminal may reckon to be of another width than we do, as for scripts with joined letters and new
// emoji: a blank that is two columns wide (U+3000) at its end has the renderer draw the whole row anew, and what follows from a place of
// its own. So nobody's text shifts anything beyond its own row.
func anchored(row string) string {
	bare, painted := strings.CutSuffix(row, resetColour)
	blank, room := strings.CutSuffix(bare, "  ")
	if !room || !strings.ContainsFunc(blank, isUncertain) {
		return row
	}
	if painted {
		return blank + "\u3000" + resetColour
	}
	return blank + "\u3000"
}

// isUncertain knows characters on whose width terminals may differ: all but ASCII and our own lines and marks. U+00AD, for one, has a column
// in tmux.
func isUncertain(r rune) bool {
	return r >= 0x80 && !strings.ContainsRune("─│●○◌…↑↓⏎✗", r)
}

// paneWidth is how wide messages are.
func (m *model) paneWidth() int {
	if m.sidebarWidth() == 0 {
		return m.width
	}
	return m.width - m.sidebarWidth() - 1
}

// paneHeight is how many rows of messages there are.
func (m *model) paneHeight() int {
	typed, _, _ := m.typedRows()
	return max(1, m.height-2-len(m.saidRows())-len(typed))
}

// pane is what stands under the header: messages, or what is over them.
func (m *model) pane(height int) []string {
	var rows []string
	if m.overlay != nil {
		rows = m.overlayRows(height)
		for len(rows) < height {
			rows = append(rows, "")
		}
	} else {
		w := m.window(height)
		rows = append(m.above(height-len(w.rows)), w.rows...)
	}
	for i := range rows {
		rows[i] = m.fit(rows[i], m.paneWidth())
	}
	return rows
}

// above fills the pane over its oldest message, and says why there is nothing.
func (m *model) above(height int) []string {
	rows := make([]string, height)
	if height == 0 {
		return rows
	}
	t := m.mirror.Room(m.room)
	switch why := &rows[height-1]; {
	case t.IsFull() && !t.Start:
		*why = m.style.faint("  no more is kept here (--scrollback); /find looks further back")
	case t.IsLoading() || !t.Start && m.mirror.Connection.Online:
		*why = m.style.faint("  fetching older messages …")
	case !t.Start:
		*why = m.style.faint("  older messages are fetched when there is a connection")
	case len(t.Items) == 0:
		*why = m.style.faint("  nothing was said here yet; ? shows help")
	}
	return rows
}

// header is the name and topic of the room, and whether there is something new above what is shown.
func (m *model) header() string {
	t, width := m.mirror.Room(m.room), m.paneWidth()
	right := ""
	if m.overlay == nil && m.newAbove(t) {
		right = m.style.alert(" ↑ new (Alt-U) ")
	}
	left := " " + m.style.strong(m.room)
	if t.Topic != "" {
		left += m.style.faint("  " + t.Topic)
	}
	rest := width - m.measure.StringWidth(right)
	return m.fit(m.measure.Truncate(left, rest-anchorWidth, "…"), rest) + right
}

// newAbove tells whether what is new begins above the pane, and was not scrolled to yet.
func (m *model) newAbove(t *client.Timeline) bool {
	if t.Mark == 0 || m.view().markSeen == t.Mark {
		return false
	}
	w := m.window(m.paneHeight())
	return !w.marked && w.top < len(t.Items) && t.Items[w.top].Event.ID > t.Mark
}

// saidRows are what the last command said.
func (m *model) saidRows() []string {
	var rows []string
	for _, text := range m.said {
		rows = append(rows, m.wrap("* "+text, m.width-anchorWidth)...)
	}
	if most := max(1, min(maxSaid, m.height/4)); len(rows) > most {
		rows = rows[:most]
		rows[most-1] = m.measure.Truncate(rows[most-1], m.width-anchorWidth-1, "") + "…"
	}
	for i := range rows {
		rows[i] = m.style.strong(rows[i])
	}
	return rows
}

// typedRows are the prompt and what is typed, and where the cursor stands.
func (m *model) typedRows() (rows []string, x, y int) {
	prompt := m.measure.Truncate(protocol.Printable(m.prompt()), m.width/2, "… ")
	indent := m.measure.StringWidth(prompt)
	rows, x, y = m.input.active().rows(m.measure, m.width-indent-anchorWidth)
	most := max(1, min(maxTypedH, m.height/3))
	first := max(0, min(y-most/2, len(rows)-most))
	rows, y = rows[first:min(len(rows), first+most)], y-first
	for i := range rows {
		if i == 0 {
			rows[i] = m.style.strong(prompt) + rows[i]
		} else {
			rows[i] = strings.Repeat(" ", indent) + rows[i]
		}
	}
	return rows, x + indent, y
}
