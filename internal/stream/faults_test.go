package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/parleytest"
	"parley/internal/stream"
)

// fault makes a server silent, and gives back what mends it.
func fault(node *parleytest.NATSNode, kill bool) func() {
	if kill {
		node.Kill()
		return node.Launch
	}
	node.Stop()
	return node.Cont
}

func leader(t testing.TB, s *stream.Stream) string {
	t.Helper()
	var info struct {
		Cluster struct {
			Leader string `json:"leader"`
		} `json:"cluster"`
	}
	wait(t, "no leader", func() bool {
		m, err := s.Conn().Request("$JS.API.STREAM.INFO."+s.Name(), nil, time.Second)
		return err == nil && json.Unmarshal(m.Data, &info) == nil && info.Cluster.Leader != ""
	})
	return info.Cluster.Leader
}

// pulse is when something went well, how often, and the longest time without.
type pulse struct {
	mu   sync.Mutex
	last time.Time
	gap  time.Duration
	n    int
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.gap, p.last, p.n = max(p.gap, now.Sub(p.last)), now, p.n+1
}

func (p *pulse) beats() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// longest is the longest time without since reset.
func (p *pulse) longest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gap
}

func (p *pulse) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gap = 0
}

// beatOn waits until each has gone well some more times.
func beatOn(t *testing.T, pulses []pulse) {
	t.Helper()
	for i := range pulses {
		before := pulses[i].beats()
		wait(t, fmt.Sprintf("pulse %d of appends and reads does not go on", i), func() bool { return pulses[i].beats() > before+20 })
	}
}

// TestFaults kills and stops each server under two streams that append and
// read, and measures how long nothing goes. What was acknowledged is read once, in order.
func TestFaults(t *testing.T) {
	if parleytest.Race {
		t.Skip("it waits for elections; TestClusterChaos has the same faults")
	}
	if testing.Short() {
		t.Skip("takes a minute")
	}
	// Promised are 5 s, and 9 where a leader has to be elected: replicas of nats-server wait for 4 to 9 s before they vote. It is
	// measured on a machine that has nothing else to do; beside other tests it is only wanted that all goes on.
	most, mostElection, rounds := parleytest.Patience/2, parleytest.Patience/2, 1
	if os.Getenv("PARLEY_SOAK") != "" {
		most, mostElection, rounds = 10*time.Second, 18*time.Second, 8
	}
	servers := parleytest.StartNATS(t, 3)
	urls := servers.Entrance().URLs()
	var streams [2]*stream.Stream
	for i := range streams {
		s, err := stream.Open(context.Background(), stream.Options{Servers: urls, Wait: parleytest.Patience})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		streams[i] = s
	}
	var pulses [4]pulse // appends and reads of each
	var entries [2]func() []stream.Entry
	var kept sync.Map
	var highest atomic.Uint64
	var appending sync.WaitGroup
	enough := make(chan struct{})
	for i, s := range streams {
		entries[i], _ = follow(t, s, 1, pulses[2+i].beat)
		appending.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-enough:
					return
				case <-time.After(5 * time.Millisecond):
				}
				id := fmt.Sprint(i, "-", n)
				appending.Add(1)
				s.Append(stream.Append{Subject: "said", ID: id, Data: []byte(id)}, func(seq uint64, _ bool, err error) {
					defer appending.Done()
					if err == nil {
						pulses[i].beat()
						kept.Store(seq, id)
						for was := highest.Load(); was < seq && !highest.CompareAndSwap(was, seq); was = highest.Load() {
						}
					}
				})
			}
		})
	}
	beatOn(t, pulses[:])
	for range rounds {
		for _, kill := range []bool{true, false}[:min(rounds, 2)] { // stopping has its part in TestClusterChaos
			for _, whom := range []string{"connected", "leader", "other"} {
				lead, connected := leader(t, streams[0]), streams[0].Conn().ConnectedServerName()
				node := choose(servers, whom, lead, connected)
				limit := most
				if node.Name == lead {
					limit = mostElection
				}
				for i := range pulses {
					pulses[i].reset()
				}
				mend := fault(node, kill)
				time.Sleep(2 * time.Second)
				beatOn(t, pulses[:])
				var gaps [len(pulses)]time.Duration
				for i := range pulses {
					gaps[i] = pulses[i].longest().Round(time.Millisecond)
				}
				t.Logf("killed %-5v %-9s (leader: %-5v) nothing kept for %v and %v, nothing read for %v and %v", kill, whom, node.Name == lead,
					gaps[0], gaps[1], gaps[2], gaps[3])
				if slices.Max(gaps[:]) > limit {
					t.Errorf("more than %v", limit)
				}
				mend()
				servers.Ready()
			}
		}
	}
	close(enough)
	appending.Wait()
	for i := range entries {
		at, before, n := map[uint64]string{}, uint64(0), 0
		wait(t, "the end is not read", func() bool {
			all := entries[i]()
			return len(all) > 0 && all[len(all)-1].Seq >= highest.Load()
		})
		for _, e := range entries[i]() {
			if e.Seq <= before {
				t.Fatalf("%d after %d", e.Seq, before)
			}
			before, at[e.Seq] = e.Seq, string(e.Data)
		}
		kept.Range(func(seq, id any) bool {
			n++
			if at[seq.(uint64)] != id {
				t.Errorf("reader %d: %d is %q, and was acknowledged as %q", i, seq, at[seq.(uint64)], id)
			}
			return true
		})
		t.Logf("reader %d: %d entries, %d acknowledged", i, len(at), n)
	}
}

// choose is a server.
func choose(servers *parleytest.NATS, whom, lead, connected string) *parleytest.NATSNode {
	at := slices.IndexFunc(servers.Nodes, func(node *parleytest.NATSNode) bool {
		switch whom {
		case "connected":
			return node.Name == connected
		case "leader":
			return node.Name == lead
		}
		return node.Name != lead && node.Name != connected
	})
	return servers.Nodes[max(0, at)] // whoever it is, where streams have no connection just now
}
