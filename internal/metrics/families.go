package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/server"
	"parley/internal/session"
	"parley/internal/store"
	"parley/internal/web"
	"parley/protocol"
)

const prefix = "parley_"

// snapshot is what one scrape tells.
type snapshot struct {
	auth     auth.Stats
	hub      chat.Stats
	sessions session.Stats
	server   server.Stats
	web      *web.Stats
	store    store.Stats
	expires  time.Time
	cluster  *cluster
}

// cluster is how it is with NATS.
type cluster struct {
	reachable    bool
	applied, lag uint64
}

func (from *Sources) look() *snapshot {
	s := &snapshot{
		auth: from.Auth.Stats(), hub: from.Hub.Stats(), sessions: from.Sessions.Stats(), server: from.Server.Stats(), store: from.Store.Stats(),
		expires: from.Expires(),
	}
	if from.Web != nil {
		w := from.Web.Stats()
		s.web = &w
	}
	if from.Stream != nil {
		s.cluster = &cluster{from.Stream.Reachable(), s.store.Applied, lag(from, s.store.Applied)}
	}
	return s
}

// emit gives a value with the values of its labels.
type emit func(value float64, labels ...string)

// family is a metric: how it is described, and where its values are.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*snapshot, emit)
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

func number(kind prometheus.ValueType, name, help string, read func(*snapshot) float64) family {
	return family{describe(name, help), kind, func(s *snapshot, out emit) { out(read(s)) }}
}

func gauge(name, help string, read func(*snapshot) float64) family {
	return number(prometheus.GaugeValue, name, help, read)
}

func counter(name, help string, read func(*snapshot) float64) family {
	return number(prometheus.CounterValue, name, help, read)
}

// byLabel is a counter with a label.
func byLabel[K ~string](name, help, label string, read func(*snapshot) map[K]int64) family {
	return family{describe(name, help, label), prometheus.CounterValue, func(s *snapshot, out emit) {
		for value, n := range read(s) {
			out(float64(n), string(value))
		}
	}}
}

// clustered is a gauge that only the node of a cluster has.
func clustered(name, help string, read func(*cluster) float64) family {
	return family{describe(name, help), prometheus.GaugeValue, func(s *snapshot, out emit) {
		if s.cluster != nil {
			out(read(s.cluster))
		}
	}}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// families are the metrics but the histograms, and what is known before a server is up.
var families = []family{
	{describe("connections", "Open connections.", "state", "front"), prometheus.GaugeValue, func(s *snapshot, out emit) {
		for k, n := range s.server.Connections {
			out(float64(n), k.State, k.Front)
		}
	}},
	gauge("connections_limit", "Connections that may be open (--max-conns); 0 is no limit.", func(s *snapshot) float64 { return float64(s.server.MaxConns) }),
	byLabel("connections_refused_total", "Connections that did not fit, by the flag of the bound.", "bound", func(s *snapshot) map[string]int64 { return s.server.Refused }),
	counter("accept_failures_total", "Failed accepts of connections, for want of file descriptors mostly.", func(s *snapshot) float64 { return float64(s.server.AcceptFailures) }),
	counter("handshakes_total", "TLS handshakes that were good.", func(s *snapshot) float64 { return float64(s.server.Handshakes) }),
	byLabel("handshake_failures_total", "TLS handshakes that failed.", "reason", func(s *snapshot) map[string]int64 { return s.server.HandshakesFailed }),
	byLabel("web_requests_total", "HTTP requests, by what they were answered with.", "answer", func(s *snapshot) map[string]int64 {
		if s.web == nil {
			return nil
		}
		return s.web.Requests
	}),
	{describe("certificate_expiry_timestamp_seconds", "When the certificate in use expires, as Unix time."), prometheus.GaugeValue, func(s *snapshot, out emit) {
		if !s.expires.IsZero() { // else there is none yet
			out(float64(s.expires.Unix()))
		}
	}},

	{describe("sign_ins_total", "Sign-ins, by credential and outcome.", "by", "outcome"), prometheus.CounterValue, func(s *snapshot, out emit) {
		for k, n := range s.sessions.SignIns {
			out(float64(n), k.By, k.Outcome)
		}
	}},
	gauge("throttled", "Names and addresses that reached the limit of failed sign-ins in the last hour.", func(s *snapshot) float64 { return float64(s.auth.Throttled) }),
	gauge("passwords_hashing", "Passwords that are hashed now.", func(s *snapshot) float64 { return float64(s.auth.Hashing) }),
	gauge("passwords_waiting", "Sign-ins and new passwords that wait to be hashed.", func(s *snapshot) float64 { return float64(s.auth.Waiting) }),
	gauge("passwords_limit", "Both together that may be, before others are told busy.", func(s *snapshot) float64 { return float64(s.auth.Places) }),

	gauge("sessions", "Sessions, signed in or not.", func(s *snapshot) float64 { return float64(s.sessions.Sessions) }),
	byLabel("sessions_ended_total", "Ended sessions, by why; slow is a reader that was too slow.", "reason", func(s *snapshot) map[string]int64 { return s.sessions.Ended }),
	byLabel("errors_total", "ERROR replies, by code.", "code", func(s *snapshot) map[protocol.Code]int64 { return s.sessions.Refused }),
	byLabel("rate_limited_total", "Lines that a rate refused, by what was too much.", "kind", func(s *snapshot) map[string]int64 { return s.sessions.Limited }),
	gauge("outbox_bytes", "Bytes that wait in all outboxes.", func(s *snapshot) float64 { return float64(s.sessions.Outbox) }),
	gauge("outbox_largest_bytes", "Bytes in the fullest outbox.", func(s *snapshot) float64 { return float64(s.sessions.LargestOutbox) }),

	counter("messages_total", "Messages told to rooms and conversations; in a cluster those of all nodes.", func(s *snapshot) float64 { return float64(s.hub.Messages) }),
	counter("deliveries_total", "Events, messages and others, handed to sessions.", func(s *snapshot) float64 { return float64(s.hub.Deliveries) }),
	gauge("rooms", "Rooms, without conversations.", func(s *snapshot) float64 { return float64(s.hub.Rooms) }),
	gauge("accounts", "Accounts that were not removed.", func(s *snapshot) float64 { return float64(s.hub.Accounts) }),
	gauge("present", "Accounts and guests that are present; in a cluster on any node.", func(s *snapshot) float64 { return float64(s.hub.Present) }),

	gauge("store_queue", "Writes that wait to be durable.", func(s *snapshot) float64 { return float64(s.store.Queue) }),
	gauge("store_queue_limit", "Writes that may wait, before others are told busy (--log-queue).", func(s *snapshot) float64 { return float64(s.store.MaxQueue) }),
	gauge("store_backlog", "Messages in the journal that the database has not yet.", func(s *snapshot) float64 { return float64(s.store.Backlog) }),
	gauge("store_backlog_limit", "Such messages, beyond which others wait for the database.", func(s *snapshot) float64 { return float64(s.store.MaxBacklog) }),
	gauge("store_failing", "1 while the database takes no writes.", func(s *snapshot) float64 { return truth(s.store.Failing) }),
	gauge("journal_bytes", "Bytes of the journal in use.", func(s *snapshot) float64 { return float64(s.store.Journal) }),
	gauge("journal_file_bytes", "Bytes of the journal's file; it begins anew when it is full.", func(s *snapshot) float64 { return float64(s.store.JournalFile) }),
	gauge("database_bytes", "Bytes of the database's file.", func(s *snapshot) float64 { return float64(s.store.Database) }),
	gauge("wal_bytes", "Bytes of the database's write-ahead log.", func(s *snapshot) float64 { return float64(s.store.WAL) }),
	gauge("disk_free_bytes", "Bytes free on the disk of the data directory.", func(s *snapshot) float64 { return float64(s.store.Free) }),

	clustered("nats_reachable", "1 while the stream's leader answers. Nodes of a cluster only.", func(c *cluster) float64 { return truth(c.reachable) }),
	clustered("stream_applied", "Sequence of the stream's last entry that the database has. Nodes of a cluster only.", func(c *cluster) float64 { return float64(c.applied) }),
	clustered("stream_lag_entries", "Entries of the stream that the database lacks. Nodes of a cluster only.", func(c *cluster) float64 { return float64(c.lag) }),
}

var (
	readyDesc = describe("ready", "1 while somebody who comes can sign in and speak, as /readyz says.")
	buildDesc = describe("build_info", "This program.", "version", "revision", "go_version")
)

// Describe implements prometheus.Collector.
func (m *Monitor) Describe(all chan<- *prometheus.Desc) {
	all <- readyDesc
	all <- buildDesc
	for _, f := range families {
		all <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (m *Monitor) Collect(all chan<- prometheus.Metric) {
	give := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		all <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	version, revision, goVersion := build()
	give(buildDesc, prometheus.GaugeValue, 1, version, revision, goVersion)
	give(readyDesc, prometheus.GaugeValue, truth(m.Unready() == ""))
	m.mu.Lock()
	from := m.from
	m.mu.Unlock()
	if from == nil {
		return
	}
	s := from.look()
	for _, f := range families {
		f.read(s, func(value float64, labels ...string) { give(f.desc, f.kind, value, labels...) })
	}
}
