package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// checked runs parleyd check --json, and wants its exit code to agree with what it says.
func checked(t *testing.T, flags ...string) (found []finding) {
	t.Helper()
	cmd := exec.Command(parleytest.Build(t, "parleyd"), append([]string{"check", "--json"}, flags...)...)
	out, err := cmd.Output()
	failed := false
	for line := range strings.Lines(string(out)) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		failed = failed || f.State == failing
		found = append(found, f)
	}
	if len(found) == 0 || failed != (cmd.ProcessState.ExitCode() == 1) || !failed && err != nil {
		t.Errorf("%v, and it says:\n%s", err, out)
	}
	return found
}

// wantFound wants a finding of a check, in a state, that says what is given.
func wantFound(t *testing.T, found []finding, check, state, says string) {
	t.Helper()
	for _, f := range found {
		if f.Check == check && f.State == state && strings.Contains(f.Says, says) {
			return
		}
	}
	t.Errorf("no %s of %s with %q in %+v", state, check, says, found)
}

func noneFailed(t *testing.T, found []finding) {
	t.Helper()
	for _, f := range found {
		if f.State == failing {
			t.Errorf("%+v", f)
		}
	}
}

// TestCheckRunning: a server that runs is all right, goes on, and has its own ports; another program has not.
func TestCheckRunning(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--web-listen", "127.0.0.1:0")
	s.User("alice")
	alice := s.SignIn("alice")
	alice.Do("MSG|hello")
	given := []string{"--data", s.Data, "--cert", filepath.Join(s.Certs, "server.pem"), "--key", filepath.Join(s.Certs, "server-key.pem"), "--host", "localhost"}
	with := func(more ...string) []string { return append(append([]string{}, given...), more...) }
	found := checked(t, with("--listen", s.Addr)...)
	noneFailed(t, found)
	pid := strconv.Itoa(s.Cmd.Process.Pid)
	wantFound(t, found, "data", fine, "is open in process "+pid)
	wantFound(t, found, "ports", fine, "is the running server's (process "+pid+")")
	wantFound(t, found, "database", fine, "is whole")
	alice.Do("MSG|still here")

	other, err := net.Listen("tcp", "127.0.77.1:0") // where no connection of another test takes the port when it is free again
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	found = checked(t, with("--listen", s.Addr, "--listen", other.Addr().String())...)
	wantFound(t, found, "ports", fine, "is the running server's")
	wantFound(t, found, "ports", failing, other.Addr().String()+" is in use by another program")
	wantFound(t, checked(t, with("--listen", s.Addr, "--metrics", other.Addr().String())...), "ports", failing, other.Addr().String()+" is in use by another program")
	free := other.Addr().String()
	other.Close()
	wantFound(t, checked(t, with("--listen", free)...), "ports", warning, "is free, though a server runs")

	s.Stop()
	found = checked(t, with("--listen", s.Addr)...)
	noneFailed(t, found)
	wantFound(t, found, "data", fine, "no server runs on it")
	wantFound(t, found, "ports", fine, s.Addr+" is free")

	r := newRotation(t, s)
	cert, key := r.pair(1, time.Now().Add(-time.Hour))
	r.replace(r.cert, cert, 0o644)
	r.replace(r.key, key, 0o600)
	wantFound(t, checked(t, given...), "certificate", failing, "expired on")
}

// TestCheckNATS: the stream, which is not made by looking, and whether the database goes with it.
func TestCheckNATS(t *testing.T) {
	t.Parallel()
	way := parleytest.StartNATS(t, 1).Entrance()
	dir := filepath.Join(t.TempDir(), "data")
	look := func(data string) []finding { return checked(t, append(way.Flags(), "--data", data)...) }
	for range 2 {
		wantFound(t, look(dir), "nats", warning, "have no stream parley")
	}
	s := parleytest.Start(t, way.Flags()...)
	s.User("alice")
	s.SignIn("alice").Do("MSG|hello")
	wantFound(t, look(s.Data), "nats", warning, "has one replica")
	s.Stop()
	wantFound(t, checked(t, "--data", s.Data), "nats", failing, "start with --nats")
	single := parleytest.Start(t)
	single.User("alice")
	single.SignIn("alice").Do("MSG|hello")
	wantFound(t, look(single.Data), "nats", failing, "is a single server's")
	way.Set(parleytest.Reset)
	wantFound(t, look(s.Data), "nats", failing, "no NATS server answers")
}

// TestCheckACME: the CA, its certificate, and what the last orders came to.
func TestCheckACME(t *testing.T) {
	t.Parallel()
	ca, s := startACME(t, 90*24*time.Hour)
	given := []string{"--data", s.Data, "--acme", "localhost", "--acme-directory", ca.Directory, "--acme-ca", ca.TLS, "--listen", s.Addr}
	eventually(t, "there is a certificate", func() bool { return issued(s) > 0 })
	found := checked(t, given...)
	noneFailed(t, found)
	wantFound(t, found, "acme", fine, "the CA answers at")
	wantFound(t, found, "acme", warning, "port 443")
	wantFound(t, found, "certificate", fine, "89 days left")
	_, orders := ca.Asked()
	if orders != 1 {
		t.Errorf("%d orders", orders)
	}
	found = checked(t, append(given, "--acme", "nowhere.invalid")...)
	wantFound(t, found, "acme", failing, "nowhere.invalid leads nowhere")
	wantFound(t, found, "certificate", failing, "not for nowhere.invalid")
	account, err := filepath.Glob(filepath.Join(s.Data, "acme", "*", "account-key.pem"))
	if err != nil || len(account) != 1 || os.Chmod(account[0], 0o640) != nil {
		t.Fatalf("%q, %v", account, err)
	}
	wantFound(t, checked(t, given...), "data", failing, "account-key.pem has mode 0640")
	s.Stop()
	ca.Refuse(http.StatusServiceUnavailable)
	wantFound(t, checked(t, given...), "acme", failing, "the CA cannot be asked")
}
