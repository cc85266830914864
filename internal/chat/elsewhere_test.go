package chat_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/chat"
)

var present = chat.Presence{Present: true, Sessions: 1}

// A person is in the rooms while any node has them present, and goes when the last has not.
func TestPresenceIsASum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "alice", "bob")
		alice := h.come("alice")
		h.Elsewhere("x", "bob", present)
		h.want(alice, "lobby +bob")
		h.Elsewhere("x", "bob", present) // twice
		h.Elsewhere("y", "bob", present)
		bob := h.come("bob")
		h.want(alice, "")
		h.want(bob, "")
		bob.Exit(false)
		h.NodeGone("x")
		h.NodeGone("x")
		h.want(alice, "")
		h.ElsewhereAll("y", map[string]chat.Presence{"alice": present})
		h.want(alice, "lobby -bob")
		if here, _ := alice.Present(chat.Lobby); !slices.Equal(here, []string{"alice"}) {
			t.Errorf("here are %q", here)
		}

		h.Elsewhere("x", "bob", present)
		bob = h.come("bob")
		bob.Exit(true) // lost: the grace is this node's own
		time.Sleep(5 * time.Second)
		h.NodeGone("x")
		synctest.Wait()
		h.want(alice, "lobby +bob")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		h.want(alice, "lobby -bob")
		h.Close()
	})
}

// Sessions on other nodes count, for how many there may be and how many were ended.
func TestSessionsElsewhereCount(t *testing.T) {
	h := newHouse(t, "alice")
	h.Elsewhere("x", "alice", chat.Presence{Sessions: 2})
	one := h.come("alice")
	if _, err := h.Admit(&visitor{}, h.who("alice")); err != chat.ErrTooManySessions {
		t.Error(err)
	}
	h.log.Append(chat.Entry{Kind: chat.SessionsEnded, Account: "alice", Text: "out"}, func(chat.Entry, error) {})
	if n := h.Ended("alice"); n != 3 || len(one.ended) != 1 {
		t.Errorf("%d ended, here %q", n, one.ended)
	}
	h.NodeGone("x")
	h.come("alice")
}

// An account that is present elsewhere before the log tells of it here is there when it does.
func TestElsewhereBeforeTheLog(t *testing.T) {
	h := newHouse(t, "alice")
	alice := h.come("alice")
	h.Elsewhere("x", "bob", present)
	h.want(alice, "")
	h.log.Append(chat.Entry{Kind: chat.AccountAdded, Account: "bob"}, func(chat.Entry, error) {})
	h.want(alice, "lobby +bob")
	h.log.Append(chat.Entry{Kind: chat.AccountRemoved, Account: "bob"}, func(chat.Entry, error) {})
	h.want(alice, "lobby -bob")
	h.Elsewhere("x", "bob", present)
	h.NodeGone("x")
	h.want(alice, "")
	// A guest in a room that is not there yet.
	h.Elsewhere("x", "~guest", chat.Presence{Present: true, Sessions: 1, Rooms: []string{"den", "@alice@alice"}})
	h.want(alice, "lobby +~guest")
	alice.join("den")
	if here, _ := alice.Present("den"); !slices.Equal(here, []string{"alice", "~guest"}) {
		t.Errorf("in the den are %q", here)
	}
}

// Whatever is part of somebody's Presence is told when it changes.
func TestChangesAreTold(t *testing.T) {
	h := newHouse(t, "alice")
	told := 0
	h.Link("here", func(string) { told++ })
	want := func(what, name string, is chat.Presence) {
		t.Helper()
		if got := h.HereOf(name); got.Present != is.Present || got.Sessions != is.Sessions || !slices.Equal(got.Rooms, is.Rooms) || told == 0 {
			t.Errorf("%s: %+v, told %d times; want %+v", what, got, told, is)
		}
		if all := h.Here(); is.Sessions > 0 && all[name].Sessions != is.Sessions {
			t.Errorf("%s: of all: %+v", what, all)
		}
		told = 0
	}
	seat, _ := h.Admit(&visitor{}, h.who("alice"))
	want("admitted", "alice", chat.Presence{Sessions: 1})
	seat.Enter(chat.Lobby)
	want("entered", "alice", chat.Presence{Present: true, Sessions: 1})
	two := h.come("alice")
	want("a second session", "alice", chat.Presence{Present: true, Sessions: 2})
	two.join("den")
	two.Exit(true)
	want("one less", "alice", chat.Presence{Present: true, Sessions: 1})
	guest := h.come("~guest")
	want("a guest", "~guest", chat.Presence{Present: true, Sessions: 1})
	guest.join("den")
	want("a guest's room", "~guest", chat.Presence{Present: true, Sessions: 1, Rooms: []string{"den"}})
	guest.leave("den")
	want("a guest's leaving", "~guest", chat.Presence{Present: true, Sessions: 1})
	guest.Exit(true)
	want("a guest's end", "~guest", chat.Presence{})
	seat.Exit(true)
	want("lost", "alice", chat.Presence{Present: true})
	if all := h.Here(); !all["alice"].Present {
		t.Errorf("within the grace: %+v", all)
	}
	h.Link("", nil)
	if h.come("alice"); told > 0 {
		t.Error("told after the end")
	}
}

// A guest whose name is another node's too is in the rooms of the seat here, and then in those of the other.
func TestGuestOnTwoNodes(t *testing.T) {
	h := newHouse(t, "alice")
	h.Link("m", func(string) {})
	alice, guest := h.come("alice"), h.come("~guest")
	alice.join("den")
	alice.join("pub")
	guest.join("pub")
	alice.news()
	h.Elsewhere("z", "~guest", chat.Presence{Present: true, Sessions: 1, Rooms: []string{"den"}})
	h.want(alice, "")
	if len(guest.ended) > 0 {
		t.Error("the guest of the lesser node was ended")
	}
	h.Elsewhere("a", "~guest", present)
	if len(guest.ended) != 1 {
		t.Error("the guest of the greater node was not ended")
	}
	guest.Exit(true)
	if got := alice.news(); got != "pub -~guest, den +~guest" {
		t.Errorf("alice heard %q", got)
	}
	h.NodeGone("z")
	h.want(alice, "den -~guest")
	h.NodeGone("a")
	h.want(alice, "lobby -~guest")
	h.come("~guest")
}

// What one node says of people is bounded.
func TestElsewhereIsBounded(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice := h.come("alice")
	for i := range chat.MaxElsewhere {
		h.Elsewhere("x", fmt.Sprint("nobody-", i), present)
	}
	h.Elsewhere("x", "bob", present)
	h.want(alice, "")
	h.Elsewhere("x", "nobody-5", chat.Presence{})
	h.Elsewhere("x", "bob", present)
	h.want(alice, "lobby +bob")
}

// A message is told to who is here, whoever is elsewhere, and costs nothing for each of those.
func TestRunPassesOverOthersPeople(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol", "dave")
	for _, name := range []string{"carol", "dave"} {
		h.Elsewhere("x", name, present)
	}
	alice, bob := h.come("alice"), h.come("bob")
	dave := h.come("dave")
	for _, v := range []*visitor{alice, bob, dave} {
		v.news()
	}
	alice.say("", "one")
	h.want(bob, "lobby alice: one")
	h.want(dave, "lobby alice: one")
	dave.Exit(false) // he is elsewhere still
	h.NodeGone("y")
	h.Elsewhere("x", "carol", chat.Presence{})
	h.want(bob, "lobby -carol")
	bob.say("", "two")
	h.want(alice, "lobby -carol, lobby bob: two")
}

// bus joins hubs: what each says of a person comes to the others in order, but late, twice or not at all;
// from time to time a node is taken for gone, or says all anew.
type bus struct {
	rng   *rand.Rand
	nodes []*house
	mu    sync.Mutex // the hubs' timers change people on goroutines of their own
	dirty []map[string]struct{}
	queue map[[2]int][]said // from, to
}

type said struct {
	name string
	is   chat.Presence
}

func (b *bus) link() {
	for from, h := range b.nodes {
		b.dirty = append(b.dirty, make(map[string]struct{}))
		h.Link(fmt.Sprint(from), func(name string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.dirty[from][name] = struct{}{}
		})
	}
}

// collect puts what changed on its way; to each node some of it is lost.
func (b *bus) collect() {
	for from, h := range b.nodes {
		b.mu.Lock()
		names := slices.Sorted(maps.Keys(b.dirty[from]))
		clear(b.dirty[from])
		b.mu.Unlock()
		for _, name := range names {
			is := h.HereOf(name)
			for to := range b.nodes {
				if to != from && b.rng.IntN(5) > 0 {
					b.queue[[2]int{from, to}] = append(b.queue[[2]int{from, to}], said{name, is})
				}
			}
		}
	}
}

// step has one thing arrive, if one is on its way, perhaps not for the last time.
func (b *bus) step(from, to int) {
	at := [2]int{from, to}
	if q := b.queue[at]; len(q) > 0 {
		b.nodes[to].Elsewhere(fmt.Sprint(from), q[0].name, q[0].is)
		if b.rng.IntN(4) > 0 {
			b.queue[at] = q[1:]
		}
	}
}

// whole says all anew, in place of what is on its way.
func (b *bus) whole(from, to int) {
	b.queue[[2]int{from, to}] = nil
	b.nodes[to].ElsewhereAll(fmt.Sprint(from), b.nodes[from].Here())
}

// view is who a visitor thinks is in the lobby, by what they heard; it fails where somebody comes twice or goes twice.
type view struct {
	*visitor
	here map[string]bool
}

func (v *view) hear(t *testing.T) {
	t.Helper()
	for _, line := range strings.Split(v.news(), ", ") {
		name, came := strings.CutPrefix(line, "lobby +")
		if !came {
			var went bool
			if name, went = strings.CutPrefix(line, "lobby -"); !went {
				continue
			}
		}
		if v.here[name] == came {
			t.Fatalf("%s heard %q, and knew that", v.Name, line)
		}
		v.here[name] = came
	}
}

// Whatever comes and goes on three nodes, and whatever is lost between them: each visitor hears of everybody
// coming and going in turn, and all nodes agree when all was said.
func TestNodesAgree(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { testNodesAgree(t, rand.New(rand.NewPCG(seed, 8))) })
	}
}

func testNodesAgree(t *testing.T, rng *rand.Rand) {
	accounts := []string{"a", "b", "c"} // with two guests they are no crowd yet
	b := &bus{rng: rng, queue: make(map[[2]int][]said)}
	for range 3 {
		b.nodes = append(b.nodes, newHouse(t, accounts...))
		defer b.nodes[len(b.nodes)-1].Close()
	}
	b.link()
	views := make([][]*view, len(b.nodes))
	come := func(n int, name string) {
		v := &visitor{}
		seat, err := b.nodes[n].Admit(v, b.nodes[n].who(name))
		if err != nil {
			return // as many as may, or a guest's name that is taken
		}
		v.Seat = seat
		seat.Enter(chat.Lobby)
		here, _ := seat.Present(chat.Lobby)
		w := &view{v, make(map[string]bool)}
		for _, one := range here {
			w.here[one] = true
		}
		v.news()
		views[n] = append(views[n], w)
	}
	leave := func(n, i int, lost bool) {
		views[n][i].Exit(lost)
		views[n] = slices.Delete(views[n], i, i+1)
	}
	names := append(slices.Clone(accounts), "~g", "~h")
	for range 300 {
		n, other := rng.IntN(3), rng.IntN(3)
		switch rng.IntN(8) {
		case 0, 1:
			come(n, names[rng.IntN(len(names))])
		case 2:
			if len(views[n]) > 0 {
				leave(n, rng.IntN(len(views[n])), rng.IntN(2) == 0)
			}
		case 3:
			time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
			synctest.Wait()
		case 4:
			if n != other && rng.IntN(4) == 0 {
				b.nodes[n].NodeGone(fmt.Sprint(other))
			}
		case 5:
			if n != other && rng.IntN(4) == 0 {
				b.whole(other, n)
			}
		default:
			if n != other {
				b.step(other, n)
			}
		}
		b.collect()
		for n := range views {
			for i := len(views[n]) - 1; i >= 0; i-- {
				views[n][i].hear(t)
				if len(views[n][i].ended) > 0 { // a guest of that name is on another node
					leave(n, i, true)
				}
			}
		}
	}
	time.Sleep(time.Minute) // no grace is left
	synctest.Wait()
	for range 3 { // guests who clash end in the first
		for from := range b.nodes {
			for to := range b.nodes {
				if from != to {
					b.whole(from, to)
				}
			}
		}
		for n := range views {
			for i := len(views[n]) - 1; i >= 0; i-- {
				if views[n][i].hear(t); len(views[n][i].ended) > 0 {
					leave(n, i, true)
				}
			}
		}
	}
	want := make(map[string]bool)
	for n := range views {
		for _, v := range views[n] {
			want[v.Name] = true
		}
	}
	for n := range views {
		for _, v := range views[n] {
			v.hear(t)
			here, _ := v.Present(chat.Lobby)
			if !slices.Equal(here, slices.Sorted(maps.Keys(want))) {
				t.Fatalf("node %d has %q, want %q", n, here, slices.Sorted(maps.Keys(want)))
			}
			maps.DeleteFunc(v.here, func(_ string, here bool) bool { return !here })
			if !maps.Equal(v.here, want) {
				t.Fatalf("%s on node %d knows of %v, want %v", v.Name, n, v.here, want)
			}
		}
	}
}
