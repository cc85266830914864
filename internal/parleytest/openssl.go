package parleytest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"time"
)

// OpenSSL connects by `openssl s_client`, as the first page of docs/protocol.md
// tells people to, and so verifies the server's chain and name.
func (s *Server) OpenSSL() *Conn {
	s.T.Helper()
	typed, stdin, err := os.Pipe()
	if err != nil {
		s.T.Fatal(err)
	}
	stdout, shown, err := os.Pipe()
	if err != nil {
		s.T.Fatal(err)
	}
	p := &process{stdin: stdin, stdout: stdout, cmd: exec.Command(Need(s.T, "openssl"), "s_client", "-quiet", "-connect", s.Addr,
		"-CAfile", s.CA, "-no-CApath", "-no-CAstore", "-verify_hostname", "localhost", "-verify_return_error")}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = typed, shown, &p.stderr
	if err := p.cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	typed.Close()
	shown.Close()
	s.T.Cleanup(func() {
		stdin.Close()
		p.cmd.Process.Kill()
		p.cmd.Wait()
		stdout.Close()
		if s.T.Failed() {
			s.T.Logf("openssl said:\n%s", p.stderr.String())
		}
	})
	return &Conn{T: s.T, stream: p, cut: p.cmd.Process.Kill, clean: p.succeeded, r: bufio.NewReader(p)}
}

// process is a program that a connection is made of.
type process struct {
	cmd           *exec.Cmd
	stdin, stdout *os.File
	stderr        bytes.Buffer // to be read after Wait
}

func (p *process) Read(b []byte) (int, error)         { return p.stdout.Read(b) }
func (p *process) Write(b []byte) (int, error)        { return p.stdin.Write(b) }
func (p *process) SetReadDeadline(t time.Time) error  { return p.stdout.SetReadDeadline(t) }
func (p *process) SetWriteDeadline(t time.Time) error { return p.stdin.SetWriteDeadline(t) }

// succeeded waits for the program. openssl fails where the connection was cut
// off: where it ended without close_notify.
func (p *process) succeeded() bool { return p.cmd.Wait() == nil }
