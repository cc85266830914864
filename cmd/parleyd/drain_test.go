package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley/internal/parleytest"
)

// TestDrain: told to stop, the server answers what it has read, says goodbye and ends with 0.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			alice, bob, stranger := s.SignIn("alice"), s.SignIn("bob"), s.Dial()
			drop(alice, bob)
			const n = 500
			alice.Send(slices.Repeat([]string{"SEND|lobby||under way"}, n)...)
			first := id(t, alice.Reply())
			s.Cmd.Process.Signal(sig)
			lines := ended(t, alice, "BYE|shutdown|*")
			ended(t, bob, "BYE|shutdown|*")
			ended(t, stranger, "BYE|shutdown|*")
			if code := s.Wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if !shut(s, "") {
				t.Error("it still listens")
			}
			acknowledged := []int64{first}
			for _, line := range lines {
				switch {
				case strings.HasPrefix(line, "OK|"):
					acknowledged = append(acknowledged, id(t, line))
				case !strings.HasPrefix(line, "BYE|") && !strings.HasPrefix(line, "LEAVE|"):
					t.Errorf("%q", line)
				}
			}
			s.Launch()
			var kept []int64
			reader := s.SignIn("bob")
			for _, e := range answer(t, reader, fmt.Sprintf("HISTORY|lobby|after|%d|500", first-1)) {
				kept = append(kept, e.id)
			}
			reader.Do("EXIT|")
			// All that was read was answered: nothing is there that has no reply, and the other way round.
			if !slices.Equal(kept, acknowledged) {
				t.Errorf("%d acknowledged, %d kept", len(acknowledged), len(kept))
			}
			t.Logf("%d of %d had been read", len(kept), n)
			s.Dial().Hello("alice", alice.Token()).Do("EXIT|") // a drain is no EXIT
		})
	}
}

// TestDrainAnswersWhatWasRead: lines that the server had read when it was told to stop, and not come to, are run and answered.
func TestDrainAnswersWhatWasRead(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "16KiB")...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	alice.Do("JOIN|room")
	sayAll(t, alice, "room", slices.Repeat([]string{strings.Repeat("x", 2000)}, 500)...)
	bob.Do("JOIN|room")
	// In one piece; the answers are more than the sockets between hold, so the messages have their turn when bob reads.
	const asks, says = 12, 12
	bob.Send(append(slices.Repeat([]string{"HISTORY|room|after|0|500"}, asks), slices.Repeat([]string{"MSG|before the end"}, says)...)...)
	bob.Line()
	s.Cmd.Process.Signal(syscall.SIGTERM)
	ended(t, alice, "BYE|shutdown|*")
	lines := ended(t, bob, "BYE|shutdown|*")
	said := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "OK|") && line != "OK|500" {
			said++
		}
	}
	if said != says || s.Wait() != 0 {
		t.Errorf("%d of %d messages that were read were answered", said, says)
	}
}

// TestSecondSignal: who does not want to wait for the drain need not.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--write-timeout", "60s")...)
	addUsers(s, "alice", "stuck")
	alice, stuck := s.SignIn("alice"), s.SignIn("stuck")
	sayAll(t, alice, "lobby", slices.Repeat([]string{strings.Repeat("x", 2000)}, 500)...)
	// One that asks for much and reads nothing holds the drain up.
	stuck.Send(slices.Repeat([]string{"HISTORY|lobby|after|0|500"}, 60)...)
	alice.Do("PING|")
	s.Cmd.Process.Signal(syscall.SIGTERM)
	ended(t, alice, "BYE|shutdown|*")
	s.Cmd.Process.Signal(syscall.SIGTERM)
	if code := s.Wait(); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

// TestDrainIsBounded: nobody can hold the drain up for longer than 10 s, which a slow machine may exceed; without a bound it would be for ever.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--write-timeout", "0")...)
	addUsers(s, "alice", "stuck")
	alice, stuck := s.SignIn("alice"), s.SignIn("stuck")
	sayAll(t, alice, "lobby", slices.Repeat([]string{strings.Repeat("x", 2000)}, 500)...)
	stuck.Send(slices.Repeat([]string{"HISTORY|lobby|after|0|500"}, 60)...)
	alice.Do("PING|")
	if code := s.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestReload: SIGHUP takes a good new certificate, refuses a bad one, and drops nobody.
func TestReload(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	s.User("alice")
	alice := s.SignIn("alice")
	serial := func() string {
		c := s.Dial()
		defer c.Close()
		return c.TLS.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	hup := func() { s.Cmd.Process.Signal(syscall.SIGHUP) }
	first := serial()
	s.Run("", "certs", "--out", s.Certs, "--host", "localhost", "--host", "127.0.0.1", "--renew")
	hup()
	eventually(t, "the new certificate is shown", func() bool { return serial() != first })
	second := serial()

	cert, key := filepath.Join(s.Certs, "server.pem"), filepath.Join(s.Certs, "server-key.pem")
	good, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(){
		"rubbish":        func() { os.WriteFile(cert, []byte("no certificate at all"), 0o644) },
		"half of it":     func() { os.WriteFile(cert, good[:len(good)/2], 0o644) },
		"gone":           func() { os.Remove(cert) },
		"another's":      func() { other := parleytest.Start(t); copyFile(t, filepath.Join(other.Certs, "server.pem"), cert) },
		"a readable key": func() { os.WriteFile(cert, good, 0o644); os.Chmod(key, 0o644) },
	} {
		spoil()
		before := strings.Count(s.Log(), `"level":"ERROR"`) + strings.Count(s.Log(), `"level":"WARN"`)
		hup()
		eventually(t, name+" is logged", func() bool {
			return strings.Count(s.Log(), `"level":"ERROR"`)+strings.Count(s.Log(), `"level":"WARN"`) > before
		})
		if now := serial(); now != second {
			t.Errorf("%s took the place of a good certificate", name)
		}
		os.Chmod(key, 0o600)
	}
	hold(t, alice, []exchange{{"MSG|still connected", "OK|*"}})
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRefusesToStart: each with its exit code and words that say what is wrong.
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	other := t.TempDir()
	readable := filepath.Join(other, "readable.pem")
	copyFile(t, filepath.Join(s.Certs, "server-key.pem"), readable)
	cert, key := filepath.Join(s.Certs, "server.pem"), filepath.Join(s.Certs, "server-key.pem")
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a second server on the same data", []string{"--listen", "127.0.0.1:0", "--cert", cert, "--key", key, "--data", s.Data}, 4, "use"},
		{"no data", []string{"--listen", "127.0.0.1:0", "--cert", cert, "--key", key}, 2, "--data"},
		{"no certificate", []string{"--listen", "127.0.0.1:0", "--data", other}, 2, "--cert"},
		{"a key that others can read", []string{"--listen", "127.0.0.1:0", "--cert", cert, "--key", readable, "--data", other}, 3, "644"},
		{"a certificate that is not there", []string{"--listen", "127.0.0.1:0", "--cert", "no.pem", "--key", key, "--data", other}, 3, "no.pem"},
		{"an unknown flag", []string{"--no-such-flag"}, 2, "no-such-flag"},
		{"metrics without a port", []string{"--metrics", "127.0.0.1", "--data", other}, 2, "--metrics"},
		{"profiles for everybody", []string{"--metrics", "0.0.0.0:0", "--pprof", "--data", other}, 2, "loopback"},
		{"profiles nowhere", []string{"--pprof", "--data", other}, 2, "--metrics"},
		{"metrics on an address in use", []string{"--metrics", s.Addr, "--listen", "127.0.0.1:0", "--cert", cert, "--key", key, "--data", other}, 1, "in use"},
		{"a bad rate", []string{"--msg-rate", "-1"}, 2, "-1"},
		{"a bad size", []string{"--outbox-bytes", "many"}, 2, "many"},
		{"an address in use", []string{"--listen", s.Addr, "--cert", cert, "--key", key, "--data", other}, 1, "in use"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(parleytest.Build(t, "parleyd"), tt.args...)
			cmd.Env = append(os.Environ(), "PARLEY_BCRYPT_COST=4")
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(out), tt.says) {
				t.Errorf("exit code %d, want %d, and %q in:\n%s", code, tt.code, tt.says, out)
			}
		})
	}
	s.User("alice") // and the first server goes on
	s.SignIn("alice")
}

// TestEnvironment: every flag is an environment variable as well.
func TestEnvironment(t *testing.T) {
	t.Setenv("PARLEY_MAX_SESSIONS", "1")
	t.Setenv("PARLEY_GUESTS", "true")
	s := parleytest.Start(t)
	s.User("alice")
	s.SignIn("alice")
	hold(t, s.Dial(), []exchange{{"HELLO|alice|" + parleytest.Password, "busy"}, {"HELLO|visitor", "OK|*"}})
}

// TestSeveralListeners: --listen is repeatable.
func TestSeveralListeners(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--listen", "127.0.0.2:0")
	eventually(t, "both listen", func() bool { return strings.Count(s.Log(), `"listening"`) == 2 })
	for line := range strings.Lines(s.Log()) {
		if _, rest, found := strings.Cut(line, `"listening","addr":"`); found {
			addr, _, _ := strings.Cut(rest, `"`)
			conn, err := tls.Dial("tcp", addr, s.TLS())
			if err != nil {
				t.Errorf("%s: %v", addr, err)
				continue
			}
			conn.Close()
		}
	}
}
