package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// echoBot is an example of docs/bots as a process that can be killed.
type echoBot struct {
	t       *testing.T
	command func() *exec.Cmd
	cmd     *exec.Cmd
}

func (b *echoBot) start() {
	b.t.Helper()
	b.cmd = b.command()
	b.cmd.Stderr = os.Stderr
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.kill)
}

func (b *echoBot) kill() {
	b.cmd.Process.Kill()
	b.cmd.Wait()
}

// TestBots: while the server and the bot are killed by turns, and at the same moment, each question is answered once, and in the order they were asked.
func TestBots(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password.txt")
	if err := os.WriteFile(password, []byte(parleytest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]func(t *testing.T, s *parleytest.Server, state string) *exec.Cmd{
		"go": func(t *testing.T, s *parleytest.Server, state string) *exec.Cmd {
			return exec.Command(parleytest.BuildExample(t, "bots/echo"), "--server", s.Addr, "--ca", s.CA, "--name", "echo",
				"--password-file", password, "--room", "lobby", "--state", state)
		},
		"python": func(t *testing.T, s *parleytest.Server, state string) *exec.Cmd {
			host, port, err := net.SplitHostPort(s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(parleytest.Need(t, "python3"), "../../docs/bots/echo.py", host, port, s.CA, "echo", "lobby", filepath.Join(state, "position.json"))
			cmd.Stdin = strings.NewReader(parleytest.Password + "\n")
			return cmd
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parleytest.Start(t, unlimited()...)
			addUsers(s, "alice", "echo")
			state := t.TempDir()
			bot := &echoBot{t: t, command: func() *exec.Cmd { return command(t, s, state) }}
			alice := s.SignIn("alice")
			hold(t, alice, []exchange{{"MSG|!echo before it came", "OK|*"}})
			bot.start()
			alice.Await("JOIN|lobby|echo")
			eventually(t, "it knows where it is", func() bool {
				_, err := os.Stat(filepath.Join(state, "position.json"))
				return err == nil
			})

			var asked []string
			ask := func(c *parleytest.Conn, n int) {
				t.Helper()
				for range n {
					text := fmt.Sprintf("question %d | of many", len(asked))
					asked = append(asked, text)
					c.Do("MSG|!echo " + text)
					c.Do("MSG|not for it")
				}
			}
			await := func(c *parleytest.Conn, text string) {
				t.Helper()
				if text != "" {
					c.Await("|lobby|echo|" + text)
				}
			}
			hold(t, alice, []exchange{{"MSG|!echo \u3164", "OK|*"}}) // what it must not say does not end it
			ask(alice, 3)
			await(alice, asked[2])
			for round := range 4 {
				ask(alice, 20)
				switch round {
				case 0:
					bot.kill()
				case 1:
					s.Kill()
				case 2:
					bot.kill()
					s.Kill()
				case 3:
					s.Kill()
					bot.kill()
				}
				if s.Cmd.ProcessState != nil {
					s.Launch()
				}
				alice = s.SignIn("alice")
				ask(alice, 5)
				if bot.cmd.ProcessState != nil {
					bot.start()
				}
				last := asked[len(asked)-1]
				eventually(t, "the last question is answered", func() bool {
					time.Sleep(20 * time.Millisecond)
					return strings.HasSuffix(newest(t, alice), "|echo|"+last)
				})
			}
			if got := echoed(t, alice); !slices.Equal(got, asked) {
				t.Errorf("asked were %d, answered %d:\n%q\n%q", len(asked), len(got), asked, got)
			}
			// An operator's word is final: it does not come again and again.
			s.Run("", "session", "end", "--user", "echo", "--data", s.Data)
			if err := bot.cmd.Wait(); err == nil {
				t.Error("told to go, it takes that for success")
			}
		})
	}
}

// TestBotConversations: what people say to the bot alone is answered as well, also in a conversation that began while it was away.
func TestBotConversations(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob", "echo")
	password := filepath.Join(t.TempDir(), "password.txt")
	if err := os.WriteFile(password, []byte(parleytest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	bot := &echoBot{t: t, command: func() *exec.Cmd {
		return exec.Command(parleytest.BuildExample(t, "bots/echo"), "--server", s.Addr, "--ca", s.CA, "--password-file", password, "--state", state)
	}}
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	hold(t, alice, []exchange{{"SEND|@echo||!echo before", "OK|*"}})
	bot.start()
	alice.Await("JOIN|lobby|echo")
	eventually(t, "it knows where it is", func() bool {
		_, err := os.Stat(filepath.Join(state, "position.json"))
		return err == nil
	})
	hold(t, alice, []exchange{{"SEND|@echo||!echo between us", "OK|*"}})
	if got := alice.Await("MSG|"); !strings.HasSuffix(got, "|@echo|echo|between us") {
		t.Error(got)
	}
	bot.kill()
	hold(t, bob, []exchange{{"SEND|@echo||!echo are you there", "OK|*"}})
	bot.start()
	if got := bob.Await("MSG|"); !strings.HasSuffix(got, "|@echo|echo|are you there") {
		t.Error(got)
	}
	if list := answer(t, alice, "HISTORY|@echo"); len(list) != 3 {
		t.Errorf("alice and the bot said %q", texts(list))
	}
}

// newest is the newest message of the lobby.
func newest(t *testing.T, c *parleytest.Conn) string {
	t.Helper()
	list := answer(t, c, "HISTORY|lobby|before|9223372036854775807|1")
	if len(list) == 0 {
		return ""
	}
	return "|" + list[0].user + "|" + list[0].text
}

// echoed is all that the bot has said.
func echoed(t *testing.T, c *parleytest.Conn) (texts []string) {
	t.Helper()
	for after := int64(0); ; {
		page := answer(t, c, fmt.Sprintf("HISTORY|lobby|after|%d|500", after))
		for _, e := range page {
			if after = e.id; e.user == "echo" {
				texts = append(texts, e.text)
			}
		}
		if len(page) < 500 {
			return texts
		}
	}
}
