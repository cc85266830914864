package client_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/internal/client"
	"parley/protocol"
)

// TestMirrorIsExact plays a server, its rooms and people, another session of the same account and lost connections against a Mirror
// that is told as a Client tells it: events in order but late; answers by another way, so that they come before events that are
// older, and after events that are newer. Whenever nothing is on its way any more, all that the Mirror shows must be as the server has it.
func TestMirrorIsExact(t *testing.T) {
	rounds := 10
	if os.Getenv("PARLEY_SOAK") != "" {
		rounds = 2000
	}
	for _, self := range []string{"alice", "~alice"} {
		for round := range rounds {
			t.Run(fmt.Sprint(self, " ", round), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					g := newGame(rt, self)
					rt.Repeat(map[string]func(*rapid.T){
						"say":      g.say,
						"say more": g.say,
						"own":      g.own,
						"erase":    g.erase,
						"topic":    g.topic,
						"join":     g.join,
						"leave":    g.leave,
						"seen":     g.seenElsewhere,
						"post":     g.post,
						"hear":     g.hear,
						"look":     func(t *rapid.T) { g.look(t, rapid.Bool().Draw(t, "looks")) },
						"open":     func(t *rapid.T) { g.show(g.room(t)) },
						"ask":      g.ask,
						"answer":   g.answer,
						"lose":     g.lose,
						"patience": g.patience,
						"rest":     g.rest,
						"":         g.watch,
					})
					g.rest(rt)
				})
			})
		}
	}
}

// played is a room of the server.
type played struct {
	log    []protocol.Event // GONE in place of what was taken back
	member bool
	joined int64 // a guest's position
	heard  int64 // since when a guest is told what is said
}

func (r *played) last() int64 {
	if len(r.log) == 0 {
		return 0
	}
	return r.log[len(r.log)-1].ID
}

// unread is how many messages of others come after a position.
func (r *played) unread(self string, position int64) (n int) {
	for _, e := range r.log {
		if e.ID > position && e.Command == protocol.EventMsg && e.User != self {
			n++
		}
	}
	return n
}

// game is the server, what is on its way from it, and the Mirror.
type game struct {
	m    *client.Mirror
	self string

	rooms   map[string]*played
	lastID  int64
	seen    map[string]int64 // the account's position
	refuses bool             // SEEN is not taken
	online  bool

	feed    []client.Update   // sent, and not told yet
	told    map[string]int64  // newest message sent to this client, by room; history goes on from there
	answers map[string]func() // on their way, by question
	acked   []func()          // texts whose acknowledgement is on its way

	open     string
	looks    bool
	known    map[*client.Timeline]bool           // LIST has told of it
	shown    map[*client.Timeline]int64          // here
	mentions map[*client.Timeline]map[int64]bool // ids of messages told that mention the account
	keys     map[*client.Timeline]map[int64]int  // of the items, when they were looked at last
	erased   map[int64]bool                      // while there was no connection, after they were told: nobody hears of it
}

const small = 8 // messages that are kept of a room

var gameRooms = []string{"lobby", "dev", "@bob"}

func newGame(t *rapid.T, self string) *game {
	g := &game{
		m: client.NewMirror(self, small), self: self, rooms: map[string]*played{}, seen: map[string]int64{},
		told: map[string]int64{}, answers: map[string]func(){}, erased: map[int64]bool{},
		known: map[*client.Timeline]bool{}, shown: map[*client.Timeline]int64{},
		mentions: map[*client.Timeline]map[int64]bool{}, keys: map[*client.Timeline]map[int64]int{},
	}
	for _, name := range g.names() {
		r := &played{member: name != "dev" || rapid.Bool().Draw(t, "member")}
		g.rooms[name] = r
		for range rapid.IntRange(0, 12).Draw(t, "said before") {
			g.log(t, name, rapid.SampledFrom([]string{"bob", self}).Draw(t, "user"))
		}
		r.joined, r.heard = r.last(), r.last()
		if n := len(r.log); n > 0 {
			g.seen[name] = r.log[rapid.IntRange(0, n-1).Draw(t, "read")].ID
		}
	}
	g.show("lobby")
	g.connect(true)
	return g
}

// names are the rooms that there may be: guests have no conversations.
func (g *game) names() []string {
	if g.isGuest() {
		return gameRooms[:2]
	}
	return gameRooms
}

func (g *game) isGuest() bool { return strings.HasPrefix(g.self, "~") }

func (g *game) room(t *rapid.T) string { return rapid.SampledFrom(g.names()).Draw(t, "room") }

func (g *game) position(name string) int64 {
	if g.isGuest() {
		return g.rooms[name].joined
	}
	return g.seen[name]
}

// send puts an event on its way, where there is a connection.
func (g *game) send(e protocol.Event) {
	if g.online {
		g.feed = append(g.feed, client.Update{Event: e})
	}
}

// log has somebody say something.
func (g *game) log(t *rapid.T, name, user string) protocol.Event {
	g.lastID += int64(rapid.IntRange(1, 2).Draw(t, "gap"))
	text := rapid.SampledFrom([]string{"hello", "hello alice"}).Draw(t, "text")
	e := protocol.Event{Command: protocol.EventMsg, ID: g.lastID, Time: when, Room: name, User: user, Text: text}
	g.rooms[name].log = append(g.rooms[name].log, e)
	return e
}

func (g *game) saidBy(t *rapid.T, user string) {
	name := g.room(t)
	e := g.log(t, name, user)
	if g.online && g.rooms[name].member {
		g.told[name] = e.ID
		g.send(e)
	}
}

func (g *game) say(t *rapid.T) {
	g.saidBy(t, rapid.SampledFrom([]string{"bob", "carol"}).Draw(t, "user"))
}

// own: another session of the account says something.
func (g *game) own(t *rapid.T) {
	if !g.isGuest() {
		g.saidBy(t, g.self)
	}
}

func (g *game) erase(t *rapid.T) {
	name := g.room(t)
	r := g.rooms[name]
	if len(r.log) == 0 {
		return
	}
	e := &r.log[rapid.IntRange(0, len(r.log)-1).Draw(t, "which")]
	if e.Command == protocol.EventGone {
		return
	}
	if r.member && !g.online && e.ID <= g.told[name] {
		if g.isGuest() || g.refuses { // nothing tells what is still unread, then
			return
		}
		g.erased[e.ID] = true
	}
	*e = protocol.Event{Command: protocol.EventGone, ID: e.ID, Room: name, User: e.User}
	if r.member {
		g.send(*e)
	}
}

func (g *game) patience(t *rapid.T) {
	if len(g.erased) == 0 {
		g.refuses = rapid.Bool().Draw(t, "refuses")
	}
}

func (g *game) topic(t *rapid.T) {
	if name := g.room(t); !strings.HasPrefix(name, "@") && g.rooms[name].member {
		g.send(protocol.Event{Command: protocol.EventTopic, Room: name, User: "bob", Text: "about"})
	}
}

// join: the account joins the second room, by another session or, a guest, by this one.
func (g *game) join(t *rapid.T) {
	r := g.rooms["dev"]
	if r.member || !g.online || len(g.acked) > 0 || g.isGuest() && (g.m.Room("dev") != nil || len(g.feed) > 0) {
		return
	}
	r.member, r.joined, r.heard = true, r.last(), r.last()
	g.told["dev"] = r.last()
	if g.isGuest() {
		g.show("dev")
		return
	}
	g.send(protocol.Event{Command: protocol.EventJoin, Room: "dev", User: g.self})
}

func (g *game) leave(t *rapid.T) {
	r := g.rooms["dev"]
	if !r.member || !g.online {
		return
	}
	r.member = false
	g.send(protocol.Event{Command: protocol.EventLeave, Room: "dev", User: g.self})
}

// seenElsewhere: another session has shown something.
func (g *game) seenElsewhere(t *rapid.T) {
	name := g.room(t)
	r := g.rooms[name]
	if g.isGuest() || !r.member || len(r.log) == 0 {
		return
	}
	if id := r.log[rapid.IntRange(0, len(r.log)-1).Draw(t, "which")].ID; id > g.seen[name] {
		g.seen[name] = id
		g.send(protocol.Event{Command: protocol.EventSeen, Room: name, ID: id})
	}
}

// post says something from here; the acknowledgement comes by a way of its own. Nobody does it in a room that another session has just
// left or joined, and it is not told yet: the text would go with the room.
func (g *game) post(t *rapid.T) {
	name := g.room(t)
	if slices.ContainsFunc(g.feed, func(u client.Update) bool { return u.Event.User == g.self && u.Event.ID == 0 }) {
		return
	}
	said := g.online && g.rooms[name].member
	p := &client.Post{Target: name, Text: "refused"}
	var e protocol.Event
	if said {
		e = g.log(t, name, g.self)
		p.Text, g.told[name] = e.Text, e.ID
	}
	g.m.Posted(p)
	if !said {
		g.acked = append(g.acked, func() { g.m.Settled(p, 0, &protocol.Error{Code: protocol.NotMember}, when) })
		return
	}
	g.acked = append(g.acked, func() { g.m.Settled(p, e.ID, nil, when) })
}
