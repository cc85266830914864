package main

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
	"parley/protocol"
)

// completing is a word that Tab is completing.
type completing struct {
	from    int // first cell of the word
	choices []string
	at      int // the choice that stands there; -1: none yet
}

func (in *input) stopCompleting() { in.completing = nil }

// complete puts the next choice (by 1) or the one before (-1) in place of the word before the cursor.
func (m *model) complete(by int) tea.Cmd {
	in := &m.input
	if in.asks() || in.finding {
		return nil
	}
	if in.completing == nil && m.lacksJoinable() {
		return m.askJoinable(by)
	}
	if in.completing == nil {
		from := in.editor.spaceStart()
		if from > 0 && from == in.editor.at && in.editor.cells[from-1] != " " {
			return nil
		}
		before, word := strings.Join(in.editor.cells[:from], ""), strings.Join(in.editor.cells[from:in.editor.at], "")
		if in.editor.at > 0 && in.editor.cells[in.editor.at-1] == " " {
			from, before, word = in.editor.at, strings.Join(in.editor.cells[:in.editor.at], ""), ""
		}
		choices := m.choices(before, word)
		if len(choices) == 0 {
			return nil
		}
		in.completing = &completing{from: from, choices: choices, at: -1}
	}
	c := in.completing
	if c.at += by; c.at < 0 {
		c.at = len(c.choices) - 1
	}
	c.at %= len(c.choices)
	in.editor.replace(c.from, c.choices[c.at])
	m.said = nil
	if len(c.choices) > 1 {
		m.said = []string{m.listChoices(c)}
	}
	return nil
}

// joinable are the rooms that one could join, as they were when Tab last wanted to know.
type joinable struct {
	rooms []string
	asked time.Time
}

const joinableFor = 10 * time.Second

// lacksJoinable tells whether completing what is typed needs the server's answer first.
func (m *model) lacksJoinable() bool {
	return strings.HasPrefix(m.input.editor.text(), "/join ") && m.now().Sub(m.joinable.asked) > joinableFor && m.mirror.Connection.Online
}

// askJoinable asks for them and then completes, where the same is typed still.
func (m *model) askJoinable(by int) tea.Cmd {
	typed := m.input.editor.text()
	m.joinable.asked = m.now()
	return m.question(func(ctx context.Context, s *client.Session) (answerMsg, error) {
		list, err := s.Joinable(ctx)
		return func(m *model) {
			m.joinable.rooms = nil
			for _, room := range list {
				m.joinable.rooms = append(m.joinable.rooms, protocol.Printable(room.Name))
			}
			if m.input.editor.text() == typed {
				m.complete(by)
			}
		}, err
	}, func(*model, bool) {})
}

// listChoices names the choices, from the present one on.
func (m *model) listChoices(c *completing) string {
	var b strings.Builder
	for i := range c.choices {
		b.WriteString(strings.TrimSpace(c.choices[(c.at+i)%len(c.choices)]) + "  ")
	}
	return m.measure.Truncate(b.String(), m.width, "…")
}

// choices are what a word may become, best first, with what follows it. before is what was typed before it.
func (m *model) choices(before, word string) []string {
	var all []string
	end := " "
	switch fields := strings.Fields(before); {
	case before == "" && strings.HasPrefix(word, "/"):
		for _, known := range commands {
			all = append(all, "/"+known.name)
		}
	case strings.HasPrefix(before, "/") && !strings.HasPrefix(before, "//"):
		all = m.arguments(strings.TrimPrefix(fields[0], "/"), len(fields)-1)
	default:
		if before == "" {
			end = ": "
		}
		all = m.people(strings.HasPrefix(word, "@"))
	}
	var choices []string
	for _, one := range all {
		if strings.HasPrefix(one, strings.ToLower(word)) {
			choices = append(choices, one+end)
		}
	}
	return choices
}

// arguments are the choices for the word at an index behind a command, by what its usage calls it.
func (m *model) arguments(name string, index int) []string {
	i := slices.IndexFunc(commands, func(known command) bool { return known.name == name })
	if i < 0 {
		return nil
	}
	usage := strings.Fields(strings.ReplaceAll(commands[i].usage, "or @USER", ""))
	if index >= len(usage) {
		return nil
	}
	switch strings.Trim(usage[index], "[]") {
	case "ROOM":
		if name == "join" {
			return m.joinable.rooms
		}
		return m.mirror.Rooms()
	case "USER":
		return m.people(false)
	}
	return nil
}

// people are the names that may be meant: who spoke last comes first. at asks for them as @name, and rooms with them.
func (m *model) people(at bool) []string {
	var names []string
	add := func(name string) {
		if at {
			name = "@" + name
		}
		if name = protocol.Printable(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	t, self := m.mirror.Room(m.room), m.mirror.Self()
	for _, item := range slices.Backward(t.Items) {
		if user := item.Event.User; user != "" && user != self {
			add(user)
		}
	}
	for _, user := range t.Here {
		if user != self {
			add(user)
		}
	}
	for _, room := range m.mirror.Rooms() {
		if user, alone := strings.CutPrefix(room, "@"); alone {
			add(user)
		}
	}
	return names
}
