package client_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

const password = "correct horse battery"

// connect plays the server while a client connects.
func connect(t *testing.T, cfg client.Config, play func(l *listener)) (*client.Client, *listener, updates) {
	t.Helper()
	l, told := newListener(t), newUpdates()
	cfg.Dial, cfg.User, cfg.OnUpdate = l.dial, "alice", told.take
	if cfg.Password == nil {
		cfg.Password = func(context.Context, error) (string, error) { return password, nil }
	}
	played := make(chan struct{})
	go func() { defer close(played); play(l) }()
	c, err := client.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	<-played
	return c, l, told
}

// online connects and brings a client up to date; the peer is the server's end.
func online(t *testing.T, cfg client.Config, rooms string) (*client.Client, *listener, updates, *peer) {
	t.Helper()
	var p *peer
	c, l, told := connect(t, cfg, func(l *listener) {
		p = l.accept()
		p.hello(password, "pt1.A")
		p.list(rooms)
	})
	told.expect(t, "online")
	return c, l, told, p
}

func TestOnlyNewMessagesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, told, p := online(t, client.Config{}, "lobby:5")
		defer c.Close()
		p.send(msg("5", "lobby", "bob", "old"), msg("6", "lobby", "bob", "new"), msg("6", "lobby", "bob", "new"), msg("7", "@bob", "bob", "psst"), "JOIN|lobby|bob")
		told.expect(t, msg("6", "lobby", "bob", "new"), msg("7", "@bob", "bob", "psst"), "JOIN|lobby|bob")
		synctest.Wait()
		told.expectNothing(t)
	})
}

// What is said right after the sign-in is told, although LIST already counts it.
func TestMessageBeforeList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, told := connect(t, client.Config{}, func(l *listener) {
			p := l.accept()
			p.hello(password, "pt1.A")
			p.send(msg("6", "lobby", "bob", "new"))
			p.list("lobby:7|ops:5")
			p.expect("HISTORY|lobby|after|5|500")
			p.send(msg("6", "lobby", "bob", "new"), msg("7", "lobby", "bob", "newer"), "OK|2")
		})
		defer c.Close()
		told.expect(t, msg("6", "lobby", "bob", "new"), msg("7", "lobby", "bob", "newer"), "online++")
	})
}

// The whole of a lost connection: back within a second, by token, a line straight after HELLO; what was not acknowledged goes out
// again with its key before history is asked for; every message is told once and in order; own ones are not told.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saved []string
		c, l, told, p := online(t, client.Config{SaveToken: func(token string) error { saved = append(saved, token); return nil }}, "lobby:5|ops:5")
		defer c.Close()
		first, _ := c.Post(t.Context(), "lobby", "mine")
		second, _ := c.Post(t.Context(), "ops", "later")
		key := strings.TrimSuffix(p.expect("SEND|lobby|*"), "|mine")
		if len(key) < 22 || protocol.CheckKey(key) != nil {
			t.Errorf("key %q", key)
		}
		lost := time.Now()
		p.conn.Close()
		told.expect(t, "lost")
		p = l.accept()
		within(t, lost, time.Second/2, time.Second)
		p.hello("pt1.A", "pt1.B")
		p.send(msg("9", "lobby", "bob", "live, before anything is known"))
		p.expect("SEND|lobby|" + key + "|mine")
		p.send("OK|7")
		p.list("@carol:11|lobby:9|ops:5")
		p.expect("HISTORY|@carol|after|5|500")
		p.send(msg("12", "lobby", "bob", "live, while behind"), msg("11", "@carol", "carol", "psst"), "OK|1")
		p.expect("HISTORY|lobby|after|5|500")
		p.send(msg("6", "lobby", "bob", "a"), msg("7", "lobby", "alice", "mine"), msg("9", "lobby", "bob", "b"), msg("12", "lobby", "bob", "c"), "OK|4")
		told.expect(t, msg("11", "@carol", "carol", "psst"), msg("6", "lobby", "bob", "a"), msg("9", "lobby", "bob", "b"), msg("12", "lobby", "bob", "c"), "online++++")
		p.send(msg("12", "lobby", "bob", "c"), msg("13", "lobby", "bob", "d"))
		told.expect(t, msg("13", "lobby", "bob", "d"))
		p.expect("SEND|ops|*")
		p.send("OK|14")
		for post, want := range map[*client.Post]int64{first: 7, second: 14} {
			if id, err := post.Wait(t.Context()); id != want || err != nil {
				t.Error(id, err)
			}
		}
		if got := strings.Join(saved, " "); got != "pt1.A pt1.B" {
			t.Errorf("tokens saved: %s", got)
		}
	})
}

// A second loss while catching up begins again where telling stopped.
func TestLostWhileCatchingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:0")
		defer c.Close()
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.list("lobby:501")
		p.expect("HISTORY|lobby|after|0|500")
		for id := 1; id <= 500; id++ {
			p.send(msg(strconv.Itoa(id), "lobby", "bob", "x"))
		}
		p.send("OK|500")
		p.expect("HISTORY|lobby|after|500|500")
		p.send(msg("501", "lobby", "bob", "x"))
		p.conn.Close() // before the reply: 501 may be live or not, and is told later
		p = l.accept()
		p.hello("pt1.B", "pt1.C")
		p.list("lobby:501")
		p.expect("HISTORY|lobby|after|500|500")
		p.send(msg("501", "lobby", "bob", "x"), "OK|1")
		told.expect(t, "lost")
		for id := 1; id <= 500; id++ {
			told.expect(t, msg(strconv.Itoa(id), "lobby", "bob", "x"))
		}
		told.expect(t, "lost", msg("501", "lobby", "bob", "x"), "online+")
	})
}

// A conversation that begins while LIST is read, before the page that is asked for next, is not missed.
func TestConversationThatBeginsWhileListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:5|ops:6")
		defer c.Close()
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.expect("LIST|")
		p.send("OK|" + read("lobby:5|+"))
		p.expect("LIST|lobby")
		p.send(msg("7", "@carol", "carol", "psst"), "OK|"+read("ops:6"))
		p.expect("PING|")
		p.send("OK|")
		p.expect("HISTORY|@carol|after|6|500")
		p.send(msg("7", "@carol", "carol", "psst"), "OK|1")
		told.expect(t, "lost", msg("7", "@carol", "carol", "psst"), "online+")
	})
}

func TestRoomLeftMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:0|ops:1")
		defer c.Close()
		p.conn.Close()
		p = l.accept()
		p.hello("pt1.A", "pt1.B")
		p.list("lobby:0|ops:2")
		p.expect("HISTORY|ops|after|1|500")
		p.send("ERROR|not-member|no")
		told.expect(t, "lost", "online")
	})
}

func TestHistoryThatWasNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{After: map[string]int64{"lobby": 5}}, "lobby:5")
		defer c.Close()
		for _, answer := range []string{msg("9", "ops", "eve", "elsewhere"), msg("5", "lobby", "eve", "again")} {
			p.conn.Close()
			p = l.accept()
			p.expect("HELLO|alice|*")
			p.send("OK|3e2f|pt1.X|lobby")
			p.expect("PING|")
			p.send("OK|")
			p.list("lobby:9")
			p.expect("HISTORY|lobby|after|5|500")
			p.send(answer, "OK|1")
			p.expectEnd()
			told.expect(t, "lost")
		}
	})
}

// What is refused for now is sent again after the wait that was told, with its key, and nothing overtakes it.
func TestRefusedForNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _, p := online(t, client.Config{}, "lobby:0")
		defer c.Close()
		post, _ := c.Post(t.Context(), "lobby", "one")
		c.Post(t.Context(), "lobby", "two")
		key := strings.TrimSuffix(p.expect("SEND|lobby|*"), "|one")
		for _, refusal := range []string{"rate-limited|7 seconds to wait: x", "busy|30 seconds to wait: x", "internal|no wait is told"} {
			p.send("ERROR|" + refusal)
			start := time.Now()
			p.expect("SEND|lobby|" + key + "|one")
			within(t, start, time.Second, 30*time.Second)
			if !strings.HasPrefix(refusal, "internal") && time.Since(start) < 7*time.Second {
				t.Errorf("%s: after %v", refusal, time.Since(start))
			}
		}
		p.send("OK|1")
		if id, err := post.Wait(t.Context()); id != 1 || err != nil {
			t.Error(id, err)
		}
		p.expect("SEND|lobby|*")
	})
}

func TestRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _, p := online(t, client.Config{GiveUp: time.Minute}, "lobby:0")
		defer c.Close()
		for _, code := range []protocol.Code{protocol.NotMember, protocol.NoSuchUser, protocol.Forbidden, "of-a-later-version"} {
			post, _ := c.Post(t.Context(), "ops", "x")
			p.expect("SEND|ops|*")
			p.send("ERROR|" + string(code) + "|no")
			if _, err := post.Wait(t.Context()); !isCode(err, code) {
				t.Error(code, err)
			}
		}
		for code, line := range map[protocol.Code]string{protocol.Internal: "ERROR|internal|sorry", protocol.Busy: "ERROR|busy|20 seconds to wait: x"} {
			start := time.Now()
			post, _ := c.Post(t.Context(), "lobby", "x")
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				for range 5 {
					p.expect("SEND|lobby|*")
					p.send(line)
					if code == protocol.Busy && time.Since(start) >= 40*time.Second+1 {
						return
					}
				}
			}()
			if _, err := post.Wait(t.Context()); !isCode(err, code) {
				t.Error(err)
			}
			if time.Since(start) > time.Minute {
				t.Errorf("%s: told after %v", code, time.Since(start))
			}
			<-stop
		}
		if _, err := c.Post(t.Context(), "lobby", "\x1b[2J"); !isCode(err, protocol.BadText) {
			t.Error(err)
		}
		if _, err := c.Post(t.Context(), "not a room", "x"); !isCode(err, protocol.BadData) {
			t.Error(err)
		}
	})
}

func TestOwnRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _, p := online(t, client.Config{}, "lobby:0")
		defer c.Close()
		start := time.Now()
		go func() {
			for range 100 {
				c.Post(t.Context(), "lobby", "x")
			}
		}()
		for n := 1; n <= 100; n++ {
			p.expect("SEND|lobby|*")
			if burst := start.Add(time.Duration(max(n-40, 0)) * time.Second / 10); time.Now().Before(burst) {
				t.Fatalf("message %d after %v", n, time.Since(start))
			}
			p.send("OK|" + strconv.Itoa(n))
		}
		within(t, start, 6*time.Second, 6100*time.Millisecond)
	})
}

func TestEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _, p := online(t, client.Config{}, "lobby:0")
		p.send("BYE|ejected|be nice")
		p.conn.Close()
		<-c.Done()
		if !isA[*client.ByeError](c.Err()) {
			t.Error(c.Err())
		}
		c.Close()
	})
}

func TestQuitEndsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saved := ""
		c, l, told, p := online(t, client.Config{SaveToken: func(token string) error { saved = token; return nil }}, "lobby:0")
		go func() {
			p.expect("EXIT|")
			p.send("OK|bye")
			p.conn.Close()
		}()
		if err := c.Quit(t.Context()); err != nil || saved != "" {
			t.Error(saved, err)
		}
		told.expectNothing(t)
		if len(l.conns) > 0 {
			t.Error("it came back")
		}
	})
}

func TestCloseKeepsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saved := ""
		c, _, _, p := online(t, client.Config{SaveToken: func(token string) error { saved = token; return nil }}, "lobby:0")
		post, _ := c.Post(t.Context(), "lobby", "x")
		p.expect("SEND|lobby|*")
		go p.expectEnd()
		c.Close()
		if _, err := post.Wait(t.Context()); err == nil {
			t.Error("acknowledged by nobody")
		}
		if saved != "pt1.A" {
			t.Errorf("kept: %q", saved)
		}
	})
}

func TestJoinTakesARoomUpWhereItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, told, p := online(t, client.Config{}, "lobby:3")
		defer c.Close()
		go func() {
			p.expect("JOIN|ops")
			p.send("OK|ops|4|100")
			p.expect("LEAVE|lobby")
			p.send("ERROR|forbidden|no")
			p.conn.Close()
		}()
		if n, err := c.Join(t.Context(), "ops", false); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		if err := c.Leave(t.Context(), "lobby"); !isCode(err, protocol.Forbidden) {
			t.Fatal(err)
		}
		p2 := l.accept()
		p2.hello("pt1.A", "pt1.B")
		p2.list("lobby:3|ops:101")
		p2.expect("HISTORY|ops|after|100|500")
		p2.send(msg("101", "ops", "bob", "x"), "OK|1")
		told.expect(t, "lost", msg("101", "ops", "bob", "x"), "online+")
	})
}
