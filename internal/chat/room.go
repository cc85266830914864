package chat

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// room is a room or a conversation.
type room struct {
	name    string
	pair    [2]string    // the two of a conversation
	last    int64        // id of the last message
	coming  atomic.Int32 // messages on their way to the log
	members map[*person]*membership
	maker   string // who may lock it, as a member; "" for nobody but admins
	locked  bool   // only who is invited may join
	topic   string
	said    int // messages that were not taken back
	here    crowd
	told    time.Time   // when the last count was told
	count   *time.Timer // runs while a count is due
}

// membership is what a room knows of a member.
type membership struct {
	leaving bool  // their Left or Expelled is on its way to the log
	seen    int64 // id up to which they have read
	read    int   // of room.said: what is not unread to them, because it is not above seen or is their own
}

func (r *room) unread(m *membership) int { return r.said - m.read }

func (r *room) isConversation() bool { return r.pair[0] != "" }

// room returns the room of this name, made where it is new.
func (h *Hub) room(name string) *room {
	r := h.rooms[name]
	if r == nil {
		r = newRoom(name)
		h.rooms[name] = r
		if !r.isConversation() {
			at, _ := slices.BinarySearch(h.names, name)
			h.names = slices.Insert(h.names, at, name)
		}
	}
	return r
}

func newRoom(name string) *room {
	r := &room{name: name, members: make(map[*person]*membership)}
	r.pair[0], r.pair[1] = participants(name)
	return r
}

// restore makes a room as the log has it. Names are sorted when all are made.
func (h *Hub) restore(state *RoomState) {
	r := h.rooms[state.Name]
	if r == nil {
		r = newRoom(state.Name)
		h.rooms[state.Name] = r
		if !r.isConversation() {
			h.names = append(h.names, state.Name)
		}
	}
	r.last, r.said = state.LastID, state.Said
	r.maker, r.topic, r.locked = state.Maker, state.Topic, state.Locked
	for _, name := range state.Members {
		if p := h.people[name]; p != nil {
			r.add(p)
		}
	}
	for _, name := range state.Invited {
		if p := h.people[name]; p != nil {
			p.invite(r)
		}
	}
}

func (h *Hub) membership(account, room string) *membership {
	p, r := h.people[account], h.rooms[room]
	if p == nil || r == nil {
		return nil
	}
	return p.rooms[r]
}

// add makes p a member, if p is none: one who has read nothing yet, or a guest, to whom what was said before is no news.
func (r *room) add(p *person) *membership {
	m := r.members[p]
	if m == nil {
		m = &membership{}
		if p.guest {
			m.seen, m.read = r.last, r.said
		}
		r.members[p], p.rooms[r] = m, m
		delete(p.invites, r)
	}
	return m
}

func (r *room) remove(p *person) {
	delete(r.members, p)
	delete(p.rooms, r)
	r.here.remove(p)
}

func (p *person) invite(r *room) {
	if _, in := p.rooms[r]; in {
		return
	}
	if p.invites == nil {
		p.invites = make(map[*room]struct{})
	}
	p.invites[r] = struct{}{}
}

// admits says whether p, who is no member, may join.
func (r *room) admits(p *person) bool {
	_, invited := p.invites[r]
	return !r.locked || invited || r.maker == p.name
}

// participants are the two of a conversation's name, empty for a room's.
func participants(name string) (a, b string) {
	pair, found := strings.CutPrefix(name, "@")
	if !found {
		return "", ""
	}
	a, b, _ = strings.Cut(pair, "@")
	return a, b
}

// seenBy is the room's name as one of its members sees it.
func (r *room) seenBy(user string) string {
	switch {
	case !r.isConversation():
		return r.name
	case r.pair[0] == user:
		return "@" + r.pair[1]
	}
	return "@" + r.pair[0]
}

// crowd is a set of people that is walked far more often than it changes.
type crowd struct {
	list []*person
	near int // of list: first those whom this node has present, then those who are on other nodes alone, whom nobody here tells anything
	at   map[*person]int
}

func (c *crowd) add(p *person) bool {
	if _, in := c.at[p]; in {
		return false
	}
	if c.at == nil {
		c.at = make(map[*person]int)
	}
	c.at[p] = len(c.list)
	c.list = append(c.list, p)
	c.place(p)
	return true
}

// place moves p, if in the crowd, to the part that p.here says.
func (c *crowd) place(p *person) {
	switch i, in := c.at[p]; {
	case !in || p.here == (i < c.near):
	case p.here:
		c.swap(i, c.near)
		c.near++
	default:
		c.near--
		c.swap(i, c.near)
	}
}

func (c *crowd) remove(p *person) bool {
	i, in := c.at[p]
	if !in {
		return false
	}
	if i < c.near {
		c.near--
		c.swap(i, c.near)
		i = c.near
	}
	last := len(c.list) - 1
	c.swap(i, last)
	c.list = slices.Delete(c.list, last, last+1)
	delete(c.at, p)
	return true
}

func (c *crowd) swap(i, j int) {
	c.list[i], c.list[j] = c.list[j], c.list[i]
	c.at[c.list[i]], c.at[c.list[j]] = i, j
}
