package main

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
	"parley/protocol"
)

// notifier calls for a person who does not look: it makes what the terminal is sent. nil calls for nobody. Both texts are printable.
type notifier func(title, body string) string

const bell = "\a"

// notifiers by their name on the command line. OSC 9 is iTerm2's and many others', some of which take a number at its beginning for something else; OSC 777 is rxvt's, with fields between semicolons.
var notifiers = map[string]notifier{
	"bell": func(string, string) string { return bell },
	"osc9": func(title, body string) string { return bell + "\x1b]9;parley – " + title + ": " + body + "\x1b\\" },
	"osc777": func(title, body string) string {
		return bell + "\x1b]777;notify;" + strings.ReplaceAll(title, ";", ",") + ";" + strings.ReplaceAll(body, ";", ",") + "\x1b\\"
	},
	"off": nil,
}

// knownNotifiers are terminals that are known to take a kind, by the beginning of TERM_PROGRAM or TERM. Others get the bell alone: some show
// sequences that they do not know.
var knownNotifiers = []struct{ terminal, kind string }{
	{"iTerm", "osc9"}, {"WezTerm", "osc9"}, {"ghostty", "osc9"}, {"xterm-ghostty", "osc9"}, {"xterm-kitty", "osc9"}, {"konsole", "osc9"},
	{"foot", "osc777"}, {"rxvt", "osc777"}, {"contour", "osc777"},
}

// notifierFor finds the one that is asked for.
func notifierFor(name string, getenv func(string) string) notifier {
	if name != "auto" {
		return notifiers[name]
	}
	for _, known := range knownNotifiers {
		if strings.HasPrefix(getenv("TERM_PROGRAM"), known.terminal) || strings.HasPrefix(getenv("TERM"), known.terminal) {
			return notifiers[known.kind]
		}
	}
	return notifiers["bell"]
}

// alarms is when the person was called for last, and what for after a lost connection.
type alarms struct {
	last   time.Time
	missed int  // messages for them that were missed
	began  bool // the first connection is there: what is unread then was not missed by this program
}

const alarmsApart = 2 * time.Second

// alarm calls for the person where a message is for them and they do not look at it. What was missed is told once, when all of it is there.
func (m *model) alarm(u client.Update) tea.Cmd {
	if u.State == client.Online {
		missed, began := m.alarms.missed, m.alarms.began
		m.alarms.missed, m.alarms.began = 0, true
		switch {
		case missed == 0 || !began:
			return nil
		case missed == 1:
			return m.call("back", "a message for you while there was no connection")
		}
		return m.call("back", fmt.Sprintf("%d messages for you while there was no connection", missed))
	}
	e := u.Event
	if e.Command == protocol.EventNote && !m.attention.isHere(m.now()) { // an invitation, say
		return m.call("note", protocol.Printable(e.Text))
	}
	alone := strings.HasPrefix(e.Room, "@") && e.User != m.mirror.Self()
	if u.State != client.Event || e.Command != protocol.EventMsg || !alone && !m.mirror.Mentioned(e) {
		return nil
	}
	if u.Past {
		m.alarms.missed++
		return nil
	}
	if m.room == e.Room && m.seesNewest() {
		return nil
	}
	title := e.User
	if !alone {
		title += " in " + e.Room
	}
	return m.call(protocol.Printable(title), protocol.Printable(e.Text))
}

// maxAlarm is how much of a message a notification shows, in columns.
const maxAlarm = 120

func (m *model) call(title, body string) tea.Cmd {
	now := m.now()
	if m.notify == nil || now.Sub(m.alarms.last) < alarmsApart {
		return nil
	}
	m.alarms.last = now
	return tea.Raw(m.notify(title, m.measure.Truncate(body, maxAlarm, "…")))
}
