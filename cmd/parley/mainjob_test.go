package main_test

import (
	"bufio"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestMainJob: two people in two clients and a third in plain openssl s_client,
// all verified against the generated CA, talk in a room; the server is killed
// and started again under them; nobody misses anything.
func TestMainJob(t *testing.T) {
	openssl := parleytest.Need(t, "openssl")
	server := parleytest.Start(t)
	for _, name := range []string{"alice", "bob", "carol"} {
		server.User(name)
	}
	byHand := func() *person {
		return sit(t, start(t, exec.Command(openssl, "s_client", "-quiet", "-connect", server.Addr, "-CAfile", server.CA, "-verify_return_error")))
	}
	alice := sit(t, startClient(t, server, "chat", "alice@"+server.Addr))
	bob := sit(t, startClient(t, server, "chat", "bob@"+server.Addr))
	carol := byHand()
	carol.say("HELLO|carol|" + parleytest.Password)
	token := strings.Split(carol.await("OK|"), "|")[2]

	// Who comes after a message does not see it, so each speaks until all are there.
	carol.say("MSG|is everybody here?")
	carol.await("OK|")
	alice.say("alice is here")
	carol.await("|lobby|alice|alice is here")
	bob.say("bob is here")
	carol.await("|lobby|bob|bob is here")
	carol.say("MSG|then hello from carol")
	last := strings.TrimPrefix(carol.await("OK|"), "OK|")
	alice.await("carol: then hello from carol")
	bob.await("carol: then hello from carol")

	server.Kill()
	alice.say("typed while the server was away")
	server.Launch()
	bob.await("alice: typed while the server was away")
	bob.say("so you are back")
	alice.await("bob: so you are back")

	carol = byHand()
	carol.say("HELLO|carol|" + token)
	carol.await("OK|")
	carol.say("HISTORY|lobby|after|" + last + "|500")
	carol.await("|lobby|alice|typed while the server was away")
	carol.await("|lobby|bob|so you are back")
	carol.await("OK|2")
	carol.say("EXIT|")
	carol.await("OK|bye")
	for name, p := range map[string]*person{"alice": alice, "bob": bob, "carol": carol} {
		p.stdin.Close()
		for p.shown.Scan() {
			p.lines = append(p.lines, p.shown.Text())
		}
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, p.stderr)
		}
		for _, said := range []string{"then hello from carol", "typed while", "so you are back"} {
			if n := strings.Count(strings.Join(p.lines, "\n"), said); n > 1 {
				t.Errorf("%s was shown %q %d times", name, said, n)
			}
		}
	}
}

// person is somebody at a program: what they type, and the lines they see.
type person struct {
	*clientProcess
	t     *testing.T
	shown *bufio.Scanner
	lines []string
}

func sit(t *testing.T, program *clientProcess) *person {
	// What does not come must not hang the test.
	enough := time.AfterFunc(10*parleytest.Patience, func() { program.cmd.Process.Kill() })
	t.Cleanup(func() { enough.Stop() })
	return &person{clientProcess: program, t: t, shown: bufio.NewScanner(program.stdout)}
}

// say types a line.
func (p *person) say(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		p.t.Fatal(err)
	}
}

// await reads on to a line with this in it.
func (p *person) await(part string) string {
	p.t.Helper()
	for p.shown.Scan() {
		p.lines = append(p.lines, p.shown.Text())
		if strings.Contains(p.shown.Text(), part) {
			return p.shown.Text()
		}
	}
	p.t.Fatalf("%q did not come; there were %q\n%s", part, p.lines, p.stderr)
	return ""
}
