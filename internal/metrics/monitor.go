package metrics

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/server"
	"parley/internal/session"
	"parley/internal/store"
	"parley/internal/stream"
	"parley/internal/web"
)

// Sources are the parts of a server that is up.
type Sources struct {
	Auth     *auth.Service
	Hub      *chat.Hub
	Sessions *session.Service
	Server   *server.Server
	Web      *web.Server // nil: there is no page
	Store    *store.Store
	Stream   *stream.Stream   // nil on a single machine
	Expires  func() time.Time // when the certificate in use does
}

// Monitor is what is known of one server. Its methods are safe for concurrent use.
type Monitor struct {
	registry *prometheus.Registry

	delivery, commit, entries, hash, wait prometheus.Histogram

	mu    sync.Mutex
	from  *Sources // nil before Serving
	ended bool     // by Draining
}

// Seconds that a bucket of a histogram ends with.
var (
	short = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}
	long  = []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30}
)

// New makes a Monitor of a server that is starting.
func New() *Monitor {
	m := &Monitor{registry: prometheus.NewRegistry()}
	m.delivery = m.histogram("delivery_seconds", "Time of a message that was said here, from its way into the log until it was written to those who hear it.", short)
	m.commit = m.histogram("commit_seconds", "Time to make a batch of entries durable; in a cluster, to bring it into the database.", short)
	m.entries = m.histogram("commit_entries", "Entries in such a batch.", prometheus.ExponentialBuckets(1, 2, 11))
	m.hash = m.histogram("password_hash_seconds", "Time to read an account and compare or make its hash.", long)
	m.wait = m.histogram("password_wait_seconds", "Time that this waited for a worker.", long)
	m.registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Monitor) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// Told is for chat.Options.
func (m *Monitor) Told(took time.Duration) { m.delivery.Observe(took.Seconds()) }

// Kept is for store.Options.
func (m *Monitor) Kept(entries int, took time.Duration) {
	m.entries.Observe(float64(entries))
	m.commit.Observe(took.Seconds())
}

// Hashed is for auth.Options.
func (m *Monitor) Hashed(waited, took time.Duration) {
	m.wait.Observe(waited.Seconds())
	m.hash.Observe(took.Seconds())
}

// Serving says that the server is up: its listeners are open, and it has caught up with its log.
func (m *Monitor) Serving(from Sources) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.from = &from
}

// Draining says that it takes nobody any more.
func (m *Monitor) Draining() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
}

// behind is how many entries of the stream a node may lack and still serve who comes.
const behind = 1024

// Unready says why somebody who comes now could not sign in and speak; "" where they could.
func (m *Monitor) Unready() string {
	m.mu.Lock()
	from, ended := m.from, m.ended
	m.mu.Unlock()
	switch {
	case ended:
		return "stopping"
	case from == nil:
		return "starting"
	}
	st := from.Store.Stats()
	switch {
	case st.Failing:
		return "the database takes no writes"
	case from.Stream == nil:
		return ""
	case !from.Stream.Reachable():
		return "NATS is out of reach, or the stream has no leader"
	}
	if n := lag(from, st.Applied); n > behind {
		return fmt.Sprintf("%d entries behind the stream", n)
	}
	return ""
}

// lag is how many entries of the stream, as its leader told last, the tables lack.
func lag(from *Sources, applied uint64) uint64 {
	heard := from.Stream.LastHeard()
	return heard - min(heard, applied)
}

// build is this program's version, commit and Go version.
func build() (version, revision, goVersion string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "unknown", "unknown"
	}
	revision = "unknown"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return info.Main.Version, revision, info.GoVersion
}
