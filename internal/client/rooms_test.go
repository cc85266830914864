package client_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"parley/internal/client"
	"parley/protocol"
)

// What stands in the place of a message counts like one: word that it is gone, and what only a later version knows. The same words may
// come live before it.
func TestHistoryOfWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live []string
		s, p := pair(t, client.Options{OnEvent: func(e protocol.Event) { live = append(live, brief(client.Update{Event: e})) }})
		defer s.Close()
		go func() {
			p.expect("HISTORY|a|before|9223372036854775807|4")
			p.send("GONE|3|a|u", "FUTURE|a live one", "GONE|4|b|u")
			p.send(msg("5", "a", "u", "5"), "GONE|6|a|u", "FUTURE|7|a|u", "GONE|8|a|u", "OK|4", "GONE|5|a|u")
			p.expect("FIND|a|x")
			p.send("FUTURE|1", "FUTURE|2", "OK|1")
			p.expect("HISTORY|a|before|9223372036854775807|2")
			p.send("FUTURE|1", "NOTE|parts them", "GONE|9|a|u", "OK|2")
		}()
		r, err := s.Newest(t.Context(), "a", 4)
		if err != nil || len(r) != 3 || r[0].Text != "5" || r[1].Command != protocol.EventGone || r[1].ID != 6 || r[2].ID != 8 {
			t.Fatal(r, err)
		}
		if answer, err := s.Do(t.Context(), "FIND", "a", "x"); err != nil || answer.Count != 1 || len(answer.Events) != 0 {
			t.Fatal(answer, err)
		}
		if _, err := s.Newest(t.Context(), "a", 2); !isA[*client.LostError](err) {
			t.Error(err)
		}
		if got := strings.Join(live, ","); got != "GONE|3|a|u,GONE|4|b|u,GONE|5|a|u,NOTE|parts them,GONE|9|a|u" {
			t.Errorf("live: %q", got)
		}
	})
}

// What was taken back has its place in what was missed, and is told once; live word of it is told where its message was, or where
// history will not tell it.
func TestTakenBackMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:5|ops:5")
		defer c.Close()
		p.send("GONE|3|lobby|bob")
		told.expect(t, "GONE|3|lobby|bob")
		post, _ := c.Post(t.Context(), "lobby", "mine")
		p.expect("SEND|lobby|*")
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.expect("SEND|lobby|*")
		p.send("OK|7", "GONE|4|lobby|bob", "GONE|6|lobby|bob", "GONE|7|lobby|alice")
		p.list("lobby:9|ops:5")
		p.expect("HISTORY|lobby|after|5|500")
		p.send("GONE|2|lobby|bob", "GONE|9|lobby|bob", "GONE|6|lobby|bob", "GONE|7|lobby|alice", "FUTURE|8", "GONE|9|lobby|bob", "OK|4")
		told.expect(t, "lost", "GONE|4|lobby|bob", "GONE|2|lobby|bob", "GONE|6|lobby|bob", "GONE|7|lobby|alice", "GONE|9|lobby|bob", "online+++")
		p.send("GONE|1|lobby|bob", msg("9", "lobby", "bob", "again"), msg("10", "lobby", "bob", "new"))
		told.expect(t, "GONE|1|lobby|bob", msg("10", "lobby", "bob", "new"))
		if id, err := post.Wait(t.Context()); id != 7 || err != nil {
			t.Error(id, err)
		}
	})
}

// Lines of a later version fill a page: there is an end to asking.
func TestHistoryOfALaterVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:5")
		defer c.Close()
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.list("lobby:2000")
		p.expect("HISTORY|lobby|after|5|500")
		p.send(msg("6", "lobby", "bob", "x"))
		p.send(strings.Split(strings.Repeat("FUTURE|x\n", 498)+"FUTURE|x", "\n")...)
		p.send("OK|500")
		p.expect("HISTORY|lobby|after|6|500")
		p.send(strings.Split(strings.Repeat("FUTURE|x\n", 499)+"FUTURE|x", "\n")...)
		p.send("OK|500")
		told.expect(t, "lost", msg("6", "lobby", "bob", "x"), "online+")
	})
}

// A room that was left elsewhere, or that one was expelled from, is taken up where it is when one is back.
func TestGoneFromARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:5|ops:5")
		defer c.Close()
		p.send("LEAVE|lobby|bob", "LEAVE|ops|alice", msg("50", "lobby", "bob", "x"))
		told.expect(t, "LEAVE|lobby|bob", "LEAVE|ops|alice", msg("50", "lobby", "bob", "x"))
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.list("lobby:50|ops:60") // another session has joined it again meanwhile
		p.expect("HISTORY|ops|after|50|500")
		p.send(msg("60", "ops", "bob", "hi"), "OK|1")
		told.expect(t, "lost", msg("60", "ops", "bob", "hi"), "online+")

		p.send("LEAVE|ops|alice")
		told.expect(t, "LEAVE|ops|alice")
		go func() {
			p.expect("JOIN|ops|locked")
			p.send("OK|ops|4|100")
		}()
		if _, err := c.Join(t.Context(), "ops", true); err != nil {
			t.Fatal(err)
		}
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.B", "pt1.C")
		p.list("lobby:51|ops:101")
		p.expect("HISTORY|lobby|after|50|500")
		p.send(msg("51", "lobby", "bob", "y"), "OK|1")
		p.expect("HISTORY|ops|after|100|500")
		p.send("LEAVE|ops|alice", "ERROR|not-member|no")
		told.expect(t, "lost", msg("51", "lobby", "bob", "y"), "LEAVE|ops|alice", "online+")
	})
}

// What is unread at first is told as LIST counts it, each message once, or said to be too much.
func TestUnreadAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *peer
		c, l, told := connect(t, client.Config{Unread: 3}, func(l *listener) {
			p = l.accept()
			p.hello(password, "pt1.A")
			p.send(msg("9", "lobby", "bob", "live before LIST"))
			p.list("@carol:5:5:0|dev:8:0:4|lobby:9:4:3|ops:7:0:0")
			p.expect("HISTORY|lobby|after|4|500")
			p.send(msg("5", "lobby", "bob", "a"), msg("6", "lobby", "alice", "own"), "GONE|7|lobby|bob", msg("8", "lobby", "bob", "b"))
			p.conn.Close()
		})
		defer c.Close()
		told.expect(t, "4 unread in dev", "lost")
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.list("@carol:5:5:0|dev:8:0:4|lobby:10:4:4|ops:7:0:0")
		p.expect("HISTORY|lobby|after|4|500")
		p.send(msg("5", "lobby", "bob", "a"), msg("6", "lobby", "alice", "own"), "GONE|7|lobby|bob", msg("8", "lobby", "bob", "b"))
		p.send(msg("9", "lobby", "bob", "live before LIST"), msg("10", "lobby", "bob", "c"), "OK|6")
		told.expect(t, msg("5", "lobby", "bob", "a"), msg("8", "lobby", "bob", "b"), msg("9", "lobby", "bob", "live before LIST"), msg("10", "lobby", "bob", "c"), "online++++")
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.B", "pt1.C")
		p.list("@carol:5:5:0|dev:9:0:5|lobby:11:4:4|ops:7:0:0")
		p.expect("HISTORY|dev|after|8|500")
		p.send("GONE|9|dev|bob", "OK|1")
		p.expect("HISTORY|lobby|after|10|500")
		p.send(msg("11", "lobby", "alice", "own, from elsewhere"), "OK|1")
		told.expect(t, "lost", "GONE|9|dev|bob", msg("11", "lobby", "alice", "own, from elsewhere"), "online++")
	})
}
