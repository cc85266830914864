package historytest_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	. "parley/internal/historytest"
)

// world is a server that makes no mistake, and clients that lose their connections.
type world struct {
	t       *rapid.T
	clock   int64
	now     time.Time
	log     []Message
	clients []*person
	h       *History
}

type person struct {
	name    string
	known   int64    // nothing is missing up to this id
	session *Session // nil: away
	heard   int      // of the log, by the session
	sent    int
	open    *Send // not acknowledged yet
	kept    bool  // open is in the log
	tries   int
}

var rooms = []string{"lobby", "hall"}

// good draws a history in which everything is right. Three nodes show it.
func good(t *rapid.T) *History {
	w := &world{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), h: &History{Nodes: make(map[string][]Message)}}
	for i := range rapid.IntRange(2, 4).Draw(t, "clients") {
		w.clients = append(w.clients, &person{name: fmt.Sprintf("user%d", i)})
	}
	for range rapid.IntRange(40, 120).Draw(t, "steps") {
		p := rapid.SampledFrom(w.clients).Draw(t, "who")
		if p.session == nil {
			w.arrive(p)
		} else {
			step := rapid.SampledFrom([]func(*person){w.say, w.say, w.keep, w.keep, w.acknowledge, w.acknowledge, w.hear, w.hear, w.leave}).Draw(t, "step")
			step(p)
		}
	}
	for _, p := range w.clients {
		if p.session != nil {
			w.hear(p)
			w.leave(p)
		}
		if p.open != nil {
			w.h.Sends = append(w.h.Sends, *p.open)
		}
	}
	for _, node := range []string{"a", "b", "c"} {
		w.h.Nodes[node] = slices.Clone(w.log)
	}
	return w.h
}

func (w *world) tick() int64 { w.clock++; return w.clock }

func (w *world) arrive(p *person) {
	p.session = &Session{Client: p.name, User: p.name, Node: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(w.t, "node"), From: p.known}
	p.session.Whole = rapid.IntRange(0, 4).Draw(w.t, "whole") > 0
	for _, m := range w.log {
		if m.ID > p.known {
			p.session.Seen = append(p.session.Seen, Seen{Page, m})
		}
	}
	p.heard = max(0, len(w.log)-rapid.IntRange(0, 2).Draw(w.t, "overlap"))
	if !p.session.Whole && len(p.session.Seen) > 0 {
		p.session.Seen = p.session.Seen[:len(p.session.Seen)-1]
	}
	p.tries++
}

func (w *world) say(p *person) {
	if p.open == nil {
		p.sent++
		p.open = &Send{User: p.name, Room: rapid.SampledFrom(rooms).Draw(w.t, "room"), Key: fmt.Sprint("k", p.sent), Text: fmt.Sprint("text ", p.sent), Began: w.tick()}
		p.kept, p.tries = false, 1
	}
}

func (w *world) keep(p *person) {
	if p.open == nil || p.kept {
		return
	}
	p.kept = true
	last := int64(0)
	if len(w.log) > 0 {
		last = w.log[len(w.log)-1].ID
	}
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(w.t, "ms")) * time.Millisecond)
	w.log = append(w.log, Message{last + rapid.Int64Range(1, 3).Draw(w.t, "id"), w.now.Format("2006-01-02T15:04:05.000Z"), p.open.Room, p.name, p.open.Text})
}

func (w *world) acknowledge(p *person) {
	if p.open == nil || !p.kept {
		return
	}
	at := slices.IndexFunc(w.log, func(m Message) bool { return m.User == p.name && m.Text == p.open.Text })
	for p.heard < at {
		w.hearOne(p)
	}
	p.open.Acknowledged = w.tick()
	p.open.IDs = []int64{w.log[at].ID}
	if rapid.IntRange(0, 3).Draw(w.t, "again") == 0 {
		p.open.IDs = append(p.open.IDs, w.log[at].ID)
	}
	if p.tries == 1 && p.heard <= at {
		p.session.Seen = append(p.session.Seen, Seen{Acked, Message{ID: w.log[at].ID, Room: p.open.Room}})
	}
	w.h.Sends = append(w.h.Sends, *p.open)
	p.open = nil
}

func (w *world) hear(p *person) {
	if p.open != nil && p.kept && p.tries == 1 {
		return // the OK comes first
	}
	for p.heard < len(w.log) {
		w.hearOne(p)
	}
}

func (w *world) hearOne(p *person) {
	if m := w.log[p.heard]; m.User != p.name {
		p.session.Seen = append(p.session.Seen, Seen{Live, m})
	}
	p.heard++
}

func (w *world) leave(p *person) {
	if p.session.Whole {
		for _, e := range p.session.Seen {
			if e.Kind != Acked {
				p.known = max(p.known, e.ID)
			}
		}
	}
	w.h.Sessions = append(w.h.Sessions, *p.session)
	p.session = nil
}

// everywhere changes a message wherever it is shown.
func everywhere(h *History, id int64, change func(*Message)) {
	for _, node := range slices.Sorted(maps.Keys(h.Nodes)) {
		for i := range h.Nodes[node] {
			if m := &h.Nodes[node][i]; m.ID == id {
				change(m)
			}
		}
	}
	for i := range h.Sessions {
		for k := range h.Sessions[i].Seen {
			if e := &h.Sessions[i].Seen[k]; e.ID == id && e.Kind != Acked {
				change(&e.Message)
			}
		}
	}
}
