package main

import (
	"maps"
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
	hoped     = 5 * time.Second  // without an acknowledgement on nodes that are well: told where it is longer
	allowed   = 60 * time.Second // the same, and the test fails: nodes of NATS wait 4 to 9 s before they vote, and the machine may be slow
	slowReply = 40 * time.Second // for any reply of a node that runs; promised are 5 s
)

// fault is something that happens to one node, or to all of NATS, and its end.
type fault struct {
	who, name  string
	begin, end func(c *trio, node int)
	silent     bool // a parleyd that gives no reply meanwhile
}

// Who it happens to.
const (
	ofParleyd = "parleyd"
	ofNATS    = "nats-server"
	ofAll     = "the whole of NATS"
)

var faults = []fault{
	{ofParleyd, "killed", func(c *trio, i int) { c.nodes[i].Kill() }, func(c *trio, i int) {
		if c.nats != nil && c.rand.IntN(3) == 0 {
			c.t.Logf("parleyd %d has lost all that it kept", i)
			os.RemoveAll(c.nodes[i].Data)
		}
		c.nodes[i].Launch()
	}, true},
	{ofParleyd, "stopped", send(syscall.SIGSTOP), send(syscall.SIGCONT), true},
	{ofParleyd, "cut off from NATS", cutWay(parleytest.Hole), cutWay(parleytest.Open), false},
	{ofParleyd, "reset by NATS", cutWay(parleytest.Reset), cutWay(parleytest.Open), false},

	{ofNATS, "killed", onNATS((*parleytest.NATSNode).Kill), onNATS((*parleytest.NATSNode).Launch), false},
	{ofNATS, "stopped", onNATS((*parleytest.NATSNode).Stop), onNATS((*parleytest.NATSNode).Cont), false},
	{ofNATS, "cut off", cutNATS(parleytest.Hole), cutNATS(parleytest.Open), false},
	{ofNATS, "reset", cutNATS(parleytest.Reset), cutNATS(parleytest.Open), false},
	{ofNATS, "cut off from the others", func(c *trio, i int) { c.nats.Nodes[i].SetPeers(parleytest.Hole) }, cutNATS(parleytest.Open), false},

	{ofAll, "killed", onAll((*parleytest.NATSNode).Kill), onAll((*parleytest.NATSNode).Launch), false},
	{ofAll, "stopped", onAll((*parleytest.NATSNode).Stop), onAll((*parleytest.NATSNode).Cont), false},
}

func send(s syscall.Signal) func(*trio, int) {
	return func(c *trio, i int) { c.nodes[i].Cmd.Process.Signal(s) }
}

func cutWay(state parleytest.Cut) func(*trio, int) {
	return func(c *trio, i int) { c.ways[i].Set(state) }
}

func onNATS(do func(*parleytest.NATSNode)) func(*trio, int) {
	return func(c *trio, i int) { do(c.nats.Nodes[i]) }
}

func cutNATS(state parleytest.Cut) func(*trio, int) {
	return onNATS(func(n *parleytest.NATSNode) { n.Set(state) })
}

func onAll(do func(*parleytest.NATSNode)) func(*trio, int) {
	return func(c *trio, _ int) {
		for _, n := range c.nats.Nodes {
			do(n)
		}
	}
}

// stroke is a fault of one node.
type stroke struct {
	fault
	node int // leading: the node of NATS that leads the stream
}

const leading = -1

// strokes are all faults of all nodes, and of the one that leads, in a drawn order, again and again.
// Where n is less than that, they are the kills and then others, of both kinds in turn.
func strokes(r *rand.Rand, n int) (list []stroke) {
	places := map[string][]int{ofParleyd: {0, 1, 2}, ofNATS: {0, 1, 2, leading}, ofAll: {0}}
	var deck []stroke
	for _, f := range faults {
		for _, node := range places[f.who] {
			deck = append(deck, stroke{f, node})
		}
	}
	for len(list) < n {
		r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		list = append(list, deck...)
	}
	if n >= len(deck) {
		return list[:n]
	}
	first := func(who string, kill bool, node int) {
		i := slices.IndexFunc(list, func(s stroke) bool {
			return s.who == who && (s.name == "killed") == kill && (node != leading || s.node == leading)
		})
		s := list[i]
		list = slices.Insert(slices.Delete(list, i, i+1), 0, s)
	}
	first(ofNATS, false, 0)
	first(ofParleyd, false, 0)
	first(ofParleyd, true, 0)
	first(ofNATS, true, leading)
	return list[:n]
}

// TestClusterChaos: of three parleyd and three nats-server any one may be killed, stopped or cut off at
// any moment, while clients move between the nodes and talk. Everything acknowledged is there once, on every node, in one
// order; and the others go on. PARLEY_SOAK=1 makes 50 rounds, PARLEY_SEED=n draws as before.
func TestClusterChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	t.Parallel()
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
	gaps := make(map[string][]time.Duration)
	for i, s := range strokes(r, rounds) {
		what, gap := c.suffer(i+1, s)
		gaps[what] = append(gaps[what], gap)
	}
	c.judge("reader")
	for _, what := range slices.Sorted(maps.Keys(gaps)) {
		late := slices.DeleteFunc(slices.Clone(gaps[what]), func(d time.Duration) bool { return d <= hoped })
		t.Logf("%s: %d rounds; the nodes that were well acknowledged nothing for %v at most, for more than %v in %d", what, len(gaps[what]), slices.Max(gaps[what]).Round(time.Millisecond), hoped, len(late))
	}
}

// suffer is one round. It returns what happened, and the longest gap of the nodes that were well.
func (c *trio) suffer(round int, s stroke) (what string, gap time.Duration) {
	c.t.Helper()
	var leads int // the node of NATS
	eventually(c.t, "a node leads the stream", func() bool {
		leads = slices.Index(c.nats.Nodes, c.nats.Leader("parley"))
		return leads >= 0
	})
	if s.node == leading {
		s.node = leads
	}
	acknowledge, reply := []int{0, 1, 2}, []int{0, 1, 2}
	who := s.who
	switch {
	case s.who == ofAll:
		acknowledge = nil
	case s.who == ofNATS && s.node == leads:
		who += ", the leader,"
	case s.who == ofParleyd:
		acknowledge = slices.Delete(acknowledge, s.node, s.node+1)
		if s.silent {
			reply = slices.Clone(acknowledge)
		}
	}
	between := func(least, most time.Duration) time.Duration {
		return (least + time.Duration(c.rand.Int64N(int64(most-least)))).Round(time.Millisecond)
	}
	lasts := between(200*time.Millisecond, 6*time.Second)
	if c.rand.IntN(4) == 0 {
		lasts += 4 * time.Second
	}
	time.Sleep(between(100*time.Millisecond, time.Second))
	c.diary.round()
	s.begin(c, s.node)
	time.Sleep(lasts)
	s.end(c, s.node)
	c.nats.Ready()
	again := c.working()
	what = who + " " + s.name
	gap, slowest, to := c.diary.measured(acknowledge, reply)
	c.t.Logf("round %d: %s (%d) for %v; the nodes that are well acknowledge nothing for %v at most, the slowest reply takes %v (%s); NATS being well, all acknowledge again after %v",
		round, what, s.node, lasts, gap.Round(time.Millisecond), slowest.Round(time.Millisecond), to, again.Round(time.Millisecond))
	if gap > allowed || again > allowed || slowest > slowReply {
		c.t.Error("that is too long")
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
	return what, gap
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
	for _, f := range faults[:2] {
		c.working()
		f.begin(c, 0)
		time.Sleep(100 * time.Millisecond)
		f.end(c, 0)
	}
	c.working()
	c.judge("reader")
}
