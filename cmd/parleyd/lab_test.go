package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestLabProtocol: part 1 of the lab, the application's protocol.
func TestLabProtocol(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")

	t.Run("all messages are COMMAND|DATA", func(t *testing.T) {
		c := s.SignIn("alice")
		hold(t, c, []exchange{{"PING|data", "OK|data"}, {"PING", "bad-format"}, {"data", "bad-format"}, {"|data", "bad-format"}})
	})
	t.Run("HELLO introduces the client", func(t *testing.T) {
		c := s.SignIn("alice")
		if got := c.Do("WHO|lobby"); got != "OK|alice" {
			t.Error(got)
		}
	})
	t.Run("MSG sends a chat message", func(t *testing.T) {
		alice, bob := s.SignIn("alice"), s.SignIn("bob")
		said := id(t, alice.Do("MSG|hello, bob"))
		if got, want := parse(t, bob.Await("MSG|")), (event{said, "lobby", "alice", "hello, bob"}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
	t.Run("EXIT requests disconnection", func(t *testing.T) {
		c := s.SignIn("alice")
		c.Send("EXIT|")
		if lines := ended(t, c, "OK|bye"); len(lines) != 1 {
			t.Errorf("%q", lines)
		}
	})
	t.Run("any message before a valid HELLO is rejected", func(t *testing.T) {
		c := s.Dial()
		table := []exchange{{"NOSUCH|x", "hello-first"}}
		for _, name := range strings.Split(strings.TrimPrefix(s.SignIn("alice").Do("HELP|"), "OK|"), "|") {
			if name != "HELLO" && name != "EXIT" {
				table = append(table, exchange{name + "|lobby", "hello-first"})
			}
		}
		for _, bad := range []string{"HELLO|alice|wrong", "HELLO|nobody|wrong", "HELLO|alice|", "HELLO|alice"} {
			table = append(table, exchange{bad, "denied"}, exchange{"MSG|let me in", "hello-first"})
		}
		hold(t, c, append(table, exchange{"HELLO|alice|" + parleytest.Password, "OK|*|pt1.*|lobby"}, exchange{"MSG|now", "OK|*"}))

		c = s.Dial()
		c.Send("EXIT|", "HELLO|alice|"+parleytest.Password)
		if lines := ended(t, c, "ERROR|hello-first|*"); len(lines) != 1 {
			t.Errorf("%q", lines)
		}
	})
	t.Run("the server responds with OK| or ERROR|reason", func(t *testing.T) {
		hold(t, s.SignIn("alice"), []exchange{{"PING|", "OK|"}, {"MSG|well", "OK|*"}, {"MSG|", "empty"}, {"NOSUCH|", "unknown-command"}})
	})
}

// TestLabServer: part 2 of the lab, what the server must do.
func TestLabServer(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")

	t.Run("persistent connections, many messages each", func(t *testing.T) {
		alice, bob := s.SignIn("alice"), s.SignIn("bob")
		var last int64
		for range 200 {
			now := id(t, alice.Do("MSG|again"))
			if now <= last {
				t.Fatalf("id %d after %d", now, last)
			}
			last = now
		}
		for seen := int64(0); seen != last; {
			seen = parse(t, bob.Await("MSG|")).id
		}
	})
	t.Run("session state: the name", func(t *testing.T) {
		alice, bob := s.SignIn("alice"), s.SignIn("bob")
		id(t, bob.Do("MSG|who said this"))
		if got := parse(t, alice.Await("who said this")); got.user != "bob" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("session state: the connection's status", func(t *testing.T) {
		c := s.SignIn("alice")
		hold(t, c, []exchange{{"HELLO|alice|" + parleytest.Password, "already-hello"}, {"HELLO|bob", "already-hello"}, {"MSG|still alice", "OK|*"}})
		c.Send("EXIT|", "MSG|from beyond")
		ended(t, c, "OK|bye")
		if list := answer(t, s.SignIn("bob"), "FIND|lobby|beyond"); len(list) != 0 {
			t.Errorf("said after EXIT: %+v", list)
		}
	})
	t.Run("all incoming messages are validated", func(t *testing.T) {
		hold(t, s.SignIn("alice"), []exchange{
			{"msg|lower case", "bad-format"}, {"MSG|\x1b[2J", "bad-text"}, {"MSG|\xff", "bad-text"}, {"MSG| \t ", "empty"},
			{"JOIN|No Such Room", "bad-data"}, {"HISTORY|lobby|after|-1|5", "bad-data"}, {"WHO|elsewhere", "not-member"},
		})
	})
	t.Run("malformed input does not crash the server", func(t *testing.T) {
		witness, before := s.SignIn("bob"), s.Cmd.Process.Pid
		for _, garbage := range []string{
			"\n\n\n", "\x00\x00\x00\n", "|\n", "||||||\n", strings.Repeat("\xff", 3000) + "\n", strings.Repeat("|", 4000) + "\n",
			strings.Repeat("A", 70000), "\r\r\r\n", "HELLO|" + strings.Repeat("|", 100) + "\n", "MSG|%s%n%x\n", "HISTORY|lobby|after|99999999999999999999|1\n",
			"SEND|@|" + "|\n", "HELLO|alice|pt1." + strings.Repeat("A", 3000) + "\n", "PASSWD|\n", "\xef\xbb\xbfMSG|bom\n",
		} {
			stranger, inside := s.Dial(), s.SignIn("alice")
			stranger.Write(garbage)
			inside.Write(garbage)
			stranger.Close()
			inside.Close()
		}
		if got := witness.Do("PING|still there"); got != "OK|still there" || s.Cmd.Process.Pid != before {
			t.Error(got)
		}
		if strings.Contains(s.Log(), "panic") {
			t.Error("the log tells of a panic")
		}
	})
	t.Run("connections, disconnections and errors are logged", func(t *testing.T) {
		c := s.SignIn("alice")
		session := c.Session()
		c.Do("MSG|")
		c.Do("EXIT|")
		for _, parts := range [][]string{
			{`"connected"`, session, "127.0.0.1"}, {`"signed in"`, session, `"alice"`},
			{`"refused"`, session, `"empty"`}, {`"disconnected"`, session, `"exit"`},
		} {
			logged(t, s, parts...)
		}
		for line := range strings.Lines(s.Log()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %q", line)
			}
		}
		if strings.Contains(s.Log(), parleytest.Password) || strings.Contains(s.Log(), c.Token()) {
			t.Error("a secret is in the log")
		}
	})
}

// TestLabRobustness: part 4 of the lab, all five cases.
func TestLabRobustness(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")

	t.Run("empty messages", func(t *testing.T) {
		hold(t, s.SignIn("alice"), []exchange{
			{"MSG|", "empty"}, {"MSG|   ", "empty"}, {"MSG|\t", "empty"}, {"MSG|\u00a0\u200b\u3000", "empty"}, {"", "bad-format"}, {"MSG|fine", "OK|*"},
		})
	})
	t.Run("messages exceeding a fixed length", func(t *testing.T) {
		hold(t, s.SignIn("alice"), []exchange{
			{"MSG|" + strings.Repeat("x", 2000), "OK|*"}, {"MSG|" + strings.Repeat("x", 2001), "too-long"},
			{"MSG|" + strings.Repeat("x", 5000), "too-long"}, {"MSG|" + strings.Repeat("x", 60000), "too-long"}, {"MSG|fine", "OK|*"},
		})
	})
	t.Run("invalid command format", func(t *testing.T) {
		hold(t, s.SignIn("alice"), []exchange{
			{"MSG", "bad-format"}, {"MSG hello", "bad-format"}, {"M5G|x", "bad-format"}, {" MSG|x", "bad-format"}, {"Msg|x", "bad-format"},
			{"ABCDEFGHIJKLMNOPQ|x", "bad-format"}, {"ABCDEFGHIJKLMNOP|x", "unknown-command"}, {"MSG|fine", "OK|*"},
		})
	})
	t.Run("data before HELLO", func(t *testing.T) {
		c := s.Dial()
		hold(t, c, []exchange{{"MSG|too early", "hello-first"}, {"PING|x", "hello-first"}})
		c.Hello("alice", parleytest.Password)
		hold(t, c, []exchange{{"MSG|in time", "OK|*"}})
	})
	t.Run("unexpected disconnect of the client", func(t *testing.T) {
		alice, bob := s.SignIn("alice"), s.SignIn("bob")
		session := alice.Session()
		alice.Write("MSG|half a mess")
		alice.Close()
		logged(t, s, `"disconnected"`, session)
		if got := bob.Do("MSG|talking to nobody"); !strings.HasPrefix(got, "OK|") {
			t.Error(got)
		}
		if list := answer(t, bob, "FIND|lobby|half"); len(list) != 0 {
			t.Errorf("half a line was said: %+v", list)
		}
		s.SignIn("alice").Do("MSG|back again")
		bob.Await("back again")
	})
	t.Run("unexpected disconnect of the server", func(t *testing.T) {
		alice := s.SignIn("alice")
		kept := id(t, alice.Do("MSG|before the crash"))
		s.Kill()
		if _, clean := alice.Rest(); clean {
			t.Error("a killed server said goodbye")
		}
		s.Launch()
		again := s.Dial().Hello("alice", alice.Token())
		list := answer(t, again, "HISTORY|lobby")
		if !slices.Contains(list, event{kept, "lobby", "alice", "before the crash"}) {
			t.Errorf("gone with the crash: %+v", list)
		}
	})
}
