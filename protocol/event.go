package protocol

import (
	"strconv"
	"strings"
	"time"
)

// Commands of replies and events. Nothing but a reply begins with OK or ERROR.
const (
	ReplyOK    = "OK"
	ReplyError = "ERROR"
	EventMsg   = "MSG"
	EventJoin  = "JOIN"
	EventLeave = "LEAVE"
	EventHere  = "HERE"
	EventTopic = "TOPIC"
	EventSeen  = "SEEN"
	EventGone  = "GONE"
	EventNote  = "NOTE"
	EventBye   = "BYE"
)

// Event is a line that the server sends without being asked. Which fields
// count depends on Command.
type Event struct {
	Command string
	ID      int64     // MSG, GONE; SEEN: up to where was read
	Time    time.Time // MSG
	Room    string    // MSG, SEEN, GONE (@other for a conversation), JOIN, LEAVE, HERE, TOPIC
	User    string    // MSG, JOIN, LEAVE; TOPIC: who set it; GONE: who had said it
	Count   int       // HERE
	Code    string    // BYE
	Text    string    // MSG, NOTE, BYE; TOPIC, where it may be empty
}

// field is how one field of an event is written and read.
type field struct {
	put func(dst []byte, e *Event) []byte
	get func(e *Event, s string) *Error
}

var (
	idField = field{
		put: func(dst []byte, e *Event) []byte { return strconv.AppendInt(dst, e.ID, 10) },
		get: func(e *Event, s string) (err *Error) { e.ID, err = ParseID(s); return err },
	}
	timeField = field{
		put: func(dst []byte, e *Event) []byte { return AppendTime(dst, e.Time) },
		get: func(e *Event, s string) *Error {
			t, err := time.Parse(TimeLayout, s)
			if err != nil || len(s) != len(TimeLayout) {
				return Errorf(BadData, "a time is as in %s", TimeLayout)
			}
			e.Time = t
			return nil
		},
	}
	countField = field{
		put: func(dst []byte, e *Event) []byte { return strconv.AppendInt(dst, int64(e.Count), 10) },
		get: func(e *Event, s string) *Error { n, err := ParseID(s); e.Count = int(n); return err },
	}
	roomField = textField(func(e *Event) *string { return &e.Room })
	userField = textField(func(e *Event) *string { return &e.User })
	codeField = textField(func(e *Event) *string { return &e.Code })
	lastField = textField(func(e *Event) *string { return &e.Text })
)

func textField(of func(*Event) *string) field {
	return field{
		put: func(dst []byte, e *Event) []byte { return append(dst, *of(e)...) },
		get: func(e *Event, s string) *Error { *of(e) = s; return nil },
	}
}

// eventFields are the fields of each event, in order; the last takes the rest of the line.
var eventFields = map[string][]field{
	EventMsg:   {idField, timeField, roomField, userField, lastField},
	EventJoin:  {roomField, userField},
	EventLeave: {roomField, userField},
	EventHere:  {roomField, countField},
	EventTopic: {roomField, userField, lastField},
	EventSeen:  {roomField, idField},
	EventGone:  {idField, roomField, userField},
	EventNote:  {lastField},
	EventBye:   {codeField, lastField},
}

// Append appends the event as a line with its LF to dst.
func (e *Event) Append(dst []byte) []byte {
	dst = append(dst, e.Command...)
	for _, f := range eventFields[e.Command] {
		dst = f.put(append(dst, '|'), e)
	}
	return append(dst, '\n')
}

// ParseEvent reads an event's line. known is false for a command that is no
// event of this version: a client ignores it. An event with bad fields is BadData.
func ParseEvent(line Line) (e Event, known bool, err *Error) {
	fields, known := eventFields[line.Command]
	if !known {
		return Event{}, false, nil
	}
	parts := strings.SplitN(line.Data, "|", len(fields))
	if len(parts) != len(fields) {
		return Event{}, true, Errorf(BadData, "%s has %d fields, not %d", line.Command, len(fields), len(parts))
	}
	e.Command = line.Command
	for i, f := range fields {
		if err := f.get(&e, parts[i]); err != nil {
			return Event{}, true, err
		}
	}
	return e, true, nil
}
