package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/creack/pty"
	"golang.org/x/term"

	"parley/internal/parleytest"
)

// forgeries are what somebody writes who wants a log to say something, or its reader's terminal to do something. None
// holds an LF: sendForgeries adds those where one can be sent. The word forged tells them in the log.
var forgeries = []string{
	"forged \x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x07\x1b[41m",
	`forged \x1b[2J \x1b]0;title\x07 \u001b[41m`, // a handler may undo what another has escaped
	"forged \u009b2J\u0090q\u202e\u2066\u2028\u2029\u0085",
	"forged\r{\"time\":\"2026-01-01T00:00:00Z\",\"level\":\"ERROR\",\"msg\":\"the store has failed\"}\r",
	`forged","level":"ERROR","msg":"the store has failed`,
	`forged" level=ERROR msg="the store has failed`,
	"forged=1 03:04:05 ERR the store has failed",
	"forged \x00\x01\x08\x0b\x0c\x7f",
	"forged \xff\xfe\x9b2J",
	"forged " + strings.Repeat("x", 200),
}

// sendForgeries puts them wherever a stranger, a member, an admin or an operator says something.
func sendForgeries(t *testing.T, s *parleytest.Server, forgeries []string) {
	admin := s.SignIn("chief")
	for _, f := range forgeries {
		handshake(t, s, f, "forged.example", f, "x")
		handshake(t, s, "", f, "x")
		for _, plain := range []string{f + "\n" + f, "GET /" + f + " HTTP/1.1\r\n\r\n"} {
			conn, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, plain)
			conn.Close()
		}
		lines := []string{f, f + "|" + f, "FORGED|" + f, "HELLO|" + f, "HELLO|" + f + "|" + f, "HELLO|chief|" + f, "GET /" + f + " HTTP/1.1"}
		for _, line := range lines {
			s.Dial().Do(line)
		}
		lines = append(lines, "MSG|"+f, "JOIN|"+f, "LEAVE|"+f, "SEND|"+f+"|"+f+"|"+f, "WHO|"+f, "LIST|"+f, "HISTORY|"+f, "HISTORY|lobby|"+f+"|"+f+"|"+f,
			"FIND|"+f+"|"+f, "PING|"+f, "HELP|"+f, "EXIT|"+f, "PASSWD|"+f, "LIST|*|"+f, "JOIN|a|"+f, "SEEN|"+f+"|"+f, "TOPIC|"+f, "TOPIC|lobby|"+f, "LOCK|"+f, "OPEN|"+f, "INVITE|lobby|"+f, "EXPEL|lobby|"+f, "DELETE|"+f, "MUTE|bob|"+f, "MUTE|"+f+"|1",
			"EJECT|"+f+"|"+f, "EJECT|bob|"+f)
		for _, line := range lines[:6] {
			admin.Do(line)
		}
		bob := s.SignIn("bob")
		for _, line := range lines[7:] { // the last ends bob's sessions with f for a reason
			admin.Do(line)
		}
		bob.Close()
		operate(t, s, map[string]any{"op": f, "name": f, "password": f, "address": f})
		operate(t, s, map[string]any{"op": "user add", "name": f + "\n" + f, "password": parleytest.Password})
		operate(t, s, map[string]any{"op": "throttle lift", "name": f, "address": f})
		operate(t, s, f)
	}
	many := make([]string, 230)
	for i := range many {
		many[i] = strings.Repeat("forged\n", 36)
	}
	handshake(t, s, "", many...)
	handshake(t, s, "", "forged\n{\"level\":\"ERROR\",\"msg\":\"the store has failed\"}\n")
}

// handshake fails: the client offers other protocols than the server's.
func handshake(t *testing.T, s *parleytest.Server, name string, protos ...string) {
	t.Helper()
	config := s.TLS()
	config.NextProtos = protos
	if name != "" {
		config.ServerName = name
	}
	if conn, err := tls.Dial("tcp", s.Addr, config); err == nil {
		conn.Close()
		t.Fatalf("the server speaks %q", protos)
	}
}

// operate asks on the operators' socket, as no command of parleyd's would.
func operate(t *testing.T, s *parleytest.Server, request any) {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(s.Data, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, conn)
}

// startTo starts the server's process again, with standard error where to says.
func startTo(t *testing.T, s *parleytest.Server, format string, stderr *os.File, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(parleytest.Build(t, "parleyd"), "--listen", s.Addr, "--data", s.Data, "--bcrypt-cost", "4", "--log-level", "debug", "--log-format", format,
		"--cert", filepath.Join(s.Certs, "server.pem"), "--key", filepath.Join(s.Certs, "server-key.pem"), "--msg-rate", "0", "--command-rate", "0",
		"--byte-rate", "0", "--errors", "0", "--login-rate", "0", "--max-unauth-per-ip", "0", "--max-unauth", "0", "--max-conns-per-ip", "0")
	cmd.Env = append(append(os.Environ(), "NO_COLOR="), env...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	return cmd
}

// logTo is startTo, and returns what it has written there.
func logTo(t *testing.T, s *parleytest.Server, format string, stderr, read *os.File, env ...string) (all func() string, stop func()) {
	t.Helper()
	cmd := startTo(t, s, format, stderr, env...)
	var mu sync.Mutex
	var out bytes.Buffer
	read1 := make(chan struct{})
	go func() {
		defer close(read1)
		buf := make([]byte, 4096)
		for {
			n, err := read.Read(buf)
			mu.Lock()
			out.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	all = func() string {
		mu.Lock()
		defer mu.Unlock()
		return out.String()
	}
	stop = sync.OnceFunc(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		<-read1
		read.Close()
	})
	t.Cleanup(stop)
	eventually(t, "it listens", func() bool { return strings.Contains(all(), "listening") })
	return all, stop
}

var (
	// tintLine is a line for people; the message is all up to the first attribute.
	tintLine = regexp.MustCompile(`^\d\d:\d\d:\d\d (?:DBG|INF|WRN|ERR) ([^=]*?)(?: [a-z_]+=|$)`)
	// tintColours are all that this program's log needs.
	tintColours = regexp.MustCompile(`\x1b\[(?:0|2|22|9[0-9]|2;9[0-9])m`)
)

// TestForgedLogLines: whatever is said to the server, one entry is one line, its time, level and message are the server's own, no byte of it steers a
// terminal, and no line is long.
func TestForgedLogLines(t *testing.T) {
	t.Parallel()
	pipe := func(t *testing.T) (w, r *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		return w, r
	}
	for name, format := range map[string]struct {
		flag  string
		open  func(*testing.T) (w, r *os.File)
		entry func(line string) (message string, good bool)
	}{
		"json": {"json", pipe, func(line string) (string, bool) {
			var e struct{ Time, Level, Msg string }
			err := json.Unmarshal([]byte(line), &e)
			return e.Msg, err == nil && e.Time != "" && e.Level != ""
		}},
		"text": {"text", pipe, func(line string) (string, bool) {
			m := tintLine.FindStringSubmatch(line)
			return strings.Join(m[min(1, len(m)):], ""), m != nil
		}},
		"terminal": {"auto", func(t *testing.T) (w, r *os.File) {
			master, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := term.MakeRaw(int(tty.Fd())); err != nil { // an LF stays one
				t.Fatal(err)
			}
			return tty, master
		}, func(line string) (string, bool) {
			m := tintLine.FindStringSubmatch(tintColours.ReplaceAllString(line, ""))
			return strings.Join(m[min(1, len(m)):], ""), m != nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parleytest.Start(t, unlimited()...)
			s.User("bob")
			s.User("chief", "--admin")
			s.Stop()
			stderr, read := format.open(t)
			all, stop := logTo(t, s, format.flag, stderr, read)
			sendForgeries(t, s, forgeries)
			stop()
			reached := 0
			for line := range strings.Lines(all()) {
				line = strings.TrimSuffix(line, "\n")
				if strings.Contains(line, "forged") {
					reached++
				}
				if message, good := format.entry(line); !good || message == "" || strings.Contains(message, "forged") || strings.Contains(message, "the store has failed") {
					t.Errorf("no entry of the server's: %.300q", line)
				}
				if name == "terminal" {
					line = tintColours.ReplaceAllString(line, "")
				}
				if i := strings.IndexFunc(line, steers); i >= 0 || !utf8.ValidString(line) {
					t.Errorf("this line steers a terminal: %.300q", line[max(0, i-40):])
				}
				if len(line) > 4096 {
					t.Errorf("a line of %d bytes: %.100q…", len(line), line)
				}
			}
			if reached < 3*len(forgeries) {
				t.Errorf("only %d lines hold anything of it", reached)
			}
		})
	}
}

func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
