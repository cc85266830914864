package client_test

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"parley/internal/client"
	"parley/protocol"
)

// rest lets everything arrive and compares.
func (g *game) rest(t *rapid.T) {
	if !g.online {
		g.lose(t)
	}
	for round := 0; len(g.feed)+len(g.answers)+len(g.acked) > 0 || round < 2; round++ {
		if round > 1000 {
			t.Fatal("it does not come to rest")
		}
		if rapid.Bool().Draw(t, "events first") {
			g.hear(t)
		} else {
			g.answer(t)
		}
		g.ask(t)
	}
	for asked := 0; g.m.NeedsList(); asked++ {
		if asked > 2 {
			t.Fatal("LIST is asked again and again")
		}
		g.tellSeen()
		g.listed(g.list())
		g.look(t, g.looks)
	}
	for asked := 0; ; asked++ {
		if g.askReview(t); g.answers["review"] == nil {
			break
		}
		if asked > 200 {
			t.Fatal("what was taken back is asked again and again")
		}
		g.answer(t)
	}
	for name, r := range g.rooms {
		switch timeline := g.m.Room(name); {
		case timeline != nil && r.member:
			g.compareItems(t, timeline, r)
			g.compareCounts(t, timeline, r)
		case timeline != nil:
			t.Fatalf("%s is still there", name)
		case r.member && (!strings.HasPrefix(name, "@") || len(r.log) > 0):
			t.Fatalf("%s is not there", name)
		}
	}
}

// compareCounts: what is unread is what the server counts from where the person has read to, here or elsewhere.
func (g *game) compareCounts(t *rapid.T, timeline *client.Timeline, r *played) {
	name, position := timeline.Name, timeline.Read
	if want := max(g.seen[name], g.shown[timeline]); !g.isGuest() && position != want {
		t.Fatalf("%s is read up to %d; the server has %d, here %d was shown", name, position, g.seen[name], g.shown[timeline])
	}
	since := position
	if g.isGuest() {
		since = max(position, r.heard)
	}
	if got, want := timeline.Unread(), r.unread(g.self, since); got != want {
		t.Fatalf("%d are unread in %s after %d, want %d: %+v", got, name, since, want, r.log)
	}
	mentions := 0
	for _, e := range r.log {
		if e.ID > position && e.Command == protocol.EventMsg && g.mentions[timeline][e.ID] {
			mentions++
		}
	}
	if got := timeline.Mentions(); got != mentions && !g.isUnheard(timeline) {
		t.Fatalf("%d mentions in %s, want %d", got, name, mentions)
	}
	if timeline.Mark > position && position > 0 {
		t.Fatalf("what is new in %s begins after %d, but %d is read", name, timeline.Mark, position)
	}
	if timeline.Unread() > 0 && position > 0 && (name != g.open && timeline.Mark != position || timeline.Mark == 0) {
		t.Fatalf("reading stopped at %d in %s, not at %d", position, name, timeline.Mark)
	}
}

// isUnheard tells whether unread messages were taken back that are not loaded any more: nobody asks about these.
func (g *game) isUnheard(timeline *client.Timeline) bool {
	for id := range g.erased {
		if _, mentioned := g.mentions[timeline][id]; mentioned && (len(timeline.Items) == 0 || id < timeline.Items[0].Event.ID) {
			return true
		}
	}
	return false
}

// compareItems: what is loaded are the newest messages, without a gap.
func (g *game) compareItems(t *rapid.T, timeline *client.Timeline, r *played) {
	var ids, want []int64
	for _, item := range timeline.Items {
		e := item.Event
		if e.ID == 0 {
			continue
		}
		ids = append(ids, e.ID)
		at := slices.IndexFunc(r.log, func(said protocol.Event) bool { return said.ID == e.ID })
		if at < 0 {
			t.Fatalf("%s has %d, which was not said there", timeline.Name, e.ID)
		}
		if said := r.log[at]; (said.Command != e.Command || said.Text != e.Text) && (timeline.Name == g.open || !g.erased[e.ID]) {
			t.Fatalf("%s has %+v, want %+v", timeline.Name, e, said)
		}
	}
	for _, e := range r.log[max(0, len(r.log)-len(ids)):] {
		want = append(want, e.ID)
	}
	if !slices.Equal(ids, want) {
		t.Fatalf("%s has %v, want %v of %+v", timeline.Name, ids, want, r.log)
	}
	if timeline.Start && len(ids) < len(r.log) {
		t.Fatalf("%s does not begin with %d", timeline.Name, ids[0])
	}
}

// watch checks what holds at any time: how much is kept, and keys.
func (g *game) watch(t *rapid.T) {
	for _, name := range g.m.Rooms() {
		timeline := g.m.Room(name)
		most := small + small/4
		if name == g.open && !g.looks {
			most *= 4
		}
		if n := len(timeline.Items); n > most {
			t.Fatalf("%d items in %s", n, name)
		}
		given, keys := map[int]bool{}, map[int64]int{}
		for _, item := range timeline.Items {
			if given[item.Key] {
				t.Fatalf("key %d is given twice", item.Key)
			}
			given[item.Key] = true
			if id := item.Event.ID; id != 0 {
				if was, found := g.keys[timeline][id]; found && was != item.Key {
					t.Fatalf("the key of %d was %d and is %d", id, was, item.Key)
				}
				keys[id] = item.Key
			}
		}
		g.keys[timeline] = keys
	}
}
