package main

import (
	"strings"
	"sync"
	"testing"

	"parley/internal/parleytest"
)

// resume signs in with a token and returns the connection, nothing said on it yet.
func resume(s *parleytest.Server, name, token string) *parleytest.Conn {
	s.T.Helper()
	return s.Dial().Hello(name, token)
}

// lose cuts the connection and waits until the server has noticed.
func lose(t *testing.T, s *parleytest.Server, c *parleytest.Conn) {
	t.Helper()
	c.Close()
	logged(t, s, `"disconnected"`, c.Session())
}

// refused checks that the token is denied.
func refused(t *testing.T, s *parleytest.Server, name, token string) {
	t.Helper()
	c := s.Dial()
	defer c.Close()
	if got := c.Code("HELLO|" + name + "|" + token); got != "denied" {
		t.Errorf("a token that must not be taken: %.60s", got)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-sessions", "0", "--max-unauth-per-ip", "0")...)
	addUsers(s, "alice", "bob")

	for _, tt := range []struct {
		name string
		run  func(t *testing.T, c *parleytest.Conn, token string)
	}{
		{"a lost connection goes on by its token", func(t *testing.T, c *parleytest.Conn, token string) {
			lose(t, s, c)
			again := resume(s, "alice", token)
			if again.Token() == token || again.Session() == c.Session() || again.Fields[2] != "lobby" {
				t.Errorf("%q after %q", again.Fields, c.Fields)
			}
		}},
		{"while the server has not noticed that the connection is lost", func(t *testing.T, c *parleytest.Conn, token string) {
			hold(t, resume(s, "alice", token), []exchange{{"MSG|from the new connection", "OK|*"}})
		}},
		{"the current room is kept", func(t *testing.T, c *parleytest.Conn, token string) {
			c.Do("JOIN|room")
			lose(t, s, c)
			again := resume(s, "alice", token)
			if again.Fields[2] != "room" {
				t.Errorf("resumed in %q", again.Fields[2])
			}
			hold(t, again, []exchange{{"MSG|here", "OK|*"}, {"JOIN|other", "OK|*"}})
			lose(t, s, again)
			third := resume(s, "alice", again.Token())
			if third.Fields[2] != "other" {
				t.Errorf("resumed in %q", third.Fields[2])
			}
			hold(t, third, []exchange{{"LEAVE|other", "OK|other"}})
			lose(t, s, third)
			if fourth := resume(s, "alice", third.Token()); fourth.Fields[2] != "lobby" {
				t.Errorf("resumed in %q, which was left", fourth.Fields[2])
			}
			if fresh := s.SignIn("alice"); fresh.Fields[2] != "lobby" {
				t.Errorf("a new session begins in %q", fresh.Fields[2])
			}
		}},
		{"EXIT ends the token", func(t *testing.T, c *parleytest.Conn, token string) {
			c.Do("EXIT|")
			refused(t, s, "alice", token)
		}},
		{"a session that said EXIT is over, though its peer has not closed yet", func(t *testing.T, c *parleytest.Conn, token string) {
			again := resume(s, "alice", token)
			again.Do("EXIT|")
			refused(t, s, "alice", token)
			if lines, _ := c.Rest(); len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "BYE|ejected|") {
				t.Errorf("the family lives on: %q", lines)
			}
		}},
		{"EXIT ends a resumed session's token", func(t *testing.T, c *parleytest.Conn, token string) {
			again := resume(s, "alice", token)
			again.Do("EXIT|")
			refused(t, s, "alice", again.Token())
			refused(t, s, "alice", token)
		}},
		{"used again while the session lives: denied, nothing ends", func(t *testing.T, c *parleytest.Conn, token string) {
			lose(t, s, c)
			again := resume(s, "alice", token)
			refused(t, s, "alice", token)
			again.Do("PING|confirmed")
			refused(t, s, "alice", token)
			hold(t, again, []exchange{{"PING|alive", "OK|alive"}})
			lose(t, s, again)
			resume(s, "alice", again.Token())
		}},
		{"used once more where the reply was lost: the unused successor is dropped", func(t *testing.T, c *parleytest.Conn, token string) {
			lose(t, s, c)
			lost := resume(s, "alice", token)
			lose(t, s, lost)
			again := resume(s, "alice", token)
			if again.Token() == lost.Token() {
				t.Error("the same successor twice")
			}
			refused(t, s, "alice", lost.Token())
			hold(t, again, []exchange{{"PING|alive", "OK|alive"}})
			lose(t, s, again)
			resume(s, "alice", again.Token())
		}},
		{"where replies are lost again and again", func(t *testing.T, c *parleytest.Conn, token string) {
			for range 5 {
				lose(t, s, resume(s, "alice", token))
			}
			hold(t, resume(s, "alice", token), []exchange{{"PING|at last", "OK|at last"}})
		}},
		{"used after its successor was confirmed by a line: the family ends", func(t *testing.T, c *parleytest.Conn, token string) {
			lose(t, s, c)
			again := resume(s, "alice", token)
			again.Do("nonsense") // any line
			lose(t, s, again)
			refused(t, s, "alice", token)
			refused(t, s, "alice", again.Token())
		}},
		{"used after its successor's use: the family ends, sessions too", func(t *testing.T, c *parleytest.Conn, token string) {
			lose(t, s, c)
			second := resume(s, "alice", token)
			lose(t, s, second)
			third := resume(s, "alice", second.Token())
			other := s.SignIn("alice") // of another family
			refused(t, s, "alice", token)
			ended(t, third, "BYE|ejected|*")
			refused(t, s, "alice", third.Token())
			hold(t, other, []exchange{{"PING|alive", "OK|alive"}})
			logged(t, s, "spent resume token", "alice")
			if strings.Contains(s.Log(), token) {
				t.Error("the token is in the log")
			}
		}},
		{"of another account, or nobody's", func(t *testing.T, c *parleytest.Conn, token string) {
			lose(t, s, c)
			refused(t, s, "bob", token)
			refused(t, s, "nobody", token)
			refused(t, s, "alice", token[:len(token)-1])
			refused(t, s, "alice", token+"A")
			refused(t, s, "alice", "pt1."+strings.Repeat("A", 43))
			resume(s, "alice", token)
		}},
		{"of many who use one at once, one wins", func(t *testing.T, c *parleytest.Conn, token string) {
			lose(t, s, c)
			const n = 8
			conns := make([]*parleytest.Conn, n)
			for i := range conns {
				conns[i] = s.Dial()
			}
			replies := make([]string, n)
			var all sync.WaitGroup
			for i, c := range conns {
				all.Go(func() {
					c.TLS.Write([]byte("HELLO|alice|" + token + "\n"))
					replies[i], _ = c.TryLine(parleytest.Patience)
				})
			}
			all.Wait()
			winners := 0
			for i, reply := range replies {
				switch {
				case strings.HasPrefix(reply, "OK|"):
					winners++
					hold(t, conns[i], []exchange{{"PING|alive", "OK|alive"}})
				case parleytest.Code(reply) != "denied":
					t.Errorf("%q", reply)
				}
			}
			if winners != 1 {
				t.Errorf("%d won", winners)
			}
		}},
		{"PASSWD needs a session signed in by password", func(t *testing.T, c *parleytest.Conn, token string) {
			hold(t, resume(s, "alice", token), []exchange{{"PASSWD|quite another passphrase", "forbidden"}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.SignIn("alice")
			tt.run(t, c, c.Token())
		})
	}
}

// TestTokensOverKill: kill -9 at the worst moments around a resume locks nobody out.
func TestTokensOverKill(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-sessions", "0")...)
	s.User("alice")
	restart := func() {
		s.Kill()
		s.Launch()
	}
	c := s.SignIn("alice")
	c.Do("JOIN|room")
	token := c.Token()

	t.Run("after the sign-in by password", func(t *testing.T) {
		restart()
		c = resume(s, "alice", token)
		if c.Fields[2] != "room" {
			t.Errorf("resumed in %q", c.Fields[2])
		}
	})
	t.Run("between HELLO and its reply's use: the reply was lost", func(t *testing.T) {
		restart()
		again := resume(s, "alice", token)
		refused(t, s, "alice", c.Token())
		c = again
	})
	t.Run("between HELLO and its reply's use: the reply came", func(t *testing.T) {
		restart()
		c = resume(s, "alice", c.Token())
		hold(t, c, []exchange{{"PING|x", "OK|x"}})
		token = c.Token()
	})
	t.Run("right after the first line was answered: the token is past use", func(t *testing.T) {
		for range 5 {
			lose(t, s, c)
			used := c.Token()
			hold(t, resume(s, "alice", used), []exchange{{"PING|x", "OK|x"}})
			restart()
			refused(t, s, "alice", used)
			c = s.SignIn("alice") // the family is over
			c.Do("JOIN|room")
		}
		token = c.Token()
	})
	t.Run("while HELLO is on its way", func(t *testing.T) {
		for range 5 {
			restart()
			stranger := s.Dial()
			stranger.Send("HELLO|alice|" + token)
			s.Kill()
			lines, _ := stranger.Rest()
			s.Launch()
			if len(lines) > 0 {
				c.Fields = strings.Split(strings.TrimPrefix(lines[0], "OK|"), "|")
				token = c.Token()
			}
			c = resume(s, "alice", token)
			hold(t, c, []exchange{{"PING|x", "OK|x"}})
			token = c.Token()
		}
	})
}

// TestWhatEndsTokens: after each of these, no token of the account is taken and no session of it is left.
func TestWhatEndsTokens(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("chief", "--admin")
	chief := s.SignIn("chief")
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, user string)
		bye  string
	}{
		{"passwd", func(t *testing.T, user string) {
			c := s.SignIn(user)
			hold(t, c, []exchange{{"PASSWD|quite another passphrase", "OK|"}, {"PING|still in", "OK|still in"}})
			lose(t, s, c)
			resume(s, user, c.Token()) // its own is kept
			hold(t, s.Dial(), []exchange{{"HELLO|" + user + "|" + parleytest.Password, "denied"}, {"HELLO|" + user + "|quite another passphrase", "OK|*"}})
		}, "BYE|ejected|*"},
		{"eject", func(t *testing.T, user string) {
			hold(t, chief, []exchange{{"EJECT|" + user + "|be | gone", "OK|1"}})
		}, "BYE|ejected|be | gone"},
		{"disable", func(t *testing.T, user string) { s.Run("", "user", "disable", user, "--data", s.Data) }, "BYE|ejected|*"},
		{"remove", func(t *testing.T, user string) { s.Run("", "user", "remove", user, "--data", s.Data) }, "BYE|ejected|*"},
		{"operators-passwd", func(t *testing.T, user string) {
			s.Run("quite another passphrase\n", "user", "passwd", user, "--data", s.Data)
		}, "BYE|ejected|*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.User(tt.name)
			lost := s.SignIn(tt.name)
			lose(t, s, lost)
			first := s.SignIn(tt.name)
			lose(t, s, first)
			live := resume(s, tt.name, first.Token())
			live.Do("PING|confirmed")
			tt.run(t, tt.name)
			ended(t, live, tt.bye)
			for _, token := range []string{lost.Token(), first.Token(), live.Token()} {
				refused(t, s, tt.name, token)
			}
		})
	}
}
