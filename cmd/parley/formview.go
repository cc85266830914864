package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/protocol"
)

const (
	labelWidth = 10 // of the column that labels stand in, with the blanks behind them
	textWidth  = 76 // of explanations at most: longer rows read badly
	wideScreen = 60 // from this width on there are margins, and explanations stand beside the labels
	lowScreen  = 4  // from this height on the keys are shown
	highScreen = 16 // from this height on there are empty rows at the top, and above the keys
)

// page is the form in rows, of which the screen shows a part.
type page struct {
	*form
	margin int
	rows   []string
	x, y   int // of the cursor
	from   int // the first row of the field with the cursor
	to     int // behind its last
}

// View implements tea.Model.
func (f *form) View() tea.View {
	p := &page{form: f}
	if f.width >= wideScreen {
		p.margin = 2
	}
	foot := 0 // rows below the page: the keys, and an empty one
	if f.height >= highScreen {
		p.rows, foot = []string{""}, 2
	} else if f.height >= lowScreen {
		foot = 1
	}
	p.draw()

	room := max(f.height-foot, 1)
	top := 0
	if p.to > room { // the end of the field is in view, and the cursor above all
		top = min(p.to-room, p.y)
	}
	f.scrolledBy = min(f.scrolledBy, top)
	top -= f.scrolledBy
	rows := slices.Clone(p.rows[top:min(top+room, len(p.rows))])
	for len(rows) < room+foot {
		rows = append(rows, "")
	}
	if foot > 0 {
		rows[len(rows)-1] = strings.Repeat(" ", p.margin) + p.style.faint(p.measure.Truncate(p.keys(top), p.width-p.margin, ""))
	}
	v := tea.NewView(strings.Join(rows, "\n"))
	v.AltScreen = true
	if y := p.y - top; f.busy == "" && y < room {
		v.Cursor = tea.NewCursor(p.x, y)
	}
	return v
}

// keys are those that do something now; top is the first row in view.
func (p *page) keys(top int) string {
	switch {
	case p.busy != "":
		return "Esc: stop waiting · Ctrl+C: leave"
	case p.from < top:
		return "PgUp: above · Enter: on · Esc: leave"
	}
	return "Enter: on · Tab ↑↓: move · Esc: leave"
}

func (p *page) draw() {
	title := "Welcome to parley"
	if p.profile != defaultProfile {
		title += ": a profile named " + p.profile
	}
	p.text(p.margin, p.style.strong, title)
	p.text(p.margin, p.style.faint, "You are asked this once. All but the password is kept in "+tilde(p.file)+".")
	for at := range p.fields {
		if !p.fields[at].shown() {
			continue
		}
		p.rows = append(p.rows, "")
		switch {
		case at == p.at:
			p.current(at)
		case at == inTrust && p.trusted != "":
			p.labelled("Trust", p.style.faint, p.trusted)
		default:
			p.input(at)
		}
		if at == inServer && p.trusted != "" && p.presented == "" {
			p.rows = append(p.rows, "")
			p.labelled("Trust", p.style.faint, p.trusted)
		}
	}
}

// current is the field with the cursor, with what there is to say about it.
func (p *page) current(at int) {
	p.from = len(p.rows)
	if at == inTrust {
		p.howToTrust()
	}
	p.input(at)
	switch {
	case p.busy != "":
		p.text(p.indent(), p.style.strong, p.busy)
	case p.complaint != "":
		p.text(p.indent(), p.style.alert, p.complaint)
	default:
		p.text(p.indent(), p.style.faint, p.hint(at))
	}
	p.to = len(p.rows)
}

// howToTrust explains how the server is told from another, before anything is sent to it.
func (p *page) howToTrust() {
	plain := func(text string) string { return text }
	p.text(p.margin, plain, "Nobody whom this machine trusts vouches for "+p.server.dial()+", and nothing was sent to it. Before your password goes there, "+
		"make sure that it is the server you mean.")
	p.rows = append(p.rows, "")
	p.text(p.margin, plain, "Ask whoever runs it for its pin, over another way than this one, by phone say. ('parleyd certs' printed it, and the server's "+
		"log has it at \"listening\".) Type or paste theirs below, or the path of their ca.pem. This server shows:")
	p.rows = append(p.rows, "")
	p.text(p.margin, p.style.strong, p.presented)
	p.rows = append(p.rows, "")
}

func (p *page) hint(at int) string {
	switch at {
	case inServer:
		return "HOST or HOST:PORT, as whoever runs the server told you. The port is " + defaultPort + " unless given."
	case inTrust:
		return "Their pin (sha256/…), or the path of their ca.pem."
	case inName:
		return "The name of your account: a-z 0-9 . _ -"
	case inPassword:
		return fmt.Sprintf("Left empty, you ask to come in as a guest, as %s%s.", protocol.GuestMark, p.trimmed(inName))
	case inOwn:
		return "Your first password was made by somebody else; choose one of your own."
	}
	return "The same once more."
}

// indent is where fields begin.
func (p *page) indent() int { return p.margin + labelWidth }

// input is a field's label, and what was typed there.
func (p *page) input(at int) {
	rows, x, y := p.fields[at].rows(p.measure, p.width-p.indent())
	if at == p.at {
		p.x, p.y = p.indent()+x, len(p.rows)+y
	}
	for i, row := range rows {
		p.rows = append(p.rows, p.label(p.fields[at].label, i == 0, at == p.at)+row)
	}
}

func (p *page) label(label string, first, current bool) string {
	if !first {
		return strings.Repeat(" ", p.indent())
	}
	paint := p.style.faint
	if current {
		paint = p.style.strong
	}
	return strings.Repeat(" ", p.margin) + paint(label) + strings.Repeat(" ", labelWidth-len(label))
}

// labelled is a text beside a label.
func (p *page) labelled(label string, paint func(string) string, text string) {
	begin := len(p.rows)
	p.text(p.indent(), paint, text)
	p.rows[begin] = p.label(label, true, false) + p.rows[begin][p.indent():]
}

// text is one paragraph.
func (p *page) text(indent int, paint func(string) string, text string) {
	width := max(min(p.width-p.margin-indent, textWidth), 1)
	for row := range strings.SplitSeq(p.measure.Wrap(protocol.Printable(text), width, ""), "\n") {
		p.rows = append(p.rows, strings.Repeat(" ", indent)+paint(strings.TrimRight(row, " ")))
	}
}

// tilde is a path as people write it.
func tilde(path string) string {
	home, err := os.UserHomeDir()
	if below, found := strings.CutPrefix(path, home+string(filepath.Separator)); err == nil && found {
		return "~/" + below
	}
	return path
}
