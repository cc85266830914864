package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestMetrics: what clients do is what is counted, and nothing that they choose is a label.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := startMonitored(t, "--msg-rate", "0.001", "--msg-burst", "5", "--byte-rate", "0", "--login-rate", "3", "--handshake-timeout", "3s", "--guests",
		"--max-unauth-per-ip", "2", "--max-http-per-ip", "2", "--outbox-bytes", "16KiB", "--command-rate", "0")
	addUsers(s.Server, "alice", "bob", "stuck")
	first := s.scrape()
	if first.values["parley_accounts"] != 3 || first.values["parley_ready"] != 1 || first.values[`parley_connections{front="line",state="signed-in"}`] != 0 {
		t.Errorf("at the start:\n%s", first.text)
	}

	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	web := signInBrowser(s.Server, "bob")
	was := s.grown(t, first, map[string]float64{
		`parley_sign_ins_total{by="password",outcome="ok"}`:  3,
		`parley_connections{front="line",state="signed-in"}`: 2,
		`parley_connections{front="web",state="signed-in"}`:  1,
		`parley_web_requests_total{answer="socket"}`:         1,
		"parley_sessions":                    3,
		"parley_present":                     2,
		"parley_handshakes_total":            3,
		"parley_password_hash_seconds_count": 3,
		`parley_handshake_failures_total{reason="unacceptable"}`: 0,
	})

	t.Run("messages", func(t *testing.T) {
		for i := range 5 {
			alice.Do(fmt.Sprintf("MSG|number %d", i))
		}
		if code := alice.Code("MSG|one too many"); code != "rate-limited" {
			t.Fatal(code)
		}
		bob.Await("number 4")
		was = s.grown(t, was, map[string]float64{
			"parley_messages_total":                       5,
			"parley_deliveries_total":                     10, // bob has two sessions, and alice's is the writer's
			"parley_delivery_seconds_count":               5,
			`parley_rate_limited_total{kind="messages"}`:  1,
			`parley_errors_total{code="rate-limited"}`:    1,
			`parley_sessions_ended_total{reason="flood"}`: 0,
		})
	})
	t.Run("sign-ins", func(t *testing.T) {
		c := s.DialFrom("127.0.0.2")
		for range 3 {
			c.Do("HELLO|alice|wrong")
		}
		c.Do("HELLO|alice|wrong")
		c.Do("HELLO|visitor")
		s.DialFrom("127.0.0.2").Hello("bob", bob.Token())
		was = s.grown(t, was, map[string]float64{
			`parley_sign_ins_total{by="password",outcome="denied"}`:    3,
			`parley_sign_ins_total{by="password",outcome="throttled"}`: 1,
			`parley_sign_ins_total{by="guest",outcome="ok"}`:           1,
			`parley_sign_ins_total{by="token",outcome="ok"}`:           1,
			"parley_throttled": 1,
		})
	})
	t.Run("handshakes", func(t *testing.T) {
		rejects := &tls.Config{ServerName: "localhost"} // whose roots do not have this CA
		if conn, err := tls.DialWithDialer(&net.Dialer{LocalAddr: local("127.0.0.3")}, "tcp", s.Addr, rejects); err == nil {
			conn.Close()
			t.Fatal("a certificate was taken that nobody signed")
		}
		old := s.TLS()
		old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		if conn, err := tls.DialWithDialer(&net.Dialer{LocalAddr: local("127.0.0.3")}, "tcp", s.Addr, old); err == nil {
			conn.Close()
			t.Fatal("TLS 1.2 was taken")
		}
		for i, send := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02", ""} {
			conn := plain(t, s.Addr, fmt.Sprintf("127.0.0.%d", 10+i)) // of which no other may still be ending
			io.WriteString(conn, send)
			if send != "\x16\x03\x01\x02" {
				io.Copy(io.Discard, conn) // until it is refused, or its time is over
			}
			conn.Close()
		}
		was = s.grown(t, was, map[string]float64{
			`parley_handshake_failures_total{reason="rejected"}`:     1,
			`parley_handshake_failures_total{reason="unacceptable"}`: 1,
			`parley_handshake_failures_total{reason="not-tls"}`:      1,
			`parley_handshake_failures_total{reason="closed"}`:       1,
			`parley_handshake_failures_total{reason="timeout"}`:      1,
			`parley_connections{front="unknown",state="handshake"}`:  0,
		})
	})
	t.Run("connections", func(t *testing.T) {
		for range 2 {
			s.DialFrom("127.0.0.5").Code("PING|")
		}
		refused := plain(t, s.Addr, "127.0.0.5")
		tls.Client(refused, s.TLS()).Handshake()
		page, err := dialBrowser(s.Server, s.Addr, "http/1.1")
		if err != nil {
			t.Fatal(err)
		}
		defer page.Close()
		fmt.Fprintf(page, "GET /no/such/page HTTP/1.1\r\nHost: %s\r\n\r\n", s.Addr)
		was = s.grown(t, was, map[string]float64{
			`parley_connections{front="line",state="unauthenticated"}`:    2,
			`parley_connections_refused_total{bound="max-unauth-per-ip"}`: 1,
			`parley_connections_refused_total{bound="max-conns-per-ip"}`:  0,
			`parley_web_requests_total{answer="refusal"}`:                 1,
			`parley_errors_total{code="hello-first"}`:                     2,
			`parley_sessions_ended_total{reason="closed by the peer"}`:    0,
			`parley_sign_ins_total{by="password",outcome="failed"}`:       0,
			`parley_connections{front="web",state="unauthenticated"}`:     0,
		})
	})
	t.Run("ends", func(t *testing.T) {
		web.do("EXIT|")
		alice.Close()
		flood := s.DialFrom("127.0.0.8")
		flood.Write(strings.Repeat("x", 70000)) // a line without an end
		ended(t, flood, "BYE|flood|*")
		was = s.grown(t, was, map[string]float64{
			`parley_sessions_ended_total{reason="exit"}`:        1,
			`parley_sessions_ended_total{reason="flood"}`:       1,
			`parley_connections{front="web",state="signed-in"}`: -1,
		})
	})
	t.Run("a stranger's words", func(t *testing.T) {
		c := s.DialFrom("127.0.0.6").Hello("bob", parleytest.Password)
		for i := range 30 {
			c.Do(fmt.Sprintf("JOIN|marked-room-%d", i))
			c.Do(fmt.Sprintf("MARKED-COMMAND-%d|x", i))
			c.Do(fmt.Sprintf("TOPIC|marked-room-%d|marked topic", i))
		}
		g := s.DialFrom("127.0.0.7")
		g.Do("HELLO|marked-name|marked-password")
		g.Do("HELLO|marked-guest")
		now := s.scrape()
		if strings.Contains(strings.ToLower(now.text), "marked") {
			t.Error("what a stranger chose is in the metrics")
		}
		if !slices.Equal(slices.Sorted(maps.Keys(own(now.values))), slices.Sorted(maps.Keys(own(first.values)))) {
			t.Error("there are other series than at the start")
		}
		if rooms := now.values["parley_rooms"] - was.values["parley_rooms"]; rooms != 30 {
			t.Errorf("%v rooms more", rooms)
		}
	})
}

// own are the series of parley's own.
func own(all map[string]float64) map[string]float64 {
	mine := maps.Clone(all)
	maps.DeleteFunc(mine, func(series string, _ float64) bool { return !strings.HasPrefix(series, "parley_") })
	return mine
}

func local(ip string) *net.TCPAddr { return &net.TCPAddr{IP: net.ParseIP(ip)} }

func plain(t *testing.T, addr, from string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: local(from), Timeout: parleytest.Patience}).Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(parleytest.Patience))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestMetricsUnderLoad: a slow reader is seen, and scraping while a room is busy answers, and never goes back.
func TestMetricsUnderLoad(t *testing.T) {
	t.Parallel()
	s := startMonitored(t, unlimited("--outbox-bytes", "256KiB", "--write-timeout", "5s")...)
	addUsers(s.Server, "alice", "bob", "stuck")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	s.SignIn("stuck") // and never reads
	var reading, writing sync.WaitGroup
	for _, c := range []*parleytest.Conn{alice, bob} {
		reading.Go(func() { io.Copy(io.Discard, c.TLS) })
	}
	first := s.scrape()
	text := "SEND|lobby||" + strings.Repeat("x", 1900) + "\n"
	stop := make(chan struct{})
	said := 0 // at most
	writing.Go(func() {
		for !closed(stop) {
			said += 20
			alice.TLS.SetWriteDeadline(time.Now().Add(parleytest.Patience))
			if _, err := io.WriteString(alice.TLS, strings.Repeat(text, 20)); err != nil {
				t.Logf("alice is out: %v", err) // where this machine stands still for a second, whoever is read to last is too slow
				return
			}
		}
	})
	const slow = `parley_sessions_ended_total{reason="slow"}`
	last, waited := first, false
	for began := time.Now(); last.values[slow] == 0; {
		now := s.scrape()
		for series, value := range now.values {
			name, _, _ := strings.Cut(series, "{")
			if now.types[name] == "counter" && value < last.values[series] {
				t.Errorf("%s went from %v to %v", series, last.values[series], value)
			}
		}
		waited = waited || now.values["parley_outbox_largest_bytes"] > 0 && now.values["parley_outbox_bytes"] > 0
		if last = now; time.Since(began) > parleytest.Patience {
			t.Fatal("nobody was too slow")
		}
	}
	close(stop)
	writing.Wait()
	if !waited {
		t.Error("nothing ever waited in an outbox")
	}
	bob.Close()
	alice.Close()
	reading.Wait()
	var figures string
	fine := func() bool { // once what alice has sent is dealt with: a scrape is of no one moment
		now := s.scrape().values
		entries, batches := now["parley_commit_entries_sum"], now["parley_commit_entries_count"]
		messages, timed := now["parley_messages_total"], now["parley_delivery_seconds_count"]
		figures = fmt.Sprintf("%d said at most, %v messages, %v timed, %v entries in %v batches", said, messages, timed, entries, batches)
		return messages > 0 && messages <= float64(said) && timed >= messages-1024 && entries >= messages && batches > 0 && batches == now["parley_commit_seconds_count"]
	}
	for began := time.Now(); !fine(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > parleytest.Patience {
			t.Fatal(figures)
		}
	}
	t.Log(figures)
}

// TestReadyWhileDraining: told to stop under load, it says so until it has ended, and lives till then.
func TestReadyWhileDraining(t *testing.T) {
	t.Parallel()
	s := startMonitored(t, unlimited("--write-timeout", "0")...)
	addUsers(s.Server, "alice", "stuck")
	alice, stuck := s.SignIn("alice"), s.SignIn("stuck")
	sayAll(t, alice, "lobby", slices.Repeat([]string{strings.Repeat("x", 2000)}, 500)...)
	s.awaits("/readyz", http.StatusOK, "ready")
	stuck.Send(slices.Repeat([]string{"HISTORY|lobby|after|0|500"}, 60)...) // and does not read, which holds the drain up
	alice.Do("PING|")
	s.Cmd.Process.Signal(syscall.SIGTERM)
	s.awaits("/readyz", http.StatusServiceUnavailable, "stopping")
	s.awaits("/healthz", http.StatusOK, "alive")
	if now := s.scrape(); now.values["parley_ready"] != 0 {
		t.Error("parley_ready is 1")
	}
	stuck.Close()
	if code := s.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if status, _ := s.get("/healthz"); status != 0 {
		t.Error("it still answers")
	}
}

// TestReadyInCluster: a node is not ready while NATS is out of reach, nor before it has caught up, and lives all the time.
func TestReadyInCluster(t *testing.T) {
	t.Parallel()
	nats := parleytest.StartNATS(t, 1)
	way := nats.Entrance()
	(&parleytest.Server{T: t}).Run(parleytest.Password+"\n", append([]string{"user", "add", "alice", "--bcrypt-cost", "4"}, way.Flags()...)...)
	s := startMonitored(t, unlimited(way.Flags()...)...)
	s.awaits("/readyz", http.StatusOK, "ready")
	alice := s.SignIn("alice")
	said := id(t, alice.Do("MSG|hello"))
	s.awaits("/metrics", http.StatusOK, "parley_stream_lag_entries 0\n")
	now := s.scrape()
	if now.values["parley_nats_reachable"] != 1 || now.values["parley_stream_applied"] < float64(said) {
		t.Errorf("reachable %v, applied %v, said %d", now.values["parley_nats_reachable"], now.values["parley_stream_applied"], said)
	}
	if now.values["parley_delivery_seconds_count"] != 1 {
		t.Errorf("%v messages were timed", now.values["parley_delivery_seconds_count"])
	}
	comparesTable(t, now)
	comparesQueries(t, now)

	nats.Nodes[0].Kill()
	s.awaits("/readyz", http.StatusServiceUnavailable, "NATS")
	s.awaits("/metrics", http.StatusOK, "parley_nats_reachable 0\n")
	s.awaits("/healthz", http.StatusOK, "alive")
	alice.Do("PING|") // who is in stays
	nats.Nodes[0].Launch()
	s.awaits("/readyz", http.StatusOK, "ready")

	s.Kill()
	way.Set(parleytest.Reset)
	later := startWaiting(t, s.Server)
	later.awaits("/readyz", http.StatusServiceUnavailable, "starting")
	later.awaits("/healthz", http.StatusOK, "alive")
	later.awaits("/metrics", http.StatusOK, "parley_ready 0\n")
	way.Set(parleytest.Open)
	later.awaits("/readyz", http.StatusOK, "ready")
}

// startWaiting starts the server anew, which may have to wait before it listens.
func startWaiting(t *testing.T, s *parleytest.Server) *monitored {
	t.Helper()
	launched := make(chan struct{})
	go func() {
		defer close(launched)
		s.Launch()
	}()
	t.Cleanup(func() { <-launched })
	said := strings.Count(s.Log(), "serving metrics")
	for began := time.Now(); strings.Count(s.Log(), "serving metrics") == said; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > parleytest.Patience {
			t.Fatal("it does not serve metrics")
		}
	}
	return &monitored{s, "http://" + metricsAddr(t, s)}
}

// comparesTable holds docs/operations.md to what a node of a cluster shows, and it shows all there is.
func comparesTable(t *testing.T, now *scrape) {
	t.Helper()
	var kept []string
	for line := range strings.Lines(page(t, "docs/operations.md")) {
		if strings.HasPrefix(line, "| `parley_") {
			kept = append(kept, strings.TrimSuffix(line, "\n"))
		}
	}
	rows := now.rows()
	for _, row := range rows {
		if !slices.Contains(kept, row) {
			t.Errorf("docs/operations.md lacks\n%s", row)
		}
	}
	for _, row := range kept {
		if !slices.Contains(rows, row) {
			t.Errorf("docs/operations.md has, and the server does not,\n%s", row)
		}
	}
}

func page(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
