package parleytest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long anything may take before a test fails. It bounds a
// hang; no test passes or fails by how fast the machine is.
const Patience = 2 * time.Minute

// Server is a parleyd process with certificates and data of its own.
type Server struct {
	T     testing.TB
	Data  string // its data directory
	Certs string // the directory of ca.pem, ca-key.pem, server.pem, server-key.pem
	CA    string // path of ca.pem
	Addr  string // 127.0.0.1:port, the same over restarts
	Cmd   *exec.Cmd

	under  []string   // program and arguments that start it, for limits and faults
	files  []*os.File // that it inherits, from descriptor 3 on
	args   []string
	log    bytes.Buffer
	logMu  sync.Mutex
	logged chan struct{} // closed when the process has closed its log
}

// Start starts a server with the flags given, with a certificate of its own CA unless they have --acme; passwords are hashed at the
// least cost unless a flag says otherwise. It is killed at the test's end.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	return StartUnder(t, nil, flags...)
}

// StartCertified is Start with the certificates in the directory certs, which are made where there are none yet: servers may share them.
func StartCertified(t testing.TB, certs string, flags ...string) *Server {
	t.Helper()
	return start(t, &Server{Certs: certs}, flags)
}

// StartUnder is Start by another program, which gets parleyd's command line as its last arguments.
func StartUnder(t testing.TB, under []string, flags ...string) *Server {
	t.Helper()
	return StartWith(t, nil, under, flags...)
}

// StartWith is StartUnder with open files that the process gets, from descriptor 3 on, each time that it is launched.
func StartWith(t testing.TB, files []*os.File, under []string, flags ...string) *Server {
	t.Helper()
	return start(t, &Server{under: under, files: files, Certs: filepath.Join(t.TempDir(), "certs")}, flags)
}

func start(t testing.TB, s *Server, flags []string) *Server {
	t.Helper()
	s.T, s.Data, s.Addr, s.CA = t, filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", filepath.Join(s.Certs, "ca.pem")
	if _, err := os.Stat(s.CA); err != nil {
		s.Run("", "certs", "--out", s.Certs, "--host", "localhost", "--host", "127.0.0.1")
	}
	s.args = flags
	if !slices.Contains(flags, "--bcrypt-cost") {
		s.args = append(s.args, "--bcrypt-cost", "4")
	}
	s.Launch()
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", tail(s.Log(), 6000))
		}
	})
	return s
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// Run runs parleyd with these arguments to its end, fails the test where that fails, and returns what it printed.
func (s *Server) Run(stdin string, args ...string) string {
	s.T.Helper()
	cmd := exec.Command(BuildPlain(s.T, "parleyd"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.T.Fatalf("parleyd %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// Unwrap lets the next Launch start parleyd by itself, after StartUnder.
func (s *Server) Unwrap() { s.under = nil }

// Launch starts the process, anew after Kill or Stop, and waits until it listens.
func (s *Server) Launch(more ...string) {
	s.T.Helper()
	args := append([]string{"--listen", s.Addr, "--data", s.Data, "--log-format", "json"}, s.args...)
	if !slices.Contains(args, "--acme") {
		args = append(args, "--cert", filepath.Join(s.Certs, "server.pem"), "--key", filepath.Join(s.Certs, "server-key.pem"))
	}
	line := slices.Concat(s.under, []string{Build(s.T, "parleyd")}, args, more)
	s.Cmd = exec.Command(line[0], line[1:]...)
	s.Cmd.ExtraFiles = s.files
	stderr, err := s.Cmd.StderrPipe()
	if err != nil {
		s.T.Fatal(err)
	}
	if err := s.Cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	listening := make(chan string, 1)
	s.logged = make(chan struct{})
	go s.keepLog(stderr, listening, s.logged)
	select {
	case addr := <-listening:
		if s.Addr != addr { // who talks to the server over restarts reads it
			s.Addr = addr
		}
	case <-s.logged:
		s.Cmd.Wait()
		s.T.Fatalf("parleyd ended: %v\n%s", s.Cmd.ProcessState, tail(s.Log(), 3000))
	case <-time.After(Patience):
		s.T.Fatalf("parleyd does not listen\n%s", tail(s.Log(), 3000))
	}
}

func (s *Server) keepLog(r io.Reader, listening chan<- string, done chan<- struct{}) {
	defer close(done)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		s.logMu.Lock()
		s.log.Write(line)
		s.logMu.Unlock()
		var entry struct{ Msg, Addr string }
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "listening" {
			select {
			case listening <- entry.Addr:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// Log is all that the server has logged, over restarts.
func (s *Server) Log() string {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return s.log.String()
}

// Kill kills the process with SIGKILL and waits for it.
func (s *Server) Kill() {
	if s.Cmd != nil && s.Cmd.ProcessState == nil {
		s.Cmd.Process.Kill()
		<-s.logged
		s.Cmd.Wait()
	}
}

// Stop tells the process to stop by SIGTERM and returns its exit code.
func (s *Server) Stop() int {
	s.T.Helper()
	s.Cmd.Process.Signal(syscall.SIGTERM)
	return s.Wait()
}

// Wait waits for the process to end and returns its exit code.
func (s *Server) Wait() int {
	s.T.Helper()
	select {
	case <-s.logged:
	case <-time.After(Patience):
		s.T.Fatal("parleyd does not end")
	}
	s.Cmd.Wait()
	return s.Cmd.ProcessState.ExitCode()
}

// Password is what User gives every account.
const Password = "a long enough passphrase"

// User adds an account with Password, through the running server.
func (s *Server) User(name string, flags ...string) {
	s.T.Helper()
	s.Run(Password+"\n", append([]string{"user", "add", name, "--data", s.Data}, flags...)...)
}

// TLS is a client's configuration that trusts the server's CA alone.
func (s *Server) TLS() *tls.Config {
	s.T.Helper()
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		s.T.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS13, NextProtos: []string{"parley/1"}}
}
