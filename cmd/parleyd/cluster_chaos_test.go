package main

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// What a fault may cost.
const (
	hoped   = 5 * time.Second  // without an acknowledgement on the nodes that are well: told where it is longer
	allowed = 15 * time.Second // the same, and the test fails: nodes of NATS wait 4 to 9 s before they vote, and this machine may be slow
)

// fault is something that happens to one node, of parleyd or of NATS, and its end.
type fault struct {
	name       string
	begin, end func(c *trio, node int)
}

// faults of both kinds. Each kind's first is the kill.
var faults = map[string][]fault{
	"parleyd": {
		{"killed", func(c *trio, i int) { c.nodes[i].Kill() }, func(c *trio, i int) {
			if c.nats != nil && c.rand.IntN(3) == 0 {
				c.t.Logf("node %d has lost its database", i)
				c.forget(i)
			}
			c.nodes[i].Launch()
		}},
		{"stopped", func(c *trio, i int) { c.signal(i, syscall.SIGSTOP) }, func(c *trio, i int) { c.signal(i, syscall.SIGCONT) }},
		{"cut off from NATS", func(c *trio, i int) { c.ways[i].Set(parleytest.Hole) }, func(c *trio, i int) { c.ways[i].Set(parleytest.Open) }},
		{"reset by NATS", func(c *trio, i int) { c.ways[i].Set(parleytest.Reset) }, func(c *trio, i int) { c.ways[i].Set(parleytest.Open) }},
	},
	"nats-server": {
		{"killed", func(c *trio, i int) { c.nats.Nodes[i].Kill() }, func(c *trio, i int) { c.nats.Nodes[i].Launch() }},
		{"stopped", func(c *trio, i int) { c.nats.Nodes[i].Stop() }, func(c *trio, i int) { c.nats.Nodes[i].Cont() }},
		{"cut off", func(c *trio, i int) { c.nats.Nodes[i].Set(parleytest.Hole) }, func(c *trio, i int) { c.nats.Nodes[i].Set(parleytest.Open) }},
		{"reset", func(c *trio, i int) { c.nats.Nodes[i].Set(parleytest.Reset) }, func(c *trio, i int) { c.nats.Nodes[i].Set(parleytest.Open) }},
	},
}

// stroke is a fault of one node.
type stroke struct {
	fault
	kind string
	node int // of NATS, -1 is the one that leads the stream
}

// strokes are all faults of all nodes and of the leader, in a drawn order, again and again.
// Where there are less than that, they are the kills and one other fault of each kind.
func strokes(r *rand.Rand, n int) (list []stroke) {
	all := func() (deck []stroke) {
		for _, kind := range []string{"parleyd", "nats-server"} {
			for _, f := range faults[kind] {
				for node := range 3 {
					deck = append(deck, stroke{f, kind, node})
				}
				if kind == "nats-server" {
					deck = append(deck, stroke{f, kind, -1})
				}
			}
		}
		return deck
	}
	if n < len(all()) {
		for _, kind := range []string{"parleyd", "nats-server"} {
			of := faults[kind]
			list = append(list, stroke{of[0], kind, r.IntN(3)}, stroke{of[1+r.IntN(len(of)-1)], kind, r.IntN(3)})
		}
		list[2].node = -1
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list[:min(n, len(list))]
	}
	for len(list) < n {
		deck := all()
		r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		list = append(list, deck...)
	}
	return list[:n]
}

// TestClusterChaos: of three parleyd and three nats-server any one may be killed, stopped or cut off at
// any moment, while clients move between the nodes and talk. Everything acknowledged is there once, on every node, in one
// order; and the others go on. PARLEY_SOAK=1 makes 50 rounds, PARLEY_SEED=n draws as before.
func TestClusterChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	rounds := 4
	switch {
	case os.Getenv("PARLEY_SOAK") != "":
		rounds = 50
	case parleytest.Race:
		rounds = 2
	}
	seed := rand.Uint64()
	if text := os.Getenv("PARLEY_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("PARLEY_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 8))
	movers := numbered("mover", 6+r.IntN(4))
	c := startTrio(t, r, append(slices.Clone(movers), "reader")...)
	c.move(movers...)
	c.working()
	var longest time.Duration
	late := 0
	for i, s := range strokes(r, rounds) {
		gap := c.suffer(i+1, s)
		longest = max(longest, gap)
		if gap > hoped {
			late++
		}
	}
	c.judge("reader")
	t.Logf("%d rounds; the longest time without an acknowledgement on nodes that were well: %v; above %v in %d rounds", rounds, longest, hoped, late)
}

// TestMovers: the same clients and the same judge find nothing wrong with a single parleyd that is stopped,
// killed and started again, which they take for three.
func TestMovers(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	names := numbered("mover", 6)
	addUsers(s, append(slices.Clone(names), "reader")...)
	c := &trio{t: t, rand: rand.New(rand.NewPCG(rand.Uint64(), 0)), nodes: []*parleytest.Server{s, s, s}}
	c.move(names...)
	for _, f := range faults["parleyd"][:2] {
		c.working()
		f.begin(c, 0)
		time.Sleep(100 * time.Millisecond)
		f.end(c, 0)
	}
	c.working()
	c.judge("reader")
}

// suffer is one round. It returns the longest gap.
func (c *trio) suffer(round int, s stroke) time.Duration {
	c.t.Helper()
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(c.rand.Int64N(int64(most-least)))
	}
	but := -1 // the parleyd that is not well
	if s.kind == "parleyd" {
		but = s.node
	}
	leads := c.nats.Leader("parley")
	if s.node < 0 {
		if s.node = slices.Index(c.nats.Nodes, leads); s.node < 0 {
			c.t.Fatal("nobody leads the stream")
		}
	}
	led := ""
	if s.kind == "nats-server" && c.nats.Nodes[s.node] == leads {
		led = ", which leads the stream,"
	}
	time.Sleep(between(100*time.Millisecond, time.Second))
	lasts := between(200*time.Millisecond, 6*time.Second)
	c.diary.round()
	s.begin(c, s.node)
	time.Sleep(lasts)
	s.end(c, s.node)
	c.nats.Ready()
	again := c.working()
	gap, slowest := c.diary.measured(but)
	c.t.Logf("round %d: %s %d%s is %s for %v: the others without an acknowledgement for %v, slowest reply %v; all acknowledge again after %v",
		round, s.kind, s.node, led, s.name, lasts.Round(time.Millisecond), gap.Round(time.Millisecond), slowest.Round(time.Millisecond), again.Round(time.Millisecond))
	if gap > allowed {
		c.t.Errorf("%v is too long", gap)
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
	return gap
}
