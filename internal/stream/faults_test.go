package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
	"parley/internal/stream"
)

// processes are NATS servers as processes of their own, which can be killed and stopped.
type processes struct {
	urls []string
	cmds map[string]*exec.Cmd // by the server's name
	argv map[string][]string
	t    *testing.T
}

func newProcesses(t *testing.T) *processes {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "nats-server")
	build := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := &processes{cmds: map[string]*exec.Cmd{}, argv: map[string][]string{}, t: t}
	var routes, clusters []string
	for range 3 {
		at := fmt.Sprintf("nats://127.0.0.1:%d", freePort(t))
		routes, clusters = append(routes, at), append(clusters, at)
	}
	for i := range 3 {
		name, port := fmt.Sprintf("n%d", i+1), freePort(t)
		p.urls = append(p.urls, fmt.Sprintf("nats://127.0.0.1:%d", port))
		p.argv[name] = []string{program, "-a", "127.0.0.1", "-p", fmt.Sprint(port), "-js", "-sd", filepath.Join(dir, name), "-n", name,
			"--cluster_name", "test", "--cluster", clusters[i], "--routes", strings.Join(routes, ","), "-l", filepath.Join(dir, name+".log")}
		p.start(name)
	}
	t.Cleanup(func() {
		for _, c := range p.cmds {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return p
}

func (p *processes) start(name string) {
	c := exec.Command(p.argv[name][0], p.argv[name][1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmds[name] = c
}

// fault makes a server silent, and gives back what mends it.
func (p *processes) fault(name string, kill bool) func() {
	c := p.cmds[name]
	if kill {
		_ = c.Process.Kill()
		_ = c.Wait()
		return func() { p.start(name) }
	}
	_ = c.Process.Signal(syscall.SIGSTOP)
	return func() { _ = c.Process.Signal(syscall.SIGCONT) }
}

func leader(t testing.TB, s *stream.Stream) string {
	t.Helper()
	var info struct {
		Cluster struct {
			Leader string `json:"leader"`
		} `json:"cluster"`
	}
	wait(t, 20*time.Second, "no leader", func() bool {
		m, err := s.Conn().Request("$JS.API.STREAM.INFO."+s.Name(), nil, time.Second)
		return err == nil && json.Unmarshal(m.Data, &info) == nil && info.Cluster.Leader != ""
	})
	return info.Cluster.Leader
}

// pulse is when something went well, and the longest time without.
type pulse struct {
	mu   sync.Mutex
	last time.Time
	gap  time.Duration
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.gap, p.last = max(p.gap, now.Sub(p.last)), now
}

// since starts anew; gap is the longest time without, until now.
func (p *pulse) since() (gap, last time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last = time.Since(p.last)
	return max(p.gap, last), last
}

func (p *pulse) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gap = 0
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
	const (
		// Promised are 5 s, and 9 where a leader has to be elected: replicas of nats-server wait for 4 to 9 s before they vote. A
		// machine may be busy with other tests.
		most         = 10 * time.Second
		mostElection = 18 * time.Second
	)
	p := newProcesses(t)
	var streams [2]*stream.Stream
	for i := range streams {
		s, err := stream.Open(context.Background(), stream.Options{Servers: strings.Join(p.urls, ","), Wait: 30 * time.Second})
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
	time.Sleep(time.Second)
	rounds := 1
	if os.Getenv("PARLEY_SOAK") != "" {
		rounds = 8
	}
	for range rounds {
		for _, kill := range []bool{true, false}[:min(rounds, 2)] { // stopping has its part in TestClusterChaos
			for _, whom := range []string{"connected", "leader", "other"} {
				lead, connected := leader(t, streams[0]), streams[0].Conn().ConnectedServerName()
				name := p.choose(whom, lead, connected)
				limit := most
				if name == lead {
					limit = mostElection
				}
				for i := range pulses {
					pulses[i].reset()
				}
				mend := p.fault(name, kill)
				time.Sleep(2 * time.Second)
				gaps := make([]time.Duration, len(pulses))
				wait(t, 30*time.Second, "it does not go on", func() bool {
					goes := true
					for i := range pulses {
						var last time.Duration
						gaps[i], last = pulses[i].since()
						goes = goes && last < 200*time.Millisecond
					}
					return goes
				})
				t.Logf("killed %-5v %-9s (leader: %-5v) nothing kept for %v and %v, nothing read for %v and %v", kill, whom, name == lead,
					gaps[0].Round(time.Millisecond), gaps[1].Round(time.Millisecond), gaps[2].Round(time.Millisecond), gaps[3].Round(time.Millisecond))
				if slices.Max(gaps) > limit {
					t.Errorf("more than %v", limit)
				}
				mend()
				time.Sleep(3 * time.Second)
			}
		}
	}
	close(enough)
	appending.Wait()
	for i := range entries {
		at, before, n := map[uint64]string{}, uint64(0), 0
		wait(t, 10*time.Second, "the end is not read", func() bool {
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

// choose names a server.
func (p *processes) choose(whom, lead, connected string) string {
	switch whom {
	case "connected":
		return connected
	case "leader":
		return lead
	}
	for name := range p.argv {
		if name != lead && name != connected {
			return name
		}
	}
	panic("unreachable")
}
