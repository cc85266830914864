package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// The server is killed with SIGKILL at random moments while one program says numbered lines and another follows the room: what is
// acknowledged, and what is shown, is every line once and in order.
func TestNothingLostOverKills(t *testing.T) {
	kills := 4
	if os.Getenv("PARLEY_SOAK") != "" {
		kills = 100
	}
	server := parleytest.Start(t, "--msg-rate", "0")
	server.User("alice")
	server.User("bob")
	tail := startClient(t, server, "tail", "bob@"+server.Addr, "lobby", "--after", "0", "--json")
	shown := bufio.NewScanner(tail.stdout)
	say := startClient(t, server, "send", "alice@"+server.Addr, "lobby", "--ids")
	acknowledged := make(chan []string)
	go func() {
		var ids []string
		for s := bufio.NewScanner(say.stdout); s.Scan(); {
			ids = append(ids, s.Text())
		}
		acknowledged <- ids
	}()

	fmt.Fprintln(say.stdin, "line 0")
	if !shown.Scan() { // both are there now
		t.Fatalf("the follower ends at once: %s", tail.stderr)
	}
	said := 1
	for range kills {
		for until := time.Now().Add(time.Duration(rand.IntN(600)) * time.Millisecond); time.Now().Before(until); said++ {
			fmt.Fprintf(say.stdin, "line %d\n", said)
			time.Sleep(10 * time.Millisecond)
		}
		server.Kill()
		server.Launch()
	}
	fmt.Fprintln(say.stdin, "the end")
	say.stdin.Close()

	ids := <-acknowledged
	if err := say.cmd.Wait(); err != nil || len(ids) != said+1 {
		t.Errorf("%d of %d lines acknowledged, %v\n%s", len(ids), said+1, err, say.stderr)
	}
	for n := 0; n <= said; n++ {
		if n > 0 && !shown.Scan() {
			t.Fatalf("the follower ends after %d of %d lines: %s", n, said+1, tail.stderr)
		}
		var line struct {
			ID   json.Number
			Text string
		}
		json.Unmarshal(shown.Bytes(), &line)
		want := fmt.Sprintf("line %d", n)
		if n == said {
			want = "the end"
		}
		if line.Text != want || line.ID.String() != ids[n] {
			t.Fatalf("the follower shows %s, want %q with the id %s", shown.Bytes(), want, ids[n])
		}
	}
}

type clientProcess struct {
	cmd   *exec.Cmd
	stdin interface {
		Write([]byte) (int, error)
		Close() error
	}
	stdout interface{ Read([]byte) (int, error) }
	stderr *strings.Builder
}

func startClient(t *testing.T, server *parleytest.Server, args ...string) *clientProcess {
	t.Helper()
	cmd := exec.Command(parleytest.Build(t, "parley"), append([]string{"--ca", server.CA}, args...)...)
	cmd.Env = append(home(t), "PARLEY_PASSWORD="+parleytest.Password)
	return start(t, cmd)
}

// start starts a program with pipes to talk to it; it is killed at the test's end.
func start(t *testing.T, cmd *exec.Cmd) *clientProcess {
	t.Helper()
	c := &clientProcess{cmd: cmd, stderr: new(strings.Builder)}
	c.cmd.Stderr = c.stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdin, c.stdout = in, out
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
	return c
}
