package main

import (
	"strings"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// How messages are set: time, name and text side by side where there is room, and the name before the text otherwise.
const (
	wideText  = 60 // columns of the pane from which on names have a column of their own
	nameWidth = 12
	timeWidth = 6
)

// rowCache holds the rows of items, which are wrapped once for each width of the pane.
type rowCache map[rowKey]cachedRows

type rowKey struct {
	room string
	key  int
}

type cachedRows struct {
	event protocol.Event // as it was
	found bool
	rows  []string
}

const maxCached = 4096

// block is an entry with what stands above it: a line for the day where that is another one, and the line above what is new, whose index
// is mark, or -1.
func (m *model) block(e entries, at int) (rows []string, mark int) {
	mark = -1
	if at >= len(e.Items) {
		return m.pendingRows(e.Pending[at-len(e.Items)].Text), mark
	}
	item := e.Items[at]
	if at == 0 && e.Start {
		rows = append(rows, m.style.faint("  this is where "+e.Name+" begins"))
	}
	if day := m.day(e, at); day != "" {
		rows = append(rows, m.rule(day, m.style.faint))
	}
	if isNew(e, at) {
		mark = len(rows)
		rows = append(rows, m.rule("new", m.style.alert))
	}
	key := rowKey{e.Name, item.Key}
	found := item.Event.ID != 0 && item.Event.ID == m.rooms[e.Name].found
	cached, hit := m.rowCache[key]
	if !hit || cached.event != item.Event || cached.found != found {
		if len(m.rowCache) >= maxCached {
			clear(m.rowCache)
		}
		cached = cachedRows{item.Event, found, m.itemRows(item, found)}
		m.rowCache[key] = cached
	}
	return append(rows, cached.rows...), mark
}

// day is the day of an entry where the one before it is of another.
func (m *model) day(e entries, at int) string {
	const layout = "Monday, 2 January 2006"
	when := e.Items[at].Event.Time
	if when.IsZero() {
		return ""
	}
	day := m.local(when).Format(layout)
	for at--; at >= 0; at-- {
		if before := e.Items[at].Event.Time; !before.IsZero() {
			if m.local(before).Format(layout) == day {
				return ""
			}
			break
		}
	}
	return day
}

func (m *model) local(t time.Time) time.Time { return t.In(m.now().Location()) }

// isNew tells whether reading stopped just above an entry.
func isNew(e entries, at int) bool {
	if e.Mark == 0 || e.Items[at].Event.ID <= e.Mark {
		return false
	}
	for at--; at >= 0; at-- {
		if id := e.Items[at].Event.ID; id > 0 {
			return id <= e.Mark
		}
	}
	return e.Start
}

// rule is a line across the pane with a word in it.
func (m *model) rule(word string, paint func(string) string) string {
	width := m.paneWidth()
	word = " " + word + " "
	left := min(4, max(0, width-m.measure.StringWidth(word)))
	right := max(0, width-left-m.measure.StringWidth(word))
	return paint(m.measure.Truncate(strings.Repeat("─", left)+word+strings.Repeat("─", right), width, ""))
}

// itemRows are the rows of an item alone.
func (m *model) itemRows(item client.Item, found bool) []string {
	e, set := item.Event, setting{user: item.Event.User, text: protocol.Printable(item.Event.Text), time: m.style.faint}
	if !e.Time.IsZero() {
		set.at = m.local(e.Time).Format("15:04")
	}
	switch {
	case item.Err != nil:
		set.at, set.time, set.paint = "✗", m.style.alert, m.style.alert
		set.text = notSaid(item.Err) + ": " + advised(item.Err) + ": " + set.text
	case e.Command == protocol.EventGone:
		set.text, set.paint = "(taken back)", m.style.faint
	case e.Command == protocol.EventTopic:
		what := " has cleared the topic"
		if set.text != "" {
			what = " has set the topic: " + set.text
		}
		set.user, set.text, set.paint = "*", protocol.Printable(e.User)+what, m.style.faint
	case found:
		set.time = m.style.reverse
	case m.mirror.Mentioned(e):
		set.time, set.paint = m.style.alert, m.style.strong
	}
	return m.set(set)
}

func (m *model) pendingRows(text string) []string {
	return m.set(setting{at: "…", time: m.style.faint, user: m.mirror.Self(), text: protocol.Printable(text), paint: m.style.faint})
}

// setting is an entry to be set: when, who and what.
type setting struct {
	at   string // of timeWidth-1 columns at most
	time func(string) string
	user string
	// What is printable. It is wrapped before it is coloured, so that each row has its colours to itself.
	text  string
	paint func(string) string // nil: as it is
}

// set sets an entry in the pane.
func (m *model) set(s setting) []string {
	if s.paint == nil {
		s.paint = func(text string) string { return text }
	}
	user := protocol.Printable(s.user)
	at := s.time(s.at) + strings.Repeat(" ", max(1, timeWidth-m.measure.StringWidth(s.at)))
	if width := m.paneWidth(); width >= wideText {
		short := m.measure.Truncate(user, nameWidth, "…")
		gap := strings.Repeat(" ", max(0, nameWidth-m.measure.StringWidth(short)))
		rows := m.wrap(s.text, width-timeWidth-nameWidth-len(" | ")-anchorWidth)
		for i := range rows {
			rows[i] = strings.Repeat(" ", timeWidth+nameWidth) + m.style.faint(" │ ") + s.paint(rows[i])
		}
		rows[0] = at + gap + m.style.nameAs(s.user, short) + strings.TrimPrefix(rows[0], strings.Repeat(" ", timeWidth+nameWidth))
		return rows
	}
	rows := m.wrap(user+": "+s.text, m.paneWidth()-timeWidth-anchorWidth)
	for i := range rows {
		switch rest, named := strings.CutPrefix(rows[i], user+":"); {
		case i == 0 && named:
			rows[i] = at + m.style.name(s.user) + ":" + s.paint(rest)
		case i == 0:
			rows[i] = at + s.paint(rows[i])
		default:
			rows[i] = strings.Repeat(" ", timeWidth) + s.paint(rows[i])
		}
	}
	return rows
}

// wrap breaks printable text, perhaps coloured, into rows of a width; there is at least one. Each row has its colours to itself.
func (m *model) wrap(text string, width int) []string {
	rows := strings.Split(m.measure.Wrap(text, max(2, width), ""), "\n")
	colour := ""
	for i, row := range rows {
		begin := colour
		if at := strings.LastIndex(row, "\x1b["); at >= 0 {
			colour = row[at : at+strings.IndexByte(row[at:], 'm')+1]
			if colour == resetColour {
				colour = ""
			}
		}
		rows[i] = begin + row
		if colour != "" {
			rows[i] += resetColour
		}
	}
	return rows
}

// fit makes a row exactly so wide.
func (m *model) fit(row string, width int) string {
	// Truncating reckons with other joined characters than measuring does.
	for most := width; m.measure.StringWidth(row) > width; most-- {
		row = m.measure.Truncate(row, most, "")
	}
	return row + strings.Repeat(" ", width-m.measure.StringWidth(row))
}
