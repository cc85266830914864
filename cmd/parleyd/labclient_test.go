package main

import (
	"bufio"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// tunnel runs socat, which speaks TLS for who cannot, and returns its plain port.
func tunnel(t *testing.T, s *parleytest.Server) string {
	_, port, _ := strings.Cut(s.Addr, ":")
	cmd := exec.Command(parleytest.Need(t, "socat"), "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork",
		"OPENSSL:localhost:"+port+",pf=ip4,cafile="+s.CA+",verify=1")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		said := bufio.NewScanner(out)
		for said.Scan() {
			if m := regexp.MustCompile(`listening on .*:(\d+)$`).FindStringSubmatch(said.Text()); m != nil {
				listening <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	select {
	case port := <-listening:
		return port
	case <-gone:
		t.Fatal("socat does not listen")
	case <-time.After(parleytest.Patience):
		t.Fatal("socat says no port")
	}
	return ""
}

// labClient is the lab's own client, run as a student would run it.
type labClient struct {
	t     *testing.T
	stdin io.WriteCloser
	out   *bufio.Reader
	cmd   *exec.Cmd
}

func startLabClient(t *testing.T, port string) *labClient {
	t.Helper()
	cmd := exec.Command(parleytest.Need(t, "python3"), "testdata/lab_client.py", "127.0.0.1", port)
	c := &labClient{t: t, cmd: cmd}
	var err error
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// What hangs is ended, so that no read waits for ever.
	watch := time.AfterFunc(parleytest.Patience, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		watch.Stop()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return c
}

func (c *labClient) types(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.stdin, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// shows reads on to a line that matches.
func (c *labClient) shows(pattern string) {
	c.t.Helper()
	var before []string
	for {
		line, err := c.out.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		if matches(pattern, line) {
			return
		}
		before = append(before, line)
		if err != nil {
			c.t.Fatalf("never shown: %s; but %q", pattern, before)
		}
	}
}

// TestLabClient: part 3 of the lab, by a client of the lab, unchanged, through a TLS tunnel.
func TestLabClient(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--guests", "--login-timeout", "5m")
	s.User("alice")
	alice := s.SignIn("alice")
	port := tunnel(t, s)
	c := startLabClient(t, port)

	t.Run("prompts for a username", func(t *testing.T) {
		prompt := make([]byte, len("Username: "))
		if _, err := io.ReadFull(c.out, prompt); err != nil || string(prompt) != "Username: " {
			t.Fatalf("%q %v", prompt, err)
		}
	})
	t.Run("sends HELLO on connecting", func(t *testing.T) {
		c.types("bob")
		c.shows("server: OK|*||lobby")
		if got := alice.Event(); got != "JOIN|lobby|~bob" {
			t.Error(got)
		}
	})
	t.Run("many messages in one session", func(t *testing.T) {
		for _, text := range []string{"hello", "how are you", "a|b is no trouble", "ünïcödé"} {
			c.types(text)
			c.shows("server: OK|*")
			if got := parse(t, alice.Event()); got.user != "~bob" || got.text != text || got.room != "lobby" {
				t.Errorf("%+v", got)
			}
		}
	})
	t.Run("shows the server's responses", func(t *testing.T) {
		c.types("")
		c.shows("server: ERROR|empty|*")
		c.types(strings.Repeat("x", 3000))
		c.shows("server: ERROR|too-long|*")
		long := strings.Repeat("a long answer, more than one recv(1024) holds ", 40)
		alice.Do("MSG|" + long)
		c.shows("server: MSG|*|lobby|alice|" + long)
	})
	t.Run("exits cleanly by EXIT", func(t *testing.T) {
		c.types("exit")
		c.shows("server: OK|bye")
		c.shows("connection closed")
		if err := c.cmd.Wait(); err != nil {
			t.Error(err)
		}
		if got := alice.Event(); got != "LEAVE|lobby|~bob" {
			t.Error(got)
		}
	})
	t.Run("one after another may have the name", func(t *testing.T) {
		again := startLabClient(t, port)
		again.types("bob")
		again.shows("*server: OK|*||lobby")
		again.types("exit")
		again.shows("connection closed")
		if list := texts(answer(t, alice, "HISTORY|lobby")); !slices.Contains(list, "hello") {
			t.Errorf("what a guest said is gone: %q", list)
		}
	})
}

// TestLabClientWithoutGuests: the same client is told that it is not let in.
func TestLabClientWithoutGuests(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--login-timeout", "5m")
	c := startLabClient(t, tunnel(t, s))
	c.types("bob")
	c.shows("*server: ERROR|denied|*")
	c.types("hello?")
	c.shows("server: ERROR|hello-first|*")
	c.types("exit")
	c.shows("server: ERROR|hello-first|*")
	c.shows("connection closed")
}
