package main

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/protocol"
)

// overlay is a list that stands where the messages are until Esc: help, what was found, what a command had to tell.
type overlay struct {
	title string
	lines []overlayLine
	top   int // first line that is shown
	at    int // the line that is chosen; -1: none can be
	fits  int // how many lines were shown at last
}

type overlayLine struct {
	text  string // printable, perhaps coloured
	event protocol.Event
}

// overlayKeys move in a list.
var overlayKeys = map[string]func(o *overlay){
	"up": func(o *overlay) { o.move(-1) }, "down": func(o *overlay) { o.move(1) },
	"pgup": func(o *overlay) { o.move(-max(1, o.fits-1)) }, "pgdown": func(o *overlay) { o.move(max(1, o.fits-1)) },
	"home": func(o *overlay) { o.move(-len(o.lines)) }, "end": func(o *overlay) { o.move(len(o.lines)) },
}

// pressOverlay takes a key for the list; false: it is none of its own.
func (m *model) pressOverlay(key string) (cmd tea.Cmd, taken bool) {
	o := m.overlay
	if !m.input.active().isEmpty() || m.input.question != nil || m.input.finding {
		return nil, false
	}
	if move := overlayKeys[key]; move != nil {
		move(o)
		return nil, true
	}
	if key == "enter" {
		m.overlay = nil
		if o.at >= 0 {
			m.goTo(o.lines[o.at].event.ID)
		}
		return nil, true
	}
	return nil, false
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

// rows draws it. A line that does not fit is cut: what is long is not for lists.
func (m *model) overlayRows(height int) []string {
	o := m.overlay
	o.fits = max(1, height-1)
	if o.at >= 0 {
		o.top = min(max(o.top, o.at-o.fits+1), o.at)
	}
	o.top = min(max(0, o.top), max(0, len(o.lines)-o.fits))
	title := o.title
	if len(o.lines) > o.fits {
		title += fmt.Sprintf(" (%d to %d of %d)", o.top+1, min(o.top+o.fits, len(o.lines)), len(o.lines))
	}
	rows := []string{m.rule(m.measure.Truncate(title, max(0, m.paneWidth()-8), "…"), m.style.strong)}
	for i, line := range o.lines[o.top:min(o.top+o.fits, len(o.lines))] {
		row := m.measure.Truncate(line.text, m.paneWidth(), "…")
		if o.top+i == o.at {
			row = m.style.marked(row)
		}
		rows = append(rows, row)
	}
	return rows
}

// helpOverlay lists commands and keys.
func (m *model) helpOverlay() *overlay {
	o := &overlay{title: "help", at: -1}
	line := func(left, right string) {
		o.lines = append(o.lines, overlayLine{text: m.style.strong(fmt.Sprintf("%-24s", left)) + " " + right})
	}
	for _, known := range commands {
		line("/"+strings.TrimSpace(known.name+" "+known.usage), known.help)
	}
	line("//text", "say a text that begins with a slash")
	o.lines = append(o.lines, overlayLine{})
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
func (m *model) foundOverlay(title string, found []protocol.Event) *overlay {
	o := &overlay{title: protocol.Printable(title) + ": Enter goes there", at: len(found) - 1}
	if len(found) == 0 {
		o.title = protocol.Printable(title)
		o.lines = []overlayLine{{text: "no messages"}}
	}
	for _, e := range found {
		text := m.style.faint(fmt.Sprintf("#%d %s ", e.ID, m.local(e.Time).Format("2 Jan 15:04"))) + m.style.name(e.User) + ": " + protocol.Printable(e.Text)
		if e.Command == protocol.EventGone {
			text = m.style.faint(fmt.Sprintf("#%d a message of %s was taken back", e.ID, e.User))
		}
		o.lines = append(o.lines, overlayLine{text, e})
	}
	return o
}
