package main

import (
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"
)

// binding is what some keys do on the full screen, besides those that edit what is typed (editor.go).
type binding struct {
	keys  []string // as Bubble Tea names them
	shown string   // how people write them
	help  string
	run   func(m *model) tea.Cmd
}

// bindings are all of them; help and the man page show them in this order. It is filled by init because help looks at it.
var bindings []binding

func init() {
	bindings = []binding{
		{[]string{"enter"}, "Enter", "say the line, or do the /command", (*model).submit},
		{[]string{"alt+enter", "ctrl+j", "shift+enter"}, "Alt-Enter", "another line of the same text", (*model).newLine},
		{[]string{"alt+up", "ctrl+p"}, "Alt-↑ Ctrl-P", "the room above", func(m *model) tea.Cmd { return m.step(-1) }},
		{[]string{"alt+down", "ctrl+n"}, "Alt-↓ Ctrl-N", "the room below", func(m *model) tea.Cmd { return m.step(1) }},
		{[]string{"alt+a"}, "Alt-A", "the next room with something unread, first where you are meant", (*model).nextUnread},
		{[]string{"alt+1", "alt+2", "alt+3", "alt+4", "alt+5", "alt+6", "alt+7", "alt+8", "alt+9"}, "Alt-1 … Alt-9", "the first room, … the ninth", nil},
		{[]string{"alt+u"}, "Alt-U", "where your reading stopped", (*model).toMark},
		{[]string{"pgup"}, "PgUp, wheel", "older messages", func(m *model) tea.Cmd { return m.page(-1) }},
		{[]string{"pgdown"}, "PgDn", "newer messages", func(m *model) tea.Cmd { return m.page(1) }},
		{[]string{"alt+end", "ctrl+end"}, "Alt-End", "the newest message", (*model).toNewest},
		{[]string{"ctrl+f"}, "Ctrl-F", "find messages in this room", (*model).find},
		{[]string{"tab"}, "Tab", "complete a name, room or command; again: the next", func(m *model) tea.Cmd { return m.complete(1) }},
		{[]string{"shift+tab"}, "Shift-Tab", "the one before", func(m *model) tea.Cmd { return m.complete(-1) }},
		{[]string{"up"}, "↑", "what you typed before", func(m *model) tea.Cmd { return m.up() }},
		{[]string{"down"}, "↓", "and after that", func(m *model) tea.Cmd { return m.down() }},
		{[]string{"esc", "alt+esc"}, "Esc", "close what is open; back to the newest message", (*model).escape},
		{[]string{"ctrl+l"}, "Ctrl-L", "draw the screen anew", func(*model) tea.Cmd { return tea.ClearScreen }},
		{[]string{"ctrl+z"}, "Ctrl-Z", "suspend", func(*model) tea.Cmd { return tea.Suspend }},
		{[]string{"ctrl+c"}, "Ctrl-C twice", "end, but stay signed in", (*model).interrupt},
		{[]string{"ctrl+d"}, "Ctrl-D", "the same, where nothing is typed", (*model).endOfInput},
		{[]string{"?"}, "?", "this list, where nothing is typed", (*model).questionMark},
	}
}

// press takes a key.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	name := key.String()
	if name != "ctrl+c" && m.leaving {
		m.leaving, m.said = false, nil
	}
	if name != "tab" && name != "shift+tab" {
		m.input.stopCompleting()
	}
	if name != "enter" && name != "esc" && m.input.confirming {
		m.input.confirming, m.said = false, nil
	}
	if m.overlay != nil && m.pressOverlay(name) {
		return nil
	}
	i := slices.IndexFunc(bindings, func(b binding) bool { return slices.Contains(b.keys, name) })
	if i < 0 || name == "?" && (!m.input.active().isEmpty() || m.input.asks() || m.input.finding) {
		m.input.active().press(key)
		return nil
	}
	if bindings[i].run == nil {
		return m.numbered(name)
	}
	return bindings[i].run(m)
}

func (m *model) newLine() tea.Cmd {
	if !m.input.asks() && !m.input.finding {
		m.input.editor.insert("\n")
	}
	return nil
}

// step shows the next room, or the one before.
func (m *model) step(by int) tea.Cmd {
	rooms := m.mirror.Rooms()
	at := slices.Index(rooms, m.room)
	m.move(rooms[(at+by+len(rooms))%len(rooms)])
	return nil
}

func (m *model) numbered(key string) tea.Cmd {
	n, _ := strconv.Atoi(key[len(key)-1:])
	if rooms := m.mirror.Rooms(); n >= 1 && n <= len(rooms) {
		m.move(rooms[n-1])
	}
	return nil
}

func (m *model) nextUnread() tea.Cmd {
	rooms := m.mirror.Rooms()
	at := slices.Index(rooms, m.room)
	after := append(slices.Clone(rooms[at+1:]), rooms[:at]...)
	for _, meant := range []bool{true, false} {
		for _, room := range after {
			if t := m.mirror.Room(room); t.Unread() > 0 && (!meant || t.Mentions() > 0 || !isRoom(room)) {
				m.move(room)
				return nil
			}
		}
	}
	m.said = []string{"nothing else is unread"}
	return nil
}

func (m *model) page(by int) tea.Cmd {
	m.scroll(by * max(1, m.paneHeight()-2))
	return nil
}

func (m *model) toMark() tea.Cmd {
	if mark := m.mirror.Room(m.room).Mark; mark != 0 {
		m.goTo(mark)
	} else {
		m.said = []string{"nothing is new here"}
	}
	return nil
}

func (m *model) toNewest() tea.Cmd {
	m.view().follow()
	return nil
}

// up goes up a row in what is typed, and from the first one back in what was typed before.
func (m *model) up() tea.Cmd   { return m.vertical(-1) }
func (m *model) down() tea.Cmd { return m.vertical(1) }

func (m *model) vertical(by int) tea.Cmd {
	in := &m.input
	if in.asks() || in.finding || in.editor.line(by) {
		return nil
	}
	if line, ok := in.history.move(by, in.editor.text()); ok {
		in.editor.setText(line)
	}
	return nil
}

func (m *model) questionMark() tea.Cmd {
	m.overlay = m.helpOverlay()
	return nil
}

// mouse takes the wheel and clicks on rooms.
func (m *model) mouse(msg tea.MouseMsg) {
	const wheel = 3
	at := msg.Mouse()
	switch msg.(type) {
	case tea.MouseWheelMsg:
		by := map[tea.MouseButton]int{tea.MouseWheelUp: -wheel, tea.MouseWheelDown: wheel}[at.Button]
		if m.overlay != nil {
			m.overlay.scroll(by)
		} else {
			m.scroll(by)
		}
	case tea.MouseClickMsg:
		if room := m.sidebarAt(at.X, at.Y); room != "" {
			m.move(room)
		}
	}
}
