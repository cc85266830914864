package main

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
)

// queued is a line that waits to be carried out, and the room that it is for: where it was typed, or where a command before it has gone from there.
type queued struct {
	line, room string
	moves      bool
}

// maxErrands bounds the lines that wait.
const maxErrands = 16

// enter takes what was typed: one line or several, of a text or a /command. What can't be taken is given back.
func (m *model) enter(text string) tea.Cmd {
	m.said, m.overlay = nil, nil
	m.view().follow()
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	_, isText := spoken(lines[0])
	if !isText && len(lines) > 1 {
		m.tell("a /command is one line, and there are more behind it; // at the beginning says them all as they are")
		m.input.editor.setText(text)
		return nil
	}
	for i := range lines[1:] { // further lines are text whatever they begin with
		if strings.HasPrefix(lines[i+1], "/") {
			lines[i+1] = "/" + lines[i+1]
		}
	}
	take := m.say
	if !isText || m.isMoving() {
		take = m.send
	}
	var cmds []tea.Cmd
	for i, line := range lines {
		cmd, ok := take(line)
		if !ok {
			m.input.editor.setText(strings.Join(lines[i:], "\n"))
			break
		}
		cmds = append(cmds, cmd)
	}
	if !m.mirror.Connection.Online {
		m.link.TryNow()
	}
	return tea.Batch(cmds...)
}

// isMoving tells whether a command that waits may go to another room: what is typed behind it is for there.
func (m *model) isMoving() bool {
	for _, w := range m.errands {
		if w.moves {
			return true
		}
	}
	return false
}

// say says a text in the room on the screen.
func (m *model) say(line string) (cmd tea.Cmd, ok bool) {
	text, _ := spoken(line)
	post, err := m.link.TryPost(m.room, text)
	if err != nil {
		m.tell(advised(err))
		return nil, false
	}
	m.last.note(post)
	return m.posted(post), true
}

// send has a line carried out, behind those that wait.
func (m *model) send(line string) (cmd tea.Cmd, ok bool) {
	if len(m.errands) >= maxErrands {
		m.tell("too many commands wait for their answers already")
		return nil, false
	}
	known, found := commandOf(line)
	if m.errands = append(m.errands, queued{line, m.room, found && known.moves}); len(m.errands) > 1 {
		return nil, true
	}
	return m.carryOut(), true
}

// carryOut begins the first of the errands.
func (m *model) carryOut() tea.Cmd {
	first := m.errands[0]
	e := &errand{feed: m.feed, began: first.room, current: first.room, line: first.line}
	t := talker{link: m.link, style: m.style, last: m.last}
	return func() tea.Msg { return e.run(m.ctx, t) }
}

// returned takes what an errand has to tell, and begins the next one.
func (m *model) returned(e *errand) tea.Cmd {
	if e.err != nil {
		m.ended = e.err
		return tea.Quit
	}
	m.input.dropSecret()
	m.report(e)
	m.mirror.Stale() // it may have joined, left or read something
	m.errands = m.errands[1:]
	for i := range m.errands {
		if m.errands[i].room == e.began {
			m.errands[i].room = e.current
		}
	}
	switch {
	case len(m.errands) > 0:
		return m.carryOut()
	case m.ending:
		return m.leave()
	}
	return nil
}

// report shows it: few sentences below the messages, and what is longer over them.
func (m *model) report(e *errand) {
	switch {
	case e.helped:
		m.overlay = m.helpOverlay()
	case e.listed:
		m.overlay = m.foundOverlay(e.line, e.current, e.found)
	case len(e.shown) > 0 || len(e.told) > maxSaid:
		m.overlay = m.listOverlay(e.line, append(e.told, e.shown...))
	case e.current != m.room: // the person has gone elsewhere meanwhile
		for _, text := range e.told {
			m.tell(e.began + ": " + text)
		}
	case len(e.told) > 0:
		m.said = e.told
	}
	if m.overlay != nil {
		m.overlay.draft = m.input.editor.text()
	}
}

func (m *model) posted(post *client.Post) tea.Cmd {
	m.mirror.Posted(post)
	return func() tea.Msg {
		id, err := post.Wait(m.ctx)
		return settledMsg{post, id, err}
	}
}

func (m *model) settled(msg settledMsg) {
	if m.ctx.Err() != nil {
		return // it stays among the unsettled
	}
	m.mirror.Settled(msg.post, msg.id, msg.err, m.now())
	if msg.err != nil {
		t := talker{link: m.link}
		m.tell(t.unsaid(msg.post, msg.err))
	}
}

// unsettled are the texts that were not acknowledged yet; when the program has ended, for who owns the model then.
func (m *model) unsettled() []*client.Post {
	var all []*client.Post
	for _, name := range m.mirror.Rooms() {
		all = append(all, m.mirror.Room(name).Pending...)
	}
	return all
}
