package main

import (
	"fmt"
	"strings"

	"parley/protocol"
)

// overlay is a list that stands where the messages are until Esc: help, what was found, what a command had to tell.
type overlay struct {
	title string
	lines []overlayLine
	top   int    // first line that is shown
	at    int    // the line that is chosen; -1: none can be
	fits  int    // how many lines were shown at last
	room  string // that the messages are of, "" where it has none
	draft string // what was being typed when it was opened: Enter then is for the list, and for the text where that has changed
}

// overlayLine is one entry: a head, and beside it a text that is wrapped. Both are printable, perhaps coloured.
type overlayLine struct {
	head, text string
	event      protocol.Event
}

// overlayKeys move in a list.
var overlayKeys = map[string]func(o *overlay){
	"up": func(o *overlay) { o.move(-1) }, "down": func(o *overlay) { o.move(1) },
	"pgup": func(o *overlay) { o.move(-max(1, o.fits)) }, "pgdown": func(o *overlay) { o.move(max(1, o.fits)) },
	"home": func(o *overlay) { o.move(-len(o.lines)) }, "end": func(o *overlay) { o.move(len(o.lines)) },
}

// pressOverlay takes a key for the list; false: it is none of its own, but for what is being typed.
func (m *model) pressOverlay(key string) (taken bool) {
	o := m.overlay
	if m.input.asks() || m.input.finding {
		return false
	}
	if move := overlayKeys[key]; move != nil {
		move(o)
		return true
	}
	if typed := m.input.editor.text(); key != "enter" || typed != o.draft || o.at < 0 && typed != "" {
		return false
	}
	m.overlay = nil
	if o.at >= 0 {
		if o.room != m.room {
			m.move(o.room)
		}
		m.goTo(o.lines[o.at].event.ID)
	}
	return true
}

func (o *overlay) move(by int) {
	if o.at < 0 {
		o.scroll(by)
		return
	}
	o.at = min(max(0, o.at+by), len(o.lines)-1)
}

func (o *overlay) scroll(by int) {
	o.top = min(max(0, o.top+by), max(0, len(o.lines)-o.fits))
	if o.at >= 0 {
		o.at = min(max(o.at, o.top), o.top+max(0, o.fits-1))
	}
}

// overlayRows draws it, from the line at the top on as many as fit.
func (m *model) overlayRows(height int) []string {
	o := m.overlay
	o.top = min(max(0, o.top), max(0, len(o.lines)-1))
	if o.at >= 0 && o.at < o.top {
		o.top = o.at
	}
	rows := m.overlayFrom(o.top, height-1)
	for o.top < o.at && o.at >= o.top+o.fits {
		o.top++
		rows = m.overlayFrom(o.top, height-1)
	}
	title := o.title
	if len(o.lines) > o.fits {
		title += fmt.Sprintf(" (%d to %d of %d; PgDn, Esc)", o.top+1, o.top+o.fits, len(o.lines))
	}
	return append([]string{m.rule(m.measure.Truncate(title, max(0, m.paneWidth()-8), "…"), m.style.strong)}, rows...)
}

// overlayFrom draws whole lines from one on, and notes how many fit; a line that does not fit alone is cut.
func (m *model) overlayFrom(top, height int) (rows []string) {
	o := m.overlay
	o.fits = 0
	for i := top; i < len(o.lines); i++ {
		block := m.overlayBlock(o.lines[i])
		if len(rows)+len(block) > height && i > top {
			break
		}
		if i == o.at {
			for j := range block {
				block[j] = m.style.marked(m.fit(block[j], m.paneWidth()))
			}
		}
		rows = append(rows, block...)
		o.fits++
	}
	return rows[:min(len(rows), max(0, height))]
}

// besideHead is how many columns a text needs to stand beside its head, and not below it.
const besideHead = 24

func (m *model) overlayBlock(line overlayLine) []string {
	width, indent := m.paneWidth()-anchorWidth, m.measure.StringWidth(line.head)
	if width-indent < besideHead {
		indent = 2
		rows := m.wrap(line.text, width-indent)
		for i := range rows {
			rows[i] = "  " + rows[i]
		}
		if line.head == "" {
			return rows
		}
		return append([]string{line.head}, rows...)
	}
	rows := m.wrap(line.text, width-indent)
	for i := range rows {
		if i == 0 {
			rows[i] = line.head + rows[i]
		} else {
			rows[i] = strings.Repeat(" ", indent) + rows[i]
		}
	}
	return rows
}

// helpOverlay lists commands and keys.
func (m *model) helpOverlay() *overlay {
	o := &overlay{title: "help", at: -1}
	line := func(left, right string) {
		o.lines = append(o.lines, overlayLine{head: m.style.strong(fmt.Sprintf(" %-22s ", left)), text: right})
	}
	for _, known := range commands {
		line("/"+strings.TrimSpace(known.name+" "+known.usage), known.help)
	}
	line("//text", "say a text that begins with a slash")
	o.lines = append(o.lines, overlayLine{})
	line("@2 14 beside a room", "14 messages are unread there, and 2 of them say your name")
	for _, b := range bindings {
		line(b.shown, b.help)
	}
	return o
}

// listOverlay is what a command had to tell.
func (m *model) listOverlay(title string, lines []string) *overlay {
	o := &overlay{title: protocol.Printable(title), at: -1}
	for _, line := range lines {
		o.lines = append(o.lines, overlayLine{text: line})
	}
	return o
}

// foundOverlay is messages to choose from, the newest chosen.
func (m *model) foundOverlay(title, room string, found []protocol.Event) *overlay {
	o := &overlay{title: fmt.Sprintf("%s, the newest %d: Enter goes there", protocol.Printable(title), len(found)), room: room, at: len(found) - 1}
	if len(found) == 0 {
		o.title = protocol.Printable(title)
		o.lines = []overlayLine{{text: "no messages"}}
	}
	for _, e := range found {
		line := overlayLine{head: m.style.faint(fmt.Sprintf(" #%d %s ", e.ID, m.local(e.Time).Format("2 Jan 15:04"))), event: e}
		line.text = m.style.name(e.User) + ": " + protocol.Printable(e.Text)
		if e.Command == protocol.EventGone {
			line.head, line.text = m.style.faint(fmt.Sprintf(" #%d ", e.ID)), m.style.faint("a message of "+e.User+" was taken back")
		}
		o.lines = append(o.lines, line)
	}
	return o
}
