package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"parley/protocol"
)

// style is how things look. Everything that it is given from elsewhere comes out printable.
type style struct {
	colour bool
	now    func() time.Time // in the zone that times are shown in
}

// newStyle knows NO_COLOR (no-color.org) and TERM=dumb.
func newStyle() style {
	kind := os.Getenv("TERM")
	return style{colour: os.Getenv("NO_COLOR") == "" && kind != "" && kind != "dumb", now: time.Now}
}

// nameColours are of the 256-colour palette (xterm), of middle lightness: readable on black and on white.
var nameColours = []int{26, 29, 31, 61, 64, 67, 94, 97, 125, 127, 130, 132, 133, 160, 166, 167, 172}

// name is a user's name in its colour, which is the same everywhere.
func (s style) name(user string) string { return s.nameAs(user, protocol.Printable(user)) }

// nameAs is something printable in a user's colour.
func (s style) nameAs(user, shown string) string {
	hash := fnv.New32a()
	hash.Write([]byte(user))
	return s.paint(fmt.Sprintf("38;5;%d", nameColours[hash.Sum32()%uint32(len(nameColours))]), shown)
}

func (s style) faint(text string) string  { return s.paint("2", protocol.Printable(text)) }
func (s style) strong(text string) string { return s.paint("1", protocol.Printable(text)) }

// alert is for what is for this person, or went wrong: orange, which is readable on black and on white.
func (s style) alert(text string) string { return s.paint("1;38;5;166", protocol.Printable(text)) }

func (s style) alarm(text string) string   { return s.paint("7;38;5;166", protocol.Printable(text)) }
func (s style) reverse(text string) string { return s.paint("7", protocol.Printable(text)) }

// marked turns a row round that has colours of its own.
func (s style) marked(row string) string { return s.reverse(ansi.Strip(row)) }

// paint colours text that is printable already.
func (s style) paint(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + resetColour
}

const resetColour = "\x1b[0m"

// message is a message as seen from the room current: others' rooms are named.
func (s style) message(e protocol.Event, current string) string {
	var b strings.Builder
	b.WriteString(s.faint(e.Time.In(s.now().Location()).Format("15:04")))
	b.WriteByte(' ')
	if e.Room != current {
		b.WriteString(s.faint("[" + e.Room + "]"))
		b.WriteByte(' ')
	}
	b.WriteString(s.name(e.User))
	b.WriteString(": ")
	b.WriteString(protocol.Printable(e.Text))
	return b.String()
}

// event is what happened besides messages, as self sees it; "" for what is not shown.
func (s style) event(e protocol.Event, self string) string {
	switch e.Command {
	case protocol.EventJoin:
		if e.User == self {
			return s.faint("* you have joined " + e.Room)
		}
		return s.faint("* " + e.User + " is here (" + e.Room + ")")
	case protocol.EventLeave:
		if e.User == self {
			return s.faint("* you are not in " + e.Room + " any more")
		}
		return s.faint("* " + e.User + " has gone (" + e.Room + ")")
	case protocol.EventHere:
		return s.faint(fmt.Sprintf("* %d are here (%s)", e.Count, e.Room))
	case protocol.EventTopic:
		if e.Text == "" {
			return s.faint("* " + e.User + " has cleared the topic (" + e.Room + ")")
		}
		return s.faint("* " + e.User + " has set the topic: " + e.Text + " (" + e.Room + ")")
	case protocol.EventGone:
		return s.faint(fmt.Sprintf("* message #%d of %s was taken back (%s)", e.ID, e.User, e.Room))
	case protocol.EventNote:
		return s.strong("* " + e.Text)
	}
	return ""
}

// calendar tells when a message is of another day than the one before it.
type calendar struct{ last string }

func (c *calendar) turn(t, now time.Time) string {
	day := t.In(now.Location()).Format("Monday, 2 January 2006")
	if c.last == "" {
		c.last = now.Format("Monday, 2 January 2006")
	}
	if day == c.last {
		return ""
	}
	c.last = day
	return "--- " + day + " ---"
}
