package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/historytest"
	"parley/internal/parleytest"
)

// diary is what all movers of a test write down.
type diary struct {
	t     *testing.T
	clock atomic.Int64

	mu       sync.Mutex
	history  historytest.History
	last     []time.Time     // of each node: when it last acknowledged something, or the round began
	gap      []time.Duration // of each node: the longest time in the round between two acknowledgements
	acks     []int           // of each node
	slowest  []time.Duration // of each node: the slowest reply of the round, or what a client waited in vain
	to       []string        // the command that it was a reply to
	refusals map[string]int  // by node, command and code
}

func newDiary(t *testing.T, nodes int) *diary {
	return &diary{t: t, history: historytest.History{Nodes: make(map[string][]historytest.Message)}, refusals: make(map[string]int),
		last: make([]time.Time, nodes), gap: make([]time.Duration, nodes), acks: make([]int, nodes), slowest: make([]time.Duration, nodes), to: make([]string, nodes)}
}

// moment is one of a clock that never shows the same twice.
func (d *diary) moment() int64 { return d.clock.Add(1) }

// complain fails the test.
func (d *diary) complain(format string, args ...any) { d.t.Errorf(format, args...) }

// round begins to measure anew.
func (d *diary) round() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.last {
		d.last[i], d.gap[i], d.acks[i], d.slowest[i] = time.Now(), 0, 0, 0
	}
}

// acknowledged notes that a node just acknowledged a message.
func (d *diary) acknowledged(node int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.gap[node] = max(d.gap[node], now.Sub(d.last[node]))
	d.last[node] = now
	d.acks[node]++
}

// answered notes how long a node took to reply.
func (d *diary) answered(node int, line string, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if took > d.slowest[node] {
		d.slowest[node] = took
		d.to[node], _, _ = strings.Cut(line, "|")
	}
}

// refused counts a reply that is no OK.
func (d *diary) refused(node int, command, reply string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if reply == "" {
		reply = "connection lost"
	}
	d.refusals[fmt.Sprintf("node %d: %s: %s", node, command, parleytest.Code(reply))]++
}

func (d *diary) session(s historytest.Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.history.Sessions = append(d.history.Sessions, s)
}

// since is how many messages a node has acknowledged in the round.
func (d *diary) since(node int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.acks[node]
}

// measured is the longest gap of the round over some nodes, and the slowest reply over others.
func (d *diary) measured(acknowledge, reply []int) (gap, slowest time.Duration, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range acknowledge {
		gap = max(gap, d.gap[i], time.Since(d.last[i]))
	}
	for _, i := range reply {
		if d.slowest[i] > slowest {
			slowest, to = d.slowest[i], d.to[i]
		}
	}
	return gap, slowest, to
}
