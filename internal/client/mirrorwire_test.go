package client_test

import (
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"parley/internal/client"
	"parley/protocol"
)

// hear tells the Mirror some of what is on its way.
func (g *game) hear(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "events") {
		if len(g.feed) == 0 {
			break
		}
		u := g.feed[0]
		g.feed = g.feed[1:]
		g.m.Take(u, when)
		if e := u.Event; e.Command == protocol.EventMsg && e.User != g.self && strings.Contains(e.Text, "alice") {
			timeline := g.m.Room(e.Room)
			if g.mentions[timeline] == nil {
				g.mentions[timeline] = map[int64]bool{}
			}
			g.mentions[timeline][e.ID] = true
		}
	}
	g.look(t, g.looks)
}

func (g *game) show(name string) {
	g.open, g.looks = name, g.looks && name == g.open
	g.m.Open(name)
}

// look is what the screen does after each step.
func (g *game) look(t *rapid.T, looks bool) {
	g.looks = looks
	g.m.Attend(looks)
	if timeline := g.m.Room(g.open); looks && timeline != nil && g.known[timeline] {
		g.shown[timeline] = max(g.shown[timeline], timeline.Newest())
	}
	g.watch(t)
}

// tellSeen is what the Client does before it asks LIST.
func (g *game) tellSeen() {
	if g.isGuest() || g.refuses {
		return
	}
	for name, r := range g.rooms {
		if t := g.m.Room(name); t != nil && r.member {
			g.seen[name] = max(g.seen[name], min(t.Read, r.last()))
		}
	}
}

// list is LIST's answer, now.
func (g *game) list() (all []client.Room) {
	for name, r := range g.rooms {
		if r.member && (!strings.HasPrefix(name, "@") || len(r.log) > 0) {
			position := g.position(name)
			all = append(all, client.Room{Name: name, LastID: r.last(), Seen: position, Unread: r.unread(g.self, position)})
		}
	}
	return all
}

func (g *game) listed(list []client.Room) {
	g.m.Listed(list)
	for _, room := range list {
		g.known[g.m.Room(room.Name)] = true
	}
	if t := g.m.Room("@bob"); t != nil && t.Newest() == 0 {
		g.known[t] = true
	}
}

// ask asks what is needed; the server looks at once.
func (g *game) ask(t *rapid.T) {
	if g.answers["list"] == nil && g.m.NeedsList() {
		g.tellSeen()
		if !g.online {
			g.answers["list"] = g.m.ListFailed
		} else {
			list := g.list()
			g.answers["list"] = func() { g.listed(list) }
		}
	}
	g.askOlder(t, g.room(t))
	g.askReview(t)
}

// askReview asks what was taken back meanwhile.
func (g *game) askReview(t *rapid.T) {
	if g.answers["review"] != nil || !g.online {
		return
	}
	question, ok := g.m.NeedsReview()
	if !ok || !g.rooms[question.Room].member {
		return
	}
	if question.Limit > 4*small+small {
		t.Fatalf("%d messages are asked for anew", question.Limit)
	}
	limit := rapid.IntRange(1, question.Limit).Draw(t, "limit") // as if no more may be asked for at once
	page, start := g.before(question.Room, question.Before, limit)
	g.answers["review"] = func() { g.m.Reviewed(question, page, start) }
}

// before is a page of HISTORY as it is now.
func (g *game) before(name string, id int64, limit int) (page []protocol.Event, start bool) {
	for _, e := range g.rooms[name].log {
		if e.ID < id {
			page = append(page, e)
		}
	}
	start = len(page) < limit
	return page[max(0, len(page)-limit):], start
}

func (g *game) askOlder(t *rapid.T, name string) {
	timeline := g.m.Room(name)
	if timeline == nil || !g.m.Connection.Online {
		return
	}
	before, ok := timeline.NeedsOlder()
	if !ok {
		return
	}
	if !g.online || !g.rooms[name].member {
		g.answers[name] = timeline.OlderFailed
		return
	}
	limit := rapid.IntRange(1, 6).Draw(t, "limit")
	page, start := g.before(name, before, limit)
	g.answers[name] = func() { timeline.Older(page, start) }
}

// answer lets one of the answers arrive.
func (g *game) answer(t *rapid.T) {
	if questions := slices.Sorted(maps.Keys(g.answers)); len(questions) > 0 {
		which := rapid.SampledFrom(questions).Draw(t, "question")
		arrive := g.answers[which]
		delete(g.answers, which)
		arrive()
	}
	if n := len(g.acked); n > 0 {
		g.acked[0]()
		g.acked = g.acked[1:]
	}
	g.look(t, g.looks)
}

// lose ends the connection; what was sent still arrives.
func (g *game) lose(t *rapid.T) {
	g.online = !g.online
	if !g.online {
		g.feed = append(g.feed, client.Update{State: client.Lost, Err: client.ErrSilent})
		return
	}
	if g.isGuest() { // whose memberships end with the connection
		for name, r := range g.rooms {
			r.member, r.joined = name == "lobby", max(r.joined, g.rooms[name].last())
		}
	}
	g.connect(false)
}

// connect catches up as a Client does.
func (g *game) connect(first bool) {
	for name, r := range g.rooms {
		if !r.member {
			continue
		}
		after, known := g.told[name]
		switch {
		case known:
		case first && r.unread(g.self, g.position(name)) <= 5:
			after = g.position(name)
		default:
			after = r.last()
		}
		for _, e := range r.log {
			if e.ID > after {
				g.feed = append(g.feed, client.Update{Event: e, Past: true})
			}
		}
		g.told[name] = r.last()
	}
	g.online = true
	g.feed = append(g.feed, client.Update{State: client.Online})
}
