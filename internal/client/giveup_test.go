package client_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
)

// badServer signs in whoever comes, and answers each of the later lines as said; what is not in answers is answered as it should be.
func badServer(l *listener, answers map[string]string) {
	for conn := range l.conns {
		l.t.Cleanup(func() { conn.Close() })
		go func() {
			defer conn.Close()
			p := newPeer(l.t, conn)
			for {
				line, err := p.r.ReadString('\n')
				if err != nil {
					return
				}
				command, _, _ := strings.Cut(line, "|")
				answer, bad := answers[command]
				switch {
				case bad:
				case command == "HELLO":
					answer = "OK|3e2f|pt1.A|lobby\n"
				case command == "LIST":
					answer = "OK|lobby:0:0:0\n"
				default:
					answer = "OK|\n"
				}
				if _, err := conn.Write([]byte(answer)); err != nil {
					return
				}
			}
		}()
	}
}

// A server that signs in and then breaks the protocol is given up, although there is a connection ever again.
func TestGivesUpAServerThatSignsIn(t *testing.T) {
	for name, test := range map[string]struct{ command, answer, says string }{
		"no id":       {"SEND", "OK|banana\n", "other than its id"},
		"below zero":  {"SEND", "OK|-5\n", "other than its id"},
		"zero":        {"SEND", "OK|0\n", "other than its id"},
		"empty":       {"SEND", "OK|\n", "other than its id"},
		"not UTF-8":   {"SEND", "ERROR|denied|\xff\n", "breaks the protocol"},
		"silent":      {"SEND", "", "silent"},
		"only events": {"SEND", "NOTE|soon\n", "silent"},
		"no list":     {"LIST", "OK|banana\n", "LIST"},
		"no LIST now": {"LIST", "ERROR|busy|1 second to wait: x\n", "busy"},
		"no PING":     {"PING", "ERROR|internal|x\n", "internal"},
	} {
		for _, giveUp := range []time.Duration{4 * time.Second, 5 * time.Minute} {
			t.Run(name+" "+giveUp.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newListener(t)
					defer close(l.conns)
					go badServer(l, map[string]string{test.command: test.answer})
					start := time.Now()
					c, err := client.Connect(t.Context(), client.Config{
						Dial: l.dial, User: "alice", GiveUp: giveUp, OnUpdate: func(client.Update) {},
						Password: func(context.Context, error) (string, error) { return password, nil },
					})
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					_, err = c.Send(t.Context(), "lobby", "x")
					if !isLost(err) || isSignIn(err) || !strings.Contains(err.Error(), test.says) {
						t.Errorf("%v", err)
					}
					<-c.Done()
					within(t, start, giveUp/4, giveUp+15*time.Second)
					if giveUp < 15*time.Second {
						within(t, start, 0, giveUp+giveUp)
					}
				})
			})
		}
	}
}

// How long this side does not read is not held against the server: the message is sent again all the same.
func TestPauseHereIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, resume, online := newListener(t), make(chan bool), make(chan bool, 10)
		var p *peer
		go func() {
			p = l.accept()
			p.hello(password, "pt1.A")
			p.list("lobby:0")
		}()
		c, err := client.Connect(t.Context(), client.Config{
			Dial: l.dial, User: "alice", GiveUp: time.Minute, Password: func(context.Context, error) (string, error) { return password, nil },
			OnUpdate: func(u client.Update) {
				switch {
				case u.State == client.Online:
					online <- true
				case u.State == client.Event:
					<-resume
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		<-online
		post, _ := c.Post(t.Context(), "lobby", "x")
		p.expect("SEND|lobby|*")
		p.send(msg("1", "lobby", "bob", "read me"))
		time.Sleep(time.Hour)
		p.conn.Close()
		resume <- true
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.expect("SEND|lobby|*")
		p.send("OK|2")
		if id, err := post.Wait(t.Context()); id != 2 || err != nil {
			t.Error(id, err)
		}
	})
}

func TestTokenFile(t *testing.T) {
	for content, want := range map[string]string{
		"":                                       "",
		"pt1.aZ09-_\n":                           "pt1.aZ09-_",
		"pt1.\n":                                 "bad",
		"hunter2\n":                              "bad",
		"pt1.a|b\n":                              "bad",
		"pt1.a\npt1.b\n":                         "bad",
		"pt1.\x00":                               "bad",
		"pt1.é\n":                                "bad",
		strings.Repeat("pt1.", 9e4):              "bad",
		"pt1." + strings.Repeat("a", 252) + "\n": "pt1." + strings.Repeat("a", 252),
		"pt1." + strings.Repeat("a", 253) + "\n": "bad",
	} {
		dir := t.TempDir()
		f, err := client.OpenTokenFile(dir, "alice", "host:1")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "alice@host:1")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := f.Token()
		if err != nil {
			if !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "hunter2") {
				t.Error(err)
			}
			got = "bad"
		}
		if got != want {
			t.Errorf("%.20q: %q, %v", content, got, err)
		}
		if err := errors.Join(f.Save("pt1.new"), f.Close()); err != nil {
			t.Error(err)
		}
	}
}

// A long wait for the next try ends at once when somebody wishes so, and a wish from before the wait does not count.
func TestTryNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "")
		defer c.Close()
		c.TryNow()
		start := time.Now()
		p.conn.Close()
		told.expect(t, "lost")
		for range 4 {
			l.accept().conn.Close()
			told.expect(t, "waiting")
		}
		within(t, start, 3*time.Second, time.Minute)
		synctest.Wait()
		start = time.Now()
		c.TryNow()
		l.accept().conn.Close()
		within(t, start, 0, 0)
	})
}
