package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// TryPost takes as many texts as wait at most, in order, and never waits itself.
func TestTryPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _, p := online(t, client.Config{Queue: 2}, "lobby:0")
		start := time.Now()
		var posts []*client.Post
		for i := range 3 {
			post, err := c.TryPost("lobby", string(rune('a'+i)))
			if err != nil {
				t.Fatal(i, err)
			}
			posts = append(posts, post)
			synctest.Wait() // the first is taken out to be sent
		}
		if _, err := c.TryPost("lobby", "one too many"); err != client.ErrFull {
			t.Error(err)
		}
		for i, post := range posts {
			key := p.expect("SEND|lobby|*")
			if key[len(key)-1] != byte('a'+i) {
				t.Errorf("%q is said as number %d", key, i)
			}
			p.send("OK|" + string(rune('1'+i)))
			if id, err := post.Wait(t.Context()); id != int64(i+1) || err != nil {
				t.Error(id, err)
			}
		}
		within(t, start, 0, 0)
		if _, err := c.TryPost("lobby", "\x1b[2J"); !isCode(err, protocol.BadText) {
			t.Error(err)
		}
		if _, err := c.TryPost("not a room", "x"); !isCode(err, protocol.BadData) {
			t.Error(err)
		}
		c.Close()
		if _, err := c.TryPost("lobby", "x"); err != client.ErrClosed {
			t.Error(err)
		}
	})
}

// What history tells after a lost connection is marked so, and when the next try is is told.
func TestPastAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:5")
		defer c.Close()
		p.send(msg("6", "lobby", "bob", "live"))
		if u := <-told; u.Past || u.Event.ID != 6 {
			t.Error(u)
		}
		p.conn.Close()
		lost := <-told
		start := time.Now()
		if lost.State != client.Lost || lost.Wait <= 0 || lost.Err == nil {
			t.Fatal(lost)
		}
		p = l.accept()
		within(t, start, lost.Wait, lost.Wait)
		p.hello("pt1.A", "pt1.B")
		p.list("lobby:8")
		p.expect("HISTORY|lobby|after|6|500")
		p.send(msg("7", "lobby", "bob", "missed"), "GONE|8|lobby|bob", "OK|2")
		for _, id := range []int64{7, 8} {
			if u := <-told; !u.Past || u.Event.ID != id {
				t.Error(u)
			}
		}
		told.expect(t, "online++")
		p.send(msg("9", "lobby", "bob", "live"))
		if u := <-told; u.Past {
			t.Error(u)
		}
	})
}

// Whole tells of what was not read at first all that stands between it.
func TestWhole(t *testing.T) {
	for _, whole := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, _, told := connect(t, client.Config{Unread: 20, Whole: whole}, func(l *listener) {
				p := l.accept()
				p.hello(password, "pt1.A")
				p.list("lobby:9:5:2")
				p.expect("HISTORY|lobby|after|5|500")
				p.send(msg("6", "lobby", "bob", "a"), msg("7", "lobby", "alice", "mine"), "GONE|8|lobby|bob", msg("9", "lobby", "bob", "b"), "OK|4")
			})
			defer c.Close()
			want := []string{msg("6", "lobby", "bob", "a"), msg("9", "lobby", "bob", "b"), "online++"}
			if whole {
				want = []string{msg("6", "lobby", "bob", "a"), msg("7", "lobby", "alice", "mine"), "GONE|8|lobby|bob", msg("9", "lobby", "bob", "b"), "online++++"}
			}
			told.expect(t, want...)
		})
	}
}

// Before tells whether there is anything before a page.
func TestBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		defer s.Close()
		go func() {
			p.expect("HISTORY|lobby|before|9|2")
			p.send(msg("7", "lobby", "bob", "a"), "GONE|8|lobby|bob", "OK|2")
			p.expect("HISTORY|lobby|before|7|2")
			p.send(msg("5", "lobby", "bob", "a"), "OK|1")
			p.expect("HISTORY|lobby|before|5|2")
			p.send("OK|0")
			p.expect("HISTORY|lobby|before|5|2")
			p.send("FUTURE|3|lobby", "FUTURE|4|lobby", "OK|2") // what a later version tells counts
			p.expect("HISTORY|lobby|before|5|2")
			p.send("ERROR|not-member|no")
		}()
		for _, c := range []struct {
			before int64
			count  int
			start  bool
		}{{9, 2, false}, {7, 1, true}, {5, 0, true}, {5, 0, false}} {
			page, start, err := s.Before(t.Context(), "lobby", c.before, 2)
			if len(page) != c.count || start != c.start || err != nil {
				t.Error(c, page, start, err)
			}
		}
		if _, _, err := s.Before(t.Context(), "lobby", 5, 2); !isCode(err, protocol.NotMember) {
			t.Error(err)
		}
	})
}
