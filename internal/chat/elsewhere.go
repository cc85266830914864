package chat

import "strings"

// A person is present while this node or any other says so. What the others say comes from whoever
// carries it between them (internal/cluster), in absolute terms: saying it twice changes
// nothing, and saying all of it anew puts right whatever was lost. Each node tells its own sessions when the sum changes.

// guestMark begins the names of guests, and of nobody else.
const guestMark = "~"

// clashEnded is told to a guest who came in at the same moment as another of that name did on another node.
const clashEnded = "another guest of this name came in at the same moment: take another name"

// MaxElsewhere is of how many people one other node can say something; of more, nothing is known.
const MaxElsewhere = 1 << 17

// Presence is what one node says of one person. The zero Presence says that there is nothing of them.
type Presence struct {
	Present  bool     // an entered session, or one that was lost less than a grace ago
	Sessions int      // signed in, entered or not
	Rooms    []string // a guest's, but the lobby, in no order; what rooms an account is in, the log says
}

func (p *Presence) nothing() bool { return !p.Present && p.Sessions == 0 }

// Link makes the hub one of several. node is this node's name among them. changed is called with who has another
// Presence now; it is called under the hub's lock, and so never blocks and never calls the hub. Link("", nil) ends that.
func (h *Hub) Link(node string, changed func(name string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.node, h.changed = node, changed
}

// tellNodes says that p has another Presence now.
func (h *Hub) tellNodes(p *person) {
	if h.changed != nil && !h.closed {
		h.changed(p.name)
	}
}

// Here is what this node says of all of whom it has something to say.
func (h *Hub) Here() map[string]Presence {
	h.mu.Lock()
	defer h.mu.Unlock()
	lobby := h.room(Lobby).here
	all := make(map[string]Presence, lobby.near)
	for _, p := range lobby.list[:lobby.near] { // everybody is in the lobby
		all[p.name] = p.presence()
	}
	for _, s := range h.seats {
		if p := s.person; !p.here && h.people[p.name] == p {
			all[p.name] = p.presence()
		}
	}
	return all
}

// HereOf is what this node says of one person.
func (h *Hub) HereOf(name string) Presence {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.people[name]; p != nil {
		return p.presence()
	}
	return Presence{}
}

func (p *person) presence() Presence {
	is := Presence{Present: p.here, Sessions: len(p.seats)}
	if p.guest && len(p.seats) > 0 {
		for r := range p.rooms {
			if r.name != Lobby {
				is.Rooms = append(is.Rooms, r.name)
			}
		}
	}
	return is
}

// Elsewhere takes what another node says of one person, in place of what it said before.
func (h *Hub) Elsewhere(node, name string, is Presence) {
	h.mu.Lock()
	defer h.unlock()
	if h.closed {
		return
	}
	was, known := h.nodes[node][name]
	if is.nothing() && !known || !known && len(h.nodes[node]) >= MaxElsewhere {
		return
	}
	h.keep(node, name, is)
	p := h.people[name]
	if p == nil && strings.HasPrefix(name, guestMark) && !is.nothing() {
		p = h.addGuest(name)
	}
	if p == nil {
		return // addAccount looks it up
	}
	p.away(&was, -1)
	p.away(&is, 1)
	if p.guest {
		h.roam(p)
	}
	h.settle(p, "")
	h.forgetGuest(p)
	if p.guest && !is.nothing() && node < h.node {
		for _, s := range p.seats {
			s.member.End(clashEnded)
		}
	}
}

// ElsewhereAll takes all that another node has to say, in place of all that it said before.
func (h *Hub) ElsewhereAll(node string, all map[string]Presence) {
	h.mu.Lock()
	var gone []string
	for name := range h.nodes[node] {
		if _, still := all[name]; !still {
			gone = append(gone, name)
		}
	}
	h.mu.Unlock()
	for name, is := range all {
		h.Elsewhere(node, name, is)
	}
	for _, name := range gone {
		h.Elsewhere(node, name, Presence{})
	}
}

// NodeGone says that a node has nothing to say any more.
func (h *Hub) NodeGone(node string) { h.ElsewhereAll(node, nil) }

// keep keeps what a node says.
func (h *Hub) keep(node, name string, is Presence) {
	people := h.nodes[node]
	if people == nil {
		people = make(map[string]Presence)
		h.nodes[node] = people
	}
	people[name] = is
	if is.nothing() {
		delete(people, name)
	}
	if len(people) == 0 {
		delete(h.nodes, node)
	}
}

// away counts what a node says, or with -1 no longer says.
func (p *person) away(is *Presence, n int) {
	p.seatsAway += n * is.Sessions
	if is.Present {
		p.nodes += n
	}
}

// setHere says whether this node has p present. session is what brought them.
func (h *Hub) setHere(p *person, here bool, session string) {
	if p.here == here {
		return
	}
	p.here = here
	h.tellNodes(p)
	if p.nodes > 0 {
		for r := range p.rooms {
			r.here.place(p)
		}
	}
	h.settle(p, session)
}

// settle brings p into their rooms, or takes them out, where the sum of what all nodes say has changed.
func (h *Hub) settle(p *person, session string) {
	present := p.here || p.nodes > 0
	if p.present == present {
		return
	}
	p.present = present
	for r := range p.rooms {
		if present {
			h.came(r, p, session)
		} else {
			h.went(r, p)
		}
	}
}

func (h *Hub) addGuest(name string) *person {
	p := &person{name: name, guest: true, rooms: make(map[*room]*membership)}
	h.people[name] = p
	h.room(Lobby).add(p)
	return p
}

// forgetGuest lets go of a guest who is on no node.
func (h *Hub) forgetGuest(p *person) {
	if !p.guest || len(p.seats) > 0 || p.seatsAway > 0 || p.nodes > 0 {
		return
	}
	for r := range p.rooms {
		r.remove(p)
	}
	delete(h.people, p.name)
	delete(h.adrift, p)
}

// roam puts a guest of other nodes alone into the rooms that they are in there.
func (h *Hub) roam(p *person) {
	delete(h.adrift, p)
	if len(p.seats) > 0 || p.nodes+p.seatsAway == 0 {
		return
	}
	in := map[*room]bool{h.room(Lobby): true}
	for _, people := range h.nodes {
		for _, name := range people[p.name].Rooms {
			if r := h.rooms[name]; r == nil {
				h.adrift[p] = struct{}{}
			} else if !r.isConversation() {
				in[r] = true
			}
		}
	}
	for r := range p.rooms {
		if !in[r] {
			h.leave(p, r, "")
		}
	}
	for r := range in {
		if p.rooms[r] == nil {
			h.join(p, r, "")
		}
	}
}
