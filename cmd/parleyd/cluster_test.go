package main

import (
	"crypto/tls"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/historytest"
	"parley/internal/parleytest"
)

// trio is three parleyd processes on one JetStream cluster of three.
type trio struct {
	t     *testing.T
	rand  *rand.Rand
	nats  *parleytest.NATS
	ways  []*parleytest.Entrance // of each node, to NATS
	nodes []*parleytest.Server

	diary  *diary
	movers []*mover
	stop   chan struct{}
	going  sync.WaitGroup
}

// startTrio starts them, with these accounts.
func startTrio(t *testing.T, r *rand.Rand, accounts ...string) *trio {
	t.Helper()
	c := &trio{t: t, rand: r, nats: parleytest.StartSecureNATS(t, 3)}
	for i := range 3 {
		way := c.nats.Entrance()
		if i == 0 {
			for _, name := range accounts {
				addThrough(t, way, name)
			}
		}
		c.ways = append(c.ways, way)
		c.nats.Ready() // a parleyd that starts while no node leads the stream ends at once
		c.nodes = append(c.nodes, parleytest.Start(t, unlimited(way.Flags()...)...))
	}
	return c
}

// addThrough adds an account in the stream, and tries again where NATS is out of reach for a moment.
func addThrough(t *testing.T, way *parleytest.Entrance, name string) {
	t.Helper()
	for give := time.Now().Add(parleytest.Patience); ; time.Sleep(100 * time.Millisecond) {
		cmd := exec.Command(parleytest.Build(t, "parleyd"), append([]string{"user", "add", name, "--bcrypt-cost", "4"}, way.Flags()...)...)
		cmd.Stdin = strings.NewReader(parleytest.Password + "\n")
		out, err := cmd.CombinedOutput()
		if err == nil || strings.Contains(string(out), "there is an account") { // by a try that had no answer
			return
		}
		if time.Now().After(give) {
			t.Fatalf("parleyd user add %s: %v\n%s", name, err, out)
		}
	}
}

// move lets clients of these names move and talk, until halt. One stays at each node.
func (c *trio) move(names ...string) {
	c.diary = newDiary(c.t, len(c.nodes))
	c.stop = make(chan struct{})
	var configs []*tls.Config
	for _, s := range c.nodes {
		configs = append(configs, s.TLS())
	}
	for i, name := range names {
		m := &mover{diary: c.diary, nodes: c.nodes, tls: configs, name: name, home: i % len(c.nodes), at: i % len(c.nodes), stays: i < len(c.nodes),
			rand: rand.New(rand.NewPCG(c.rand.Uint64(), uint64(i)))}
		c.movers = append(c.movers, m)
		c.going.Go(func() { m.run(c.stop) })
	}
	c.t.Cleanup(c.halt)
}

// halt lets the movers finish. It may be called again.
func (c *trio) halt() {
	if !closed(c.stop) {
		close(c.stop)
	}
	c.going.Wait()
}

// working waits until each node acknowledges again what movers say to it, and returns how long that took.
func (c *trio) working() time.Duration {
	c.t.Helper()
	began := time.Now()
	for i := range c.nodes {
		before := c.diary.since(i)
		eventually(c.t, fmt.Sprintf("node %d acknowledges again", i), func() bool { return c.diary.since(i) > before || c.t.Failed() })
	}
	return time.Since(began)
}

// judge ends the talk, lets everyone catch up to its end, reads what each node shows, and judges all of it.
func (c *trio) judge(reader string) {
	c.t.Helper()
	c.halt()
	h := &c.diary.history
	for _, m := range c.movers {
		for _, s := range m.said {
			h.Sends = append(h.Sends, *s)
		}
	}
	last := historytest.Send{User: reader, Room: "lobby", Key: "last", Text: "that is all", Began: c.diary.moment()}
	var reply string
	speaker := c.nodes[0].SignIn(reader)
	eventually(c.t, "the last message is acknowledged", func() bool { // while NATS votes, the node is busy
		reply = speaker.Do("SEND|lobby|last|that is all")
		return parleytest.Code(reply) != "busy"
	})
	id := id(c.t, reply)
	last.IDs, last.Acknowledged = []int64{id}, c.diary.moment()
	h.Sends = append(h.Sends, last)
	for i := range c.nodes {
		c.awaits(i, reader, id)
		h.Nodes[strconv.Itoa(i)] = c.shown(i, reader)
	}
	for _, m := range c.movers {
		eventually(c.t, m.name+" catches up", m.arrive) // its patience may be a second
		m.leave()
		if m.known < id && !c.t.Failed() {
			c.t.Errorf("%s has caught up to %d, and %d is the last", m.name, m.known, id)
		}
	}
	for _, complaint := range h.Check() {
		c.t.Error(complaint)
	}
	for _, s := range c.nodes {
		for line := range strings.Lines(s.Log()) {
			if strings.Contains(line, "panic") || !strings.HasPrefix(line, "{") {
				c.t.Errorf("logged: %s", line)
			}
		}
	}
	acknowledged := 0
	for _, s := range h.Sends {
		acknowledged += min(1, len(s.IDs))
	}
	c.t.Logf("%d messages acknowledged of %d, %d sessions of %d movers", acknowledged, len(h.Sends), len(h.Sessions), len(c.movers))
	for _, what := range slices.Sorted(maps.Keys(c.diary.refusals)) {
		c.t.Logf("%5d × %s", c.diary.refusals[what], what)
	}
}

// awaits waits until a node has a message.
func (c *trio) awaits(node int, reader string, id int64) {
	c.t.Helper()
	conn := c.nodes[node].SignIn(reader)
	eventually(c.t, fmt.Sprintf("node %d shows message %d", node, id), func() bool {
		return conn.Do(fmt.Sprintf("HISTORY|lobby|after|%d|1", id-1)) == "OK|1"
	})
	conn.Do("EXIT|")
}

// shown is the whole history of the lobby as a node shows it.
func (c *trio) shown(node int, reader string) (list []historytest.Message) {
	c.t.Helper()
	conn := c.nodes[node].SignIn(reader)
	for after := int64(0); ; {
		conn.Events = nil
		reply := conn.Do(fmt.Sprintf("HISTORY|lobby|after|%d|500", after))
		for _, e := range conn.Events {
			if m, ok := said(e); ok {
				list = append(list, m)
				after = m.ID
			}
		}
		if reply != "OK|500" {
			conn.Do("EXIT|")
			return list
		}
	}
}
