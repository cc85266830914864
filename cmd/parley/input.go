package main

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/protocol"
)

// input is where one types: a text or command for the room, or what is asked for in its place.
type input struct {
	editor     editor
	history    history
	completing *completing // while Tab is pressed again and again
	confirming bool        // more lines than few wait for a second Enter
	begunIn    string      // what is typed was begun in this room, which is gone; Enter asks first

	finding bool   // what is typed is looked for in the room
	aside   string // what was typed before finding

	question *secretMsg // an errand's, which is answered without being shown; nil: none
	secret   editor
}

// fewLines may be said at once; more are asked about first.
const fewLines = 5

// asks tells whether a question is on the screen. It waits until what is being typed is done, so that no sentence becomes a password.
func (in *input) asks() bool { return in.question != nil && in.editor.isEmpty() && !in.finding }

// active is the editor that keys go to.
func (in *input) active() *editor {
	if in.asks() {
		return &in.secret
	}
	return &in.editor
}

func (in *input) askSecret(ask secretMsg) {
	in.question, in.secret = &ask, editor{masked: true}
}

// answerSecret answers the question on the screen.
func (in *input) answerSecret(err error) {
	in.question.answer <- secretAnswer{in.secret.text(), err}
	in.dropSecret()
}

func (in *input) dropSecret() { in.question, in.secret = nil, editor{} }

// prompt is what stands before the text.
func (m *model) prompt() string {
	switch in := &m.input; {
	case in.asks():
		return in.question.prompt
	case in.finding:
		return "find in " + m.room + ": "
	}
	return m.room + "> "
}

// paste puts in what was pasted; nothing of it is said before Enter.
func (m *model) paste(text string) {
	m.input.stopCompleting()
	m.input.confirming = false
	text = strings.TrimRight(text, "\r\n")
	switch {
	case m.input.asks() && strings.ContainsAny(text, "\r\n"): // it may hold any other blank
		m.said = []string{"that has more than one line, and was not taken"}
		return
	case m.input.finding:
		text = strings.Join(strings.Fields(text), " ")
	}
	if !m.input.active().insert(text) {
		m.tell(fmt.Sprintf("that is too much to paste: at most %d KiB; parley send takes a file", maxTyped>>10))
	}
}

// submit takes Enter.
func (m *model) submit() tea.Cmd {
	in := &m.input
	if in.asks() {
		in.answerSecret(nil)
		return nil
	}
	text := in.editor.text()
	if in.finding {
		m.endFinding()
		if strings.TrimSpace(text) == "" {
			return nil
		}
		cmd, _ := m.send("/find " + text)
		return cmd
	}
	if strings.TrimSpace(text) == "" {
		m.view().follow()
		m.link.TryNow()
		return nil
	}
	if in.begunIn != "" {
		m.said = []string{"You began this in " + protocol.Printable(in.begunIn) + ", where you are not any more. Enter says it " + place(m.room) + "; Ctrl-U drops it."}
		in.begunIn = ""
		return nil
	}
	if lines := countLines(text); lines > fewLines && !in.confirming {
		in.confirming = true
		m.said = []string{fmt.Sprintf("These are %d lines. Enter says them all %s, one after the other; Esc goes back to them.", lines, place(m.room))}
		return nil
	}
	in.confirming = false
	in.history.add(text)
	in.editor.setText("")
	return m.enter(text)
}

func countLines(text string) int {
	count := 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) != "" {
			count++
		}
	}
	return count
}

func (m *model) find() tea.Cmd {
	in := &m.input
	if in.asks() || in.finding {
		return nil
	}
	in.finding, in.aside = true, in.editor.text()
	in.editor.setText("")
	return nil
}

func (m *model) endFinding() {
	m.input.finding = false
	m.input.editor.setText(m.input.aside)
}

// escape takes Esc: it ends what is on top, and in the end goes back to the newest messages.
func (m *model) escape() tea.Cmd {
	in := &m.input
	switch {
	case in.asks():
		in.answerSecret(errNoSecret)
	case in.finding:
		m.endFinding()
	case in.confirming:
		in.confirming = false
		m.said = nil
	case m.overlay != nil:
		m.overlay = nil
	default:
		m.said = nil
		m.view().follow()
	}
	return nil
}

// interrupt takes Ctrl-C: it empties the line, and the second time ends.
func (m *model) interrupt() tea.Cmd {
	if m.leaving {
		return m.leave()
	}
	if m.input.asks() {
		m.input.answerSecret(errNoSecret)
	}
	if m.input.finding {
		m.endFinding()
	} else {
		m.input.editor.kill(0, len(m.input.editor.cells))
	}
	m.leaving = true
	m.said = []string{"Ctrl-C again ends, and you stay signed in; /quit signs out"}
	if m.link.tokens == nil {
		m.said[0] = "Ctrl-C again ends and signs out" // a guest, or one whose password was given
	}
	if waiting := len(m.unsettled()); waiting > 0 {
		m.said = append(m.said, fmt.Sprintf("what waits to be said (%d) is lost then, unless the server answers within %v", waiting, leaveTimeout))
	}
	return nil
}

// endOfInput takes Ctrl-D.
func (m *model) endOfInput() tea.Cmd {
	if m.input.active().isEmpty() {
		return m.leave()
	}
	m.input.active().press(tea.KeyPressMsg{Code: tea.KeyDelete})
	return nil
}

// history is what was typed before, for Up and Down.
type history struct {
	lines []string
	at    int    // index of the line that is shown; len(lines): the draft
	draft string // what was typed before looking back
}

const maxHistory = 500

func (h *history) add(line string) {
	if len(h.lines) == 0 || h.lines[len(h.lines)-1] != line {
		h.lines = append(h.lines, line)
	}
	if len(h.lines) > maxHistory {
		h.lines = h.lines[1:]
	}
	h.at = len(h.lines)
}

// move goes back (-1) or forth (1) and returns what is to be shown; false: there is nothing.
func (h *history) move(step int, typed string) (line string, ok bool) {
	to := h.at + step
	if to < 0 || to > len(h.lines) {
		return "", false
	}
	if h.at == len(h.lines) {
		h.draft = typed
	}
	if h.at = to; to == len(h.lines) {
		return h.draft, true
	}
	return h.lines[to], true
}
