package main

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/protocol"
)

func tlsVersion(state tls.ConnectionState) string { return tls.VersionName(state.Version) }

// status is the line about the connection, who is here, and what is elsewhere.
func (m *model) status() string {
	var parts []string
	add := func(part string) {
		if part != "" {
			parts = append(parts, part)
		}
	}
	add(m.connectionState())
	add(m.waiting())
	if m.sidebarWidth() == 0 {
		add(m.elsewhere())
	}
	if m.view().scrolled {
		add("↓ Esc: to the newest")
	}
	paint := m.style.reverse
	if c := m.mirror.Connection; c.Online && c.Held != nil {
		paint = m.style.alarm
		add(cannotKeep)
	} else if c.Online {
		add(m.present())
	} else {
		paint = m.style.alarm
		if c.Err != nil && !c.Fetching {
			add(sentence(c.Err))
		}
	}
	return paint(m.fit(" "+m.measure.Truncate(strings.Join(parts, " │ "), m.width-2, "…"), m.width))
}

// connectionState is honest: since when there is no connection, and when the next try is.
func (m *model) connectionState() string {
	c := m.mirror.Connection
	if c.Online {
		return strings.TrimSpace("● " + m.tls)
	}
	switch {
	case c.Fetching:
		return "◌ fetching what was missed"
	case c.Since.IsZero():
		return "○ signing in"
	}
	text := "○ offline since " + m.local(c.Since).Format("15:04")
	if wait := c.Retry.Sub(m.now()).Round(time.Second); wait > 0 {
		return text + fmt.Sprintf(", next try in %v", wait)
	}
	return text + ", trying now"
}

// waiting is how much was typed and not acknowledged, once that is worth telling.
func (m *model) waiting() string {
	n := len(m.unsettled())
	if n == 0 || n == 1 && m.mirror.Connection.Online {
		return ""
	}
	return fmt.Sprintf("%d to be said", n)
}

// elsewhere is what is unread in other rooms, where they are not listed.
func (m *model) elsewhere() string {
	names := slices.DeleteFunc(m.mirror.Rooms(), func(name string) bool { return name == m.room })
	unread, meant := m.counts(names)
	switch {
	case meant > 0:
		return fmt.Sprintf("elsewhere %d, @%d", unread, meant)
	case unread > 0:
		return fmt.Sprintf("elsewhere %d", unread)
	}
	return ""
}

// present is who is in the room, as far as it is known.
func (m *model) present() string {
	t := m.mirror.Room(m.room)
	switch {
	case t.HereCount == 0:
		return ""
	case t.Here == nil:
		return fmt.Sprintf("%d here", t.HereCount)
	}
	return fmt.Sprintf("%d here: %s", t.HereCount, protocol.Printable(strings.Join(t.Here, " ")))
}
