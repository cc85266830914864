package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/google/uuid"

	"parley/auth"
	"parley/internal/chat"
	"parley/protocol"
)

// Bounds of what nodes say.
const (
	maxMessage  = 32 << 10 // bytes of a message
	maxNodes    = 256      // that are known at once
	maxParts    = 1 << 14  // of one node's state
	maxRooms    = 256      // of a guest; more are not told of
	maxSessions = 1 << 20  // of a person
)

// kind says what a message tells, and so which of its fields count.
type kind string

const (
	beat   kind = "beat"   // Seq: of the last change
	change kind = "change" // Seq, People: what changed
	want   kind = "want"   // Ask: for the state; to one node
	state  kind = "state"  // Ask that asked for it, Seq, Part of Parts, People: all, as of that change; to one node
	note   kind = "note"   // Notices
	ask    kind = "ask"    // Ask, and Session, Session and End or Guest with Reason, or Note with Room
	answer kind = "answer" // Ask, Count; to one node
)

// message is all that nodes say to each other.
type message struct {
	Kind    kind      `json:"kind"`
	Node    string    `json:"node"` // who says it
	Seq     uint64    `json:"seq,omitempty"`
	Part    int       `json:"part,omitempty"` // from 0
	Parts   int       `json:"parts,omitempty"`
	People  []someone `json:"people,omitempty"`
	Notices []notice  `json:"notices,omitempty"`
	Ask     uint64    `json:"ask,omitempty"`
	Session string    `json:"session,omitempty"` // does it live?
	End     bool      `json:"end,omitempty"`     // end it
	Guest   string    `json:"guest,omitempty"`   // is to be ended
	Room    string    `json:"room,omitempty"`    // to which Note is told; "" for everybody
	Note    string    `json:"note,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Count   int       `json:"count,omitempty"` // sessions that live, or were ended
}

// someone is a chat.Presence.
type someone struct {
	Name     string   `json:"n"`
	Present  bool     `json:"p,omitempty"`
	Sessions int      `json:"s,omitempty"`
	Rooms    []string `json:"r,omitempty"`
}

func newSomeone(name string, is chat.Presence) someone {
	return someone{name, is.Present, is.Sessions, is.Rooms[:min(len(is.Rooms), maxRooms)]}
}

func (s *someone) presence() chat.Presence {
	return chat.Presence{Present: s.Present, Sessions: s.Sessions, Rooms: s.Rooms}
}

// notice is an auth.Notice.
type notice struct {
	Kind    auth.NoticeKind `json:"k"`
	Name    string          `json:"n,omitempty"`
	Network string          `json:"a,omitempty"`
}

func newNotice(n auth.Notice) notice {
	w := notice{Kind: n.Kind, Name: n.Name}
	if n.Network.IsValid() {
		w.Network = n.Network.String()
	}
	return w
}

// notice reads it; one without a network stays one.
func (w *notice) notice() (auth.Notice, error) {
	n := auth.Notice{Kind: w.Kind, Name: w.Name}
	if w.Network == "" {
		return n, nil
	}
	var err error
	n.Network, err = netip.ParsePrefix(w.Network)
	return n, err
}

func (m *message) encode() []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers alone
	}
	return data
}

var errTooLong = errors.New("longer than a message may be")

// decode reads a message as strictly as one from a stranger. Its errors hold nothing of what was read but names of fields.
func decode(data []byte) (*message, error) {
	if len(data) > maxMessage {
		return nil, errTooLong
	}
	var m message
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("not a message: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than a message")
	}
	return &m, m.check()
}

func (m *message) check() error {
	if handlers[m.Kind] == nil {
		return errors.New("an unknown kind")
	}
	if id, err := uuid.Parse(m.Node); err != nil || id.String() != m.Node {
		return errors.New("no node's name")
	}
	if m.Part < 0 || m.Parts < 0 || m.Parts > maxParts || m.Count < 0 || m.Count > maxSessions || m.Kind == state && m.Part >= m.Parts {
		return errors.New("a number out of bounds")
	}
	for i := range m.People {
		if err := m.People[i].check(); err != nil {
			return err
		}
	}
	for i := range m.Notices {
		if _, err := m.Notices[i].notice(); err != nil {
			return errors.New("no network")
		}
	}
	if m.Guest != "" && protocol.CheckShownName(m.Guest) != nil || m.Reason != "" && protocol.CheckText(m.Reason) != nil {
		return errors.New("no guest's name, or no reason")
	}
	if m.Note != "" && protocol.CheckText(m.Note) != nil || m.Room != "" && protocol.CheckName(m.Room) != nil {
		return errors.New("no note, or no room")
	}
	return nil
}

func (s *someone) check() error {
	if protocol.CheckShownName(s.Name) != nil || s.Sessions < 0 || s.Sessions > maxSessions || len(s.Rooms) > maxRooms {
		return errors.New("no person")
	}
	for _, room := range s.Rooms {
		if protocol.CheckName(room) != nil {
			return errors.New("no room")
		}
	}
	return nil
}

// pack cuts people into pieces that fit into a message each, and returns at least one, which may be empty.
func pack(people []someone, most int) (pieces [][]someone) {
	const around = 256 // the rest of a message
	begin, size := 0, 0
	for i := range people {
		n := len(people[i].Name) + 48
		for _, room := range people[i].Rooms {
			n += len(room) + 3
		}
		if i > begin && size+n > most-around {
			pieces = append(pieces, people[begin:i])
			begin, size = i, 0
		}
		size += n
	}
	return append(pieces, people[begin:])
}
