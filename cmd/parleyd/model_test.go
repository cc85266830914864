package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// model is what rooms, memberships and read positions must be, kept as plainly as can be: nothing is counted before somebody asks.
type model struct {
	rooms    map[string]*modelRoom
	accounts map[string]*modelAccount
	admin    string
}

type modelRoom struct {
	said    []modelMessage
	members map[string]bool
	invited map[string]bool
	maker   string
	locked  bool
	pair    [2]string // of a conversation
	topic   string
}

type modelMessage struct {
	id         int64
	user, text string // the text "" where it was taken back
}

type modelAccount struct {
	seen  map[string]int64 // by the room's own name
	muted bool
}

func newModel(admin string, accounts ...string) *model {
	m := &model{rooms: map[string]*modelRoom{}, accounts: map[string]*modelAccount{}, admin: admin}
	lobby := m.make("lobby")
	for _, name := range accounts {
		m.accounts[name] = &modelAccount{seen: map[string]int64{}}
		lobby.members[name] = true
	}
	return m
}

func (m *model) make(name string) *modelRoom {
	r := &modelRoom{members: map[string]bool{}, invited: map[string]bool{}}
	m.rooms[name] = r
	return r
}

// own is the model's name for what somebody calls target.
func (m *model) own(who, target string) string {
	other, found := strings.CutPrefix(target, "@")
	if !found {
		return target
	}
	return "@" + min(who, other) + "@" + max(who, other)
}

// shown is what somebody calls a room.
func (r *modelRoom) shown(who, name string) string {
	switch {
	case r.pair[0] == "":
		return name
	case r.pair[0] == who:
		return "@" + r.pair[1]
	}
	return "@" + r.pair[0]
}

// in is the room that somebody is a member of, or nil.
func (m *model) in(who, name string) *modelRoom {
	if r := m.rooms[name]; r != nil && r.members[who] {
		return r
	}
	return nil
}

// mayspeak is the code that refuses what somebody says in a target, "" where nothing does.
func (m *model) mayspeak(who, name string) string {
	switch {
	case !strings.HasPrefix(name, "@") && m.in(who, name) == nil:
		return "not-member"
	case m.accounts[who].muted:
		return "forbidden"
	}
	return ""
}

func (m *model) say(who, name string, id int64, text string) {
	r := m.rooms[name]
	if r == nil {
		r = m.make(name)
		f := strings.Split(name, "@")
		r.pair = [2]string{f[1], f[2]}
	}
	if r.pair[0] != "" {
		r.members[r.pair[0]], r.members[r.pair[1]] = true, true
	}
	r.said = append(r.said, modelMessage{id, who, text})
}

func (m *model) mayjoin(who, name string) string {
	r := m.rooms[name]
	if r == nil || !r.locked || r.members[who] || r.invited[who] || r.maker == who {
		return ""
	}
	return "not-member"
}

func (m *model) join(who, name string) {
	r := m.rooms[name]
	if r == nil {
		r = m.make(name)
		r.maker = who
	}
	r.members[who] = true
	delete(r.invited, who)
}

// rules is the code that refuses LOCK, OPEN and EXPEL.
func (m *model) rules(who, name string) string {
	r := m.rooms[name]
	switch {
	case r == nil, who != m.admin && !r.members[who]:
		return "not-member"
	case name == "lobby", who != m.admin && r.maker != who:
		return "forbidden"
	}
	return ""
}

func (m *model) expel(who, name string) {
	r := m.rooms[name]
	delete(r.members, who)
	delete(r.invited, who)
	if r.maker == who {
		r.maker = ""
	}
}

// last is the id of the last message in a room.
func (r *modelRoom) last() int64 {
	if len(r.said) == 0 {
		return 0
	}
	return r.said[len(r.said)-1].id
}

// see moves a position and says where it is then.
func (m *model) see(who, name string, id int64) (at int64, moved bool) {
	a := m.accounts[who]
	r := m.rooms[name]
	if r == nil { // a conversation in which nothing was said
		return 0, false
	}
	if at = min(id, r.last()); at > a.seen[name] {
		a.seen[name] = at
		return at, true
	}
	return a.seen[name], false
}

// find is the message of an id, its room's name, and its place there.
func (m *model) find(id int64) (name string, at *modelMessage) {
	for name, r := range m.rooms {
		for i := range r.said {
			if r.said[i].id == id {
				return name, &r.said[i]
			}
		}
	}
	return "", nil
}

// list is what LIST must answer.
func (m *model) list(who string) string {
	var items []string
	for name, r := range m.rooms {
		if !r.members[who] {
			continue
		}
		seen, unread := m.accounts[who].seen[name], 0
		for _, x := range r.said {
			if x.id > seen && x.user != who && x.text != "" {
				unread++
			}
		}
		items = append(items, fmt.Sprintf("%s:%d:%d:%d", r.shown(who, name), r.last(), seen, unread))
	}
	return "OK|" + strings.Join(sorted(items), "|")
}

// joinable is what LIST|* must answer.
func (m *model) joinable(who string) string {
	var items []string
	for name, r := range m.rooms {
		if r.pair[0] == "" && !r.members[who] && m.mayjoin(who, name) == "" {
			items = append(items, fmt.Sprintf("%s:%d", name, len(r.members)))
		}
	}
	return "OK|" + strings.Join(sorted(items), "|")
}

// sorted sorts items by the names before their colons.
func sorted(items []string) []string {
	byName := map[string]string{}
	for _, item := range items {
		name, _, _ := strings.Cut(item, ":")
		byName[name] = item
	}
	items = items[:0]
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		items = append(items, byName[name])
	}
	return items
}

// history is what HISTORY must answer, without times.
func (m *model) history(who, name string) (lines []string) {
	r := m.rooms[name]
	if r == nil {
		return nil
	}
	for _, x := range r.said[max(0, len(r.said)-50):] {
		lines = append(lines, messageLine(x, r.shown(who, name)))
	}
	return lines
}

func messageLine(x modelMessage, room string) string {
	if x.text == "" {
		return fmt.Sprintf("GONE|%d|%s|%s", x.id, room, x.user)
	}
	return fmt.Sprintf("MSG|%d|%s|%s|%s", x.id, room, x.user, x.text)
}
