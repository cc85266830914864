package parleytest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// NATSNode is one nats-server process with a store of its own. It listens at other ports
// after each start; links follow it.
type NATSNode struct {
	Name string

	nats   *NATS
	dir    string   // of its configuration, store and log
	routes []string // where it connects to the others
	peers  []*Link  // from it to the others, and from them to it
	ways   []*Link  // from clients to it
	cmd    *exec.Cmd

	mu    sync.Mutex
	ports natsPorts // where it listens now
}

// natsPorts is what nats-server writes to its ports file: URLs.
type natsPorts struct{ Nats, Monitoring, Cluster []string }

// Launch starts the process, anew after Kill, and waits until it listens. It need not be ready: see NATS.Ready.
func (n *NATSNode) Launch() {
	t := n.nats.T
	t.Helper()
	program := build(t, "nats-server", "github.com/nats-io/nats-server/v2")
	config := filepath.Join(n.dir, "nats.conf")
	if err := os.WriteFile(config, []byte(n.config()), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(n.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.cmd = exec.Command(program, "-c", config)
	n.cmd.Stderr = log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(n.dir, fmt.Sprintf("%s_%d.ports", filepath.Base(program), n.cmd.Process.Pid))
	for give := time.Now().Add(Patience); ; time.Sleep(5 * time.Millisecond) {
		var ports natsPorts
		if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &ports) == nil {
			n.mu.Lock()
			n.ports = ports
			n.mu.Unlock()
			return
		}
		if time.Now().After(give) {
			t.Fatalf("nats-server %s does not listen\n%s", n.Name, tail(n.Log(), 3000))
		}
	}
}

// config is the node's configuration. Where the others should connect to is a port at which nobody
// listens: else nodes would tell each other of ways past the links.
func (n *NATSNode) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, `server_name: %s
listen: "127.0.0.1:-1"
http: "127.0.0.1:-1"
ports_file_dir: %q
jetstream { store_dir: %q, sync_interval: always }
%s`, n.Name, n.dir, filepath.Join(n.dir, "store"), n.nats.trusted)
	if certs := n.nats.certs; certs != "" {
		fmt.Fprintf(&b, "tls { cert_file: %q, key_file: %q, timeout: 60 }\n", filepath.Join(certs, "server.pem"), filepath.Join(certs, "server-key.pem"))
	}
	if len(n.routes) > 0 {
		fmt.Fprintf(&b, `cluster {
  name: test, listen: "127.0.0.1:-1", advertise: "127.0.0.1:1", no_advertise: true
  routes: ["nats-route://%s"]
}
`, strings.Join(n.routes, `", "nats-route://`))
	}
	return b.String()
}

func (n *NATSNode) logFile() string { return filepath.Join(n.dir, "log") }

// Log is all that the node has logged, over restarts.
func (n *NATSNode) Log() string {
	text, _ := os.ReadFile(n.logFile())
	return string(text)
}

// Kill kills the process with SIGKILL and waits for it.
func (n *NATSNode) Kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
}

// Stop stops the process with SIGSTOP: its connections stay, and say nothing.
func (n *NATSNode) Stop() { n.cmd.Process.Signal(syscall.SIGSTOP) }

// Cont lets it go on.
func (n *NATSNode) Cont() { n.cmd.Process.Signal(syscall.SIGCONT) }

// Set cuts the node off from the other nodes and from all clients, or opens all its links again.
func (n *NATSNode) Set(state Cut) {
	n.SetPeers(state)
	for _, l := range n.ways {
		l.Set(state)
	}
}

// SetPeers cuts the node off from the other nodes, while clients still reach it, or opens those links again.
func (n *NATSNode) SetPeers(state Cut) {
	for _, l := range n.peers {
		l.Set(state)
	}
}

// end is for the test's end.
func (n *NATSNode) end() {
	n.Kill()
	if n.nats.T.Failed() {
		var log strings.Builder
		for line := range strings.Lines(n.Log()) {
			if !strings.Contains(line, "Healthcheck failed") { // said each time that Ready asks
				log.WriteString(line)
			}
		}
		n.nats.T.Logf("the log of nats-server %s:\n%s", n.Name, tail(log.String(), 6000))
	}
}

func (n *NATSNode) clientAddr() string { return n.addr(func(p natsPorts) []string { return p.Nats }) }
func (n *NATSNode) routeAddr() string  { return n.addr(func(p natsPorts) []string { return p.Cluster }) }

// addr is host and port of the first URL of some.
func (n *NATSNode) addr(some func(natsPorts) []string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, u := range some(n.ports) {
		if parsed, err := url.Parse(u); err == nil {
			return parsed.Host
		}
	}
	return "127.0.0.1:1" // not yet: nobody listens there
}

// asker asks nodes how they are; one that is stopped does not answer.
var asker = &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// ask reads a page of the node's monitoring.
func (n *NATSNode) ask(page string, into any) error {
	resp, err := asker.Get("http://" + n.addr(func(p natsPorts) []string { return p.Monitoring }) + page)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", page, body)
	}
	return json.Unmarshal(body, into)
}

// unwell is nil where the node knows a leader of the cluster's and has caught up with all its streams.
func (n *NATSNode) unwell(nodes int) error {
	if err := n.ask("/healthz", new(struct{})); err != nil || nodes == 1 {
		return err
	}
	var jsz struct {
		MetaCluster struct {
			Leader string
			Size   int `json:"cluster_size"`
		} `json:"meta_cluster"`
	}
	if err := n.ask("/jsz", &jsz); err != nil {
		return err
	}
	if m := jsz.MetaCluster; m.Leader == "" || m.Size != nodes {
		return fmt.Errorf("leader %q of %d nodes", m.Leader, m.Size)
	}
	return nil
}

// leaderOf is the name of the node that leads a stream, as far as this one knows, or "".
func (n *NATSNode) leaderOf(stream string) string {
	var jsz struct {
		Accounts []struct {
			Streams []struct {
				Name    string
				Cluster *struct{ Leader string }
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if n.ask("/jsz?accounts=true&streams=true", &jsz) != nil {
		return ""
	}
	for _, a := range jsz.Accounts {
		for _, s := range a.Streams {
			if s.Name == stream && s.Cluster == nil {
				return n.Name // a single node
			} else if s.Name == stream {
				return s.Cluster.Leader
			}
		}
	}
	return ""
}
