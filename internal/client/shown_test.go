package client_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
)

// The server is told of the newest message shown in each room, seldom, and again after a lost connection.
func TestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{SeenEvery: 3 * time.Second}, "lobby:5:2:1|ops:5:5:0")
		defer c.Close()
		start := time.Now()
		for id := int64(3); id <= 9; id++ {
			c.Seen("lobby", id)
		}
		c.Seen("lobby", 4)
		c.Seen("ops", 5) // known
		p.expect("SEEN|lobby|9")
		within(t, start, 3*time.Second, 3*time.Second)
		p.send("OK|lobby|9")
		synctest.Wait()
		c.Seen("lobby", 9)
		c.Seen("lobby", 10)
		c.Seen("ops", 8)
		c.Seen("dev", 8)
		p.send("SEEN|ops|8") // another session has read it
		told.expect(t, "SEEN|ops|8")
		start = time.Now()
		got := map[string]bool{p.expect("SEEN|*"): true, p.expect("SEEN|*"): true}
		within(t, start, 3*time.Second, 3*time.Second)
		if !got["lobby|10"] || !got["dev|8"] {
			t.Error(got)
		}
		p.conn.Close() // before the replies
		c.Seen("lobby", 11)
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.list("dev:5:8:0|lobby:5:9:1|ops:5:8:0")
		told.expect(t, "lost", "online")
		start = time.Now()
		p.expect("SEEN|lobby|11")
		within(t, start, 3*time.Second, 3*time.Second)
		p.send("OK|lobby|11")
		synctest.Wait()
		time.Sleep(40 * time.Second) // and no further line
		p.send("NOTE|still here")
		told.expect(t, "NOTE|still here")
	})
}

// No refusal disturbs, and each is asked again only where that helps.
func TestSeenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:0|ops:0")
		defer c.Close()
		refuse := func(room, id, refusal string, after time.Duration) {
			t.Helper()
			start := time.Now()
			p.expect("SEEN|" + room + "|" + id)
			within(t, start, after, after)
			p.send("ERROR|" + refusal)
			synctest.Wait()
		}
		c.Seen("lobby", 1)
		refuse("lobby", "1", "rate-limited|10 seconds to wait: x", 2*time.Second)
		refuse("lobby", "1", "busy|1 second to wait: x", 10*time.Second)
		refuse("lobby", "1", "not-member|no", 2*time.Second)
		c.Seen("ops", 2)
		refuse("ops", "2", "forbidden|no", 2*time.Second)
		c.Seen("ops", 3)
		refuse("ops", "3", "unknown-command|an older server counts errors", 2*time.Second)
		c.Seen("ops", 4)
		time.Sleep(40 * time.Second)
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.list("lobby:0|ops:0")
		told.expect(t, "lost", "online")
		p.expect("SEEN|ops|4")
		p.send("LEAVE|ops|alice") // before the reply
		p.send("OK|ops|4")
		told.expect(t, "LEAVE|ops|alice")
		c.Seen("lobby", 5)
		p.send("LEAVE|lobby|alice")
		told.expect(t, "LEAVE|lobby|alice")
		time.Sleep(40 * time.Second)
		p.send("NOTE|still here")
		told.expect(t, "NOTE|still here")
	})
}

// However many rooms there are, so many lines go out at once, and every room has its turn.
func TestSeenOfManyRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _, p := online(t, client.Config{}, "lobby:0")
		defer c.Close()
		for n := range 50 {
			c.Seen(fmt.Sprintf("room%d", n), int64(n+1))
		}
		rooms := map[string]bool{}
		for _, lines := range []int{20, 20, 10} {
			start := time.Now()
			for n := range lines {
				room, _, _ := strings.Cut(p.expect("SEEN|*"), "|")
				rooms[room] = true
				if n == 0 {
					within(t, start, 2*time.Second, 2*time.Second)
				}
			}
			for range lines {
				p.send("OK|x|1")
			}
			synctest.Wait()
		}
		if len(rooms) != 50 {
			t.Errorf("%d rooms", len(rooms))
		}
	})
}

// Who leaves has read what was shown: it is told before EXIT, and before a close, unless that takes long.
func TestSeenAtLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _, p := online(t, client.Config{}, "lobby:0")
		c.Seen("lobby", 1)
		go func() {
			p.expect("SEEN|lobby|1")
			p.send("OK|lobby|1")
			p.expect("EXIT|")
			p.send("OK|bye")
			p.conn.Close()
		}()
		start := time.Now()
		if err := c.Quit(t.Context()); err != nil {
			t.Error(err)
		}
		within(t, start, 0, 0)
		synctest.Wait() // the goroutine is done with p

		c, _, _, q := online(t, client.Config{}, "lobby:0")
		c.Seen("lobby", 1)
		go func() {
			q.expect("SEEN|lobby|1")
			q.send("OK|lobby|1")
			q.expectEnd()
		}()
		start = time.Now()
		c.Close()
		within(t, start, 0, 0)

		for _, reads := range []bool{true, false} {
			c, _, _, p := online(t, client.Config{}, "lobby:0")
			c.Seen("lobby", 1)
			if reads {
				go func() { p.expect("SEEN|lobby|1"); p.expectEnd() }()
			}
			start = time.Now()
			c.Close()
			within(t, start, time.Second, time.Second)
			p.conn.Close()
		}

		c, l, _, p := online(t, client.Config{}, "lobby:0")
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.expect("LIST|")
		c.Seen("lobby", 9) // one's own, while it is not known what stands before it
		go p.expectEnd()
		c.Close()
	})
}

// A guest has no positions. Who asks for the list has what was shown counted.
func TestSeenByWhom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *peer
		c, _, told := connect(t, client.Config{Guest: true}, func(l *listener) {
			p = l.accept()
			p.expect("HELLO|alice")
			p.send("OK|3e2f||lobby")
			p.expect("PING|")
			p.send("OK|")
			p.list("lobby:0")
		})
		told.expect(t, "online")
		c.Seen("lobby", 1)
		time.Sleep(40 * time.Second) // a line that nobody reads would end the session
		p.send("NOTE|still here")
		told.expect(t, "NOTE|still here")
		go p.expectEnd()
		c.Close()

		c, _, _, p = online(t, client.Config{}, "lobby:0")
		defer c.Close()
		c.Seen("lobby", 3)
		go func() {
			p.expect("SEEN|lobby|3")
			p.send("OK|lobby|3")
			p.expect("LIST|")
			p.send("OK|lobby:4:3:1")
		}()
		rooms, err := c.Rooms(t.Context())
		if err != nil || len(rooms) != 1 || rooms[0].Unread != 1 {
			t.Error(rooms, err)
		}
	})
}
