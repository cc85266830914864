package main

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"parley/protocol"
)

// maxTyped bounds what an editor holds, in bytes; more is not taken.
const maxTyped = 256 << 10

// editor is text that is being typed, in one line or more. It moves and deletes by what people take for a character (a grapheme
// cluster, UAX 29), however many code points that has.
type editor struct {
	cells  []string // the clusters of the text, in order
	at     int      // the cursor stands before this cell
	killed string   // what Ctrl-W, Ctrl-U and Ctrl-K took last, for Ctrl-Y
	masked bool     // a password
}

// editorKeys are the keys that work on the text, as readline has them.
var editorKeys = map[string]func(*editor){
	"left": func(e *editor) { e.at = max(0, e.at-1) }, "ctrl+b": func(e *editor) { e.at = max(0, e.at-1) },
	"right":  func(e *editor) { e.at = min(len(e.cells), e.at+1) },
	"home":   func(e *editor) { e.at = e.lineStart() },
	"ctrl+a": func(e *editor) { e.at = e.lineStart() },
	"end":    func(e *editor) { e.at = e.lineEnd() }, "ctrl+e": func(e *editor) { e.at = e.lineEnd() },
	"ctrl+left": func(e *editor) { e.at = e.wordStart() }, "alt+b": func(e *editor) { e.at = e.wordStart() }, "alt+left": func(e *editor) { e.at = e.wordStart() },
	"ctrl+right": func(e *editor) { e.at = e.wordEnd() }, "alt+f": func(e *editor) { e.at = e.wordEnd() }, "alt+right": func(e *editor) { e.at = e.wordEnd() },
	"backspace": func(e *editor) { e.remove(e.at-1, e.at) }, "ctrl+h": func(e *editor) { e.remove(e.at-1, e.at) }, "shift+backspace": func(e *editor) { e.remove(e.at-1, e.at) },
	"delete": func(e *editor) { e.remove(e.at, e.at+1) }, "ctrl+d": func(e *editor) { e.remove(e.at, e.at+1) },
	"ctrl+w": func(e *editor) { e.kill(e.spaceStart(), e.at) }, "alt+backspace": func(e *editor) { e.kill(e.wordStart(), e.at) },
	"alt+d":  func(e *editor) { e.kill(e.at, e.wordEnd()) },
	"ctrl+u": func(e *editor) { e.kill(e.lineStart(), e.at) },
	"ctrl+k": func(e *editor) { e.kill(e.at, e.lineEnd()) },
	"ctrl+y": func(e *editor) { e.insert(e.killed) },
}

// press takes a key and says whether it was one for the text.
func (e *editor) press(key tea.KeyPressMsg) bool {
	if do := editorKeys[key.String()]; do != nil {
		do(e)
		return true
	}
	if key.Text == "" || key.Mod&(tea.ModCtrl|tea.ModAlt) != 0 {
		return false
	}
	e.insert(key.Text)
	return true
}

func (e *editor) text() string { return strings.Join(e.cells, "") }

func (e *editor) setText(text string) {
	e.cells, e.at = clusters(text), 0
	e.at = len(e.cells)
}

func (e *editor) isEmpty() bool { return len(e.cells) == 0 }

// insert puts text before the cursor, with one kind of line end; false: it is too much.
func (e *editor) insert(text string) bool {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	before, after := strings.Join(e.cells[:e.at], "")+text, strings.Join(e.cells[e.at:], "")
	if len(before)+len(after) > maxTyped {
		return false
	}
	// The new text may be one character with what stands beside it.
	e.cells = clusters(before + after)
	e.at = 0
	for n := 0; e.at < len(e.cells) && n < len(before); e.at++ {
		n += len(e.cells[e.at])
	}
	return true
}

// replace puts text in place of the cells from from to the cursor.
func (e *editor) replace(from int, text string) {
	e.remove(from, e.at)
	e.insert(text)
}

func (e *editor) remove(from, to int) {
	from, to = max(0, from), min(len(e.cells), to)
	if from >= to {
		return
	}
	e.cells = slices.Delete(e.cells, from, to)
	e.at = from
	e.insert("") // what is left and right of it may be one character now
}

func (e *editor) kill(from, to int) {
	if !e.masked && from < to {
		e.killed = strings.Join(e.cells[from:to], "")
	}
	e.remove(from, to)
}

func (e *editor) lineStart() int {
	at := e.at
	for at > 0 && e.cells[at-1] != "\n" {
		at--
	}
	return at
}

func (e *editor) lineEnd() int {
	at := e.at
	for at < len(e.cells) && e.cells[at] != "\n" {
		at++
	}
	return at
}

func (e *editor) wordStart() int { return e.back(isWord) }

// spaceStart is where the word begins that spaces part from others.
func (e *editor) spaceStart() int {
	return e.back(func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// line moves the cursor a line up (-1) or down (1), to the same column as far as there is one; false: there is no such line.
func (e *editor) line(by int) bool {
	start, end := e.lineStart(), e.lineEnd()
	column := e.at - start
	switch {
	case by < 0 && start > 0:
		e.at = start - 1
		e.at = min(e.lineStart()+column, start-1)
	case by > 0 && end < len(e.cells):
		e.at = end + 1
		e.at = min(e.at+column, e.lineEnd())
	default:
		return false
	}
	return true
}

// back is where the cells of a kind begin that stand before the cursor, others between passed over.
func (e *editor) back(kind func(cell string) bool) int {
	at := e.at
	for at > 0 && !kind(e.cells[at-1]) {
		at--
	}
	for at > 0 && kind(e.cells[at-1]) {
		at--
	}
	return at
}

func (e *editor) wordEnd() int {
	at := e.at
	for at < len(e.cells) && !isWord(e.cells[at]) {
		at++
	}
	for at < len(e.cells) && isWord(e.cells[at]) {
		at++
	}
	return at
}

func isWord(cell string) bool {
	r, _ := utf8.DecodeRuneInString(cell)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// rows is the text in rows of at most width columns, and where the cursor stands among them. A line end is shown as a sign, so that it
// can be told from a row that is full. There is always a row, and a column for the cursor.
func (e *editor) rows(measure ansi.Method, width int) (rows []string, x, y int) {
	width = max(width, 2)
	var row strings.Builder
	column := 0
	next := func() {
		rows = append(rows, row.String())
		row.Reset()
		column = 0
	}
	for i, cell := range e.cells {
		if i == e.at {
			x, y = column, len(rows)
		}
		shown := protocol.Printable(cell)
		switch {
		case cell == "\n":
			row.WriteString("⏎")
			next()
			continue
		case e.masked:
			shown = "•"
		}
		wide := measure.StringWidth(shown)
		if column+wide >= width && column > 0 { // the last column is for the cursor
			next()
			if i == e.at {
				x, y = 0, len(rows)
			}
		}
		row.WriteString(measure.Truncate(shown, width-1, ""))
		column += min(wide, width-1)
	}
	if e.at == len(e.cells) {
		x, y = column, len(rows)
	}
	next()
	return rows, x, y
}

// clusters cuts text into its grapheme clusters.
func clusters(text string) []string {
	var cells []string
	for text != "" {
		cell, _ := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		if cell == "" {
			break
		}
		cells = append(cells, cell)
		text = text[len(cell):]
	}
	return cells
}
