package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

// lifted are the bounds that a load from one machine runs into.
var lifted = []string{"--guests", "--msg-rate", "0", "--command-rate", "0", "--byte-rate", "0", "--max-conns-per-ip", "0", "--max-unauth", "0", "--max-unauth-per-ip", "0", "--login-rate", "0"}

// passwordHash is parleytest.Password by bcrypt.
const passwordHash = "$2a$04$jG41dKpNc4JDnG3/RMdpWunerDJyoFJA/UnZz.myOAtZWvO/GRxP6"

// TestCases runs each case for a moment against a real server: it works, finds nothing wrong, and has the figures that are asked of it.
func TestCases(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, lifted...)
	s.User("maker")
	var accounts strings.Builder
	for n := range 30 {
		fmt.Fprintf(&accounts, "u%d:%s\n", n, passwordHash)
	}
	s.Run(accounts.String(), "user", "import", "--data", s.Data)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(parleytest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	guests := []string{"--guests", "--maker", "maker", "--password-file", password}
	users := []string{"--users", "u", "--password-file", password}
	phase := []string{"--warmup", "100ms", "--for", "400ms"}
	for _, tt := range []struct {
		args    []string
		who     []string
		figures []string
	}{
		{append([]string{"fanout", "--senders", "2", "--receivers", "5"}, phase...), guests, []string{"deliveries_per_s", "latency_p99_ms", "server_rss_kib"}},
		{append([]string{"fanout", "--senders", "2", "--receivers", "5", "--window-by", "all", "--batch", "4"}, phase...), users, []string{"deliveries_per_s"}},
		{append([]string{"fanout", "--senders", "1", "--receivers", "5", "--window-by", "ok"}, phase...), []string{"--guests"}, []string{"deliveries_per_s"}},
		{append([]string{"fanout", "--senders", "2", "--receivers", "5", "--rate", "100", "--size", "400"}, phase...), guests, []string{"deliveries_per_s"}},
		{append([]string{"rooms", "--rooms", "3", "--members", "4", "--rate", "200"}, phase...), guests, []string{"deliveries_per_s", "latency_p50_ms"}},
		{append([]string{"rooms", "--rooms", "3", "--members", "4", "--rate", "200"}, phase...), users, []string{"deliveries_per_s"}},
		{[]string{"idle", "--count", "20", "--for", "100ms"}, guests, []string{"connections", "empty_rss_kib"}},
		{[]string{"crowd", "--count", "10", "--settle", "300ms"}, guests, []string{"notices", "bytes_per_person"}},
		{append([]string{"accept", "--senders", "5", "--lone-for", "200ms", "--fsync-dir", s.Data}, phase...), guests, []string{"accepted_per_s", "ok_p50_ms", "lone_ok_p50_ms", "fsync_p50_ms"}},
		{append([]string{"accept", "--senders", "2", "--window", "1", "--lone-for", "50ms"}, phase...), guests, []string{"accepted_per_s", "lone_ok_p50_ms"}},
		{[]string{"signin", "--count", "10", "--accounts", "5", "--at-once", "3"}, users, []string{"signins_per_s", "signin_p99_ms"}},
		{append([]string{"wrong", "--people", "3", "--at-once", "3"}, phase...), guests, []string{"quiet_p99_ms", "storm_p99_ms", "p99_ratio"}},
		{[]string{"history", "--fill", "1200", "--rooms", "2", "--reads", "5"}, guests, []string{"history_last_p50_ms", "history_last_messages", "find_common_p50_ms", "find_rare_p50_ms"}},
		{append([]string{"slow", "--receivers", "3", "--stalled", "2", "--rate", "100"}, phase...), guests, []string{"healthy_p99_ms", "stalled_p99_ms"}},
		{[]string{"resume", "--count", "12", "--people", "3", "--quiet", "300ms", "--bare", "10"}, users, []string{"back_s", "back_p99_ms", "people_p99_ms"}},
	} {
		t.Run(strings.Join(tt.args[:1], " "), func(t *testing.T) {
			args := slices.Concat([]string{tt.args[0], s.Addr, "--ca", s.CA, "--pid", strconv.Itoa(s.Cmd.Process.Pid)}, tt.args[1:], tt.who)
			// On a machine that stands still, nothing may happen within a moment: then there is another. A fault is one at any time.
			for tries := 1; ; tries++ {
				code, r := runBench(t, args...)
				good := code == 0 && r.OK && r.Case == tt.args[0]
				missing := slices.DeleteFunc(slices.Clone(tt.figures), func(name string) bool {
					// All may be back before one of the people has spoken.
					figure, there := r.Figures[name]
					return there && (figure > 0 || name == "people_p99_ms")
				})
				if good && len(missing) == 0 {
					return
				}
				if r.Faults.any() || tries == 4 {
					t.Fatalf("exit code %d, without %q: %+v", code, missing, r)
				}
				t.Logf("exit code %d, without %q: %+v; again", code, missing, r)
			}
		})
	}
}

// TestRestart: everybody comes back to a server that was started anew, and has missed nothing, however it was stopped.
func TestRestart(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*parleytest.Server){
		"killed":   (*parleytest.Server).Kill,
		"in order": func(s *parleytest.Server) { s.Stop() },
	} {
		t.Run(name, func(t *testing.T) { restart(t, stop) })
	}
}

func restart(t *testing.T, stop func(*parleytest.Server)) {
	s := parleytest.Start(t, lifted...)
	var accounts strings.Builder
	for n := range 20 {
		fmt.Fprintf(&accounts, "u%d:%s\n", n, passwordHash)
	}
	s.Run(accounts.String(), "user", "import", "--data", s.Data)
	dir := t.TempDir()
	password, asked, done := filepath.Join(dir, "password"), filepath.Join(dir, "asked"), filepath.Join(dir, "done")
	if err := os.WriteFile(password, []byte(parleytest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The command asks this test by a named pipe to start its server anew, and reads the pid from another.
	for _, name := range []string{asked, done} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		if _, err := os.ReadFile(asked); err != nil {
			return
		}
		stop(s)
		s.Launch()
		os.WriteFile(done, []byte(strconv.Itoa(s.Cmd.Process.Pid)+"\n"), 0o600)
	}()
	code, r := runBench(t, "resume", s.Addr, "--ca", s.CA, "--users", "u", "--password-file", password, "--pid", strconv.Itoa(s.Cmd.Process.Pid),
		"--count", "12", "--people", "3", "--quiet", "300ms", "--bare", "0", "--restart-command", "echo now > "+asked+"; cat "+done)
	if code != 0 || !r.OK || r.Figures["restart_s"] <= 0 || r.Figures["back_s"] <= 0 {
		t.Errorf("exit code %d: %+v", code, r)
	}
}
