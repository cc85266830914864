package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
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

func TestSignInWaitsAsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c, _, told := connect(t, client.Config{}, func(l *listener) {
			for range 4 { // more than FirstTries: a server that names a wait is there
				p := l.accept()
				p.expect("HELLO|alice|" + password)
				p.send("ERROR|throttled|100 seconds to wait: x")
				p.expectEnd()
			}
			p := l.accept()
			p.hello(password, "pt1.A")
			p.list("")
		})
		defer c.Close()
		within(t, start, 400*time.Second, 420*time.Second)
		told.expect(t, "waiting", "waiting", "waiting", "waiting", "online")
	})
}

// A token that the server does not take any more is dropped, and the password used.
func TestTokenFallsBackToPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saved := "pt1.OLD"
		c, _, _ := connect(t, client.Config{Token: saved, SaveToken: func(token string) error { saved = token; return nil }}, func(l *listener) {
			p := l.accept()
			p.expect("HELLO|alice|pt1.OLD")
			p.send("ERROR|denied|no")
			p = l.accept()
			if saved != "" {
				t.Errorf("%q is kept", saved)
			}
			p.hello(password, "pt1.A")
			p.list("")
		})
		c.Close()
		if saved != "pt1.A" {
			t.Errorf("kept: %q", saved)
		}
	})
}

func TestPasswordIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		ask := func(_ context.Context, refused error) (string, error) {
			if asked++; (refused == nil) != (asked == 1) || asked > 1 && !isCode(refused, protocol.Denied) {
				t.Errorf("asked %d times, after %v", asked, refused)
			}
			return password, nil
		}
		c, _, _ := connect(t, client.Config{Password: ask}, func(l *listener) {
			for range 2 {
				p := l.accept()
				p.expect("HELLO|alice|" + password)
				p.send("ERROR|denied|no")
			}
			p := l.accept()
			p.hello(password, "pt1.A")
			p.list("")
		})
		c.Close()
		if asked != 3 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// When the reply to a HELLO is lost, its token may be denied until the server has noticed that the session is gone.
func TestLostReplyToHello(t *testing.T) {
	for denials := range 8 {
		synctest.Test(t, func(t *testing.T) {
			ask := func(context.Context, error) (string, error) { t.Error("asked"); return "", errors.New("no") }
			var p *peer
			c, l, _ := connect(t, client.Config{Token: "pt1.T", Password: ask}, func(l *listener) {
				p = l.accept()
				p.hello("pt1.T", "pt1.U")
				p.list("")
			})
			defer c.Close()
			p.conn.Close()
			p = l.accept()
			p.expect("HELLO|alice|pt1.U")
			p.conn.Close()
			for range denials {
				p = l.accept()
				p.expect("HELLO|alice|pt1.U")
				p.send("ERROR|denied|no")
				p.expectEnd()
			}
			if denials < 7 {
				l.accept().hello("pt1.U", "pt1.V")
			} else if <-c.Done(); !isSignIn(c.Err()) {
				t.Errorf("after %d denials: %v", denials, c.Err())
			}
		})
	}
}

func TestInvitedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		next := func(_ context.Context, refused error) (string, error) {
			asked = append(asked, fmt.Sprint(refused))
			return []string{"short", "long enough for anybody"}[len(asked)-1], nil
		}
		c, _, _ := connect(t, client.Config{NewPassword: next}, func(l *listener) {
			p := l.accept()
			p.expect("HELLO|alice|" + password)
			p.send("OK|3e2f||")
			p.expect("PASSWD|short")
			p.send("ERROR|weak-password|15 characters at least")
			p.expect("PASSWD|long enough for anybody")
			p.send("OK|")
			p.expectEnd()
			p = l.accept()
			p.hello("long enough for anybody", "pt1.A")
			p.list("")
		})
		c.Close()
		if strings.Join(asked, ",") != "<nil>,weak-password: 15 characters at least" {
			t.Errorf("asked after %q", asked)
		}
	})
}

func TestGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, told := connect(t, client.Config{Guest: true}, func(l *listener) {
			p := l.accept()
			p.expect("HELLO|alice")
			p.send("OK|3e2f||lobby")
			p.expect("PING|")
			p.send("OK|")
			p.list("lobby:0")
		})
		defer c.Close()
		told.expect(t, "online")
	})
}

// What ends a client, and how Connect says no.
func TestConnectFails(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	answer := func(line string) func(*testing.T) func(context.Context) (net.Conn, error) {
		return func(t *testing.T) func(context.Context) (net.Conn, error) {
			l := newListener(t)
			return func(ctx context.Context) (net.Conn, error) {
				conn, _ := l.dial(ctx)
				p := l.accept()
				go func() {
					p.r.ReadString('\n')
					p.send(line)
				}()
				return conn, nil
			}
		}
	}
	fails := func(err error) func(*testing.T) func(context.Context) (net.Conn, error) {
		return func(*testing.T) func(context.Context) (net.Conn, error) {
			return func(context.Context) (net.Conn, error) { return nil, err }
		}
	}
	for name, test := range map[string]struct {
		dial  func(*testing.T) func(context.Context) (net.Conn, error)
		is    func(error) bool
		least time.Duration
		most  time.Duration
	}{
		"refused":      {fails(refused), isLost, time.Second, 3 * time.Second},
		"no such host": {fails(&net.DNSError{IsNotFound: true}), isLost, 0, 0},
		"not trusted":  {fails(&tlsutil.TrustError{Kind: tlsutil.KindPin}), isTrust, 0, 0},
		"denied":       {answer("ERROR|denied|no"), isSignIn, 0, 0},
		"forbidden":    {answer("ERROR|forbidden|no"), isSignIn, 0, 0},
		"throttled":    {answer("ERROR|throttled|600 seconds to wait: x"), isSignIn, 0, 0}, // longer than GiveUp
		"nonsense":     {answer("SSH-2.0-OpenSSH"), isLost, time.Second, 3 * time.Second},
		"two fields":   {answer("OK|a|b"), isLost, time.Second, 3 * time.Second},
		"no room":      {answer("OK|a|pt1.b|\x1b[2J"), isLost, time.Second, 3 * time.Second},
		"silent":       {answer("NOTE|hm"), isLost, 90 * time.Second, 94 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, asked := time.Now(), false
				_, err := client.Connect(t.Context(), client.Config{
					Dial: test.dial(t), User: "alice", OnUpdate: func(client.Update) {}, GiveUp: 5 * time.Minute,
					Password: func(_ context.Context, refused error) (string, error) {
						if asked {
							return "", &client.SignInError{Err: refused}
						}
						asked = true
						return password, nil
					},
				})
				if !test.is(err) {
					t.Errorf("%v", err)
				}
				within(t, start, test.least, test.most)
			})
		})
	}
}

func isA[E error](err error) bool { var e E; return errors.As(err, &e) }

func isLost(err error) bool   { return isA[*client.LostError](err) }
func isTrust(err error) bool  { return isA[*tlsutil.TrustError](err) }
func isSignIn(err error) bool { return isA[*client.SignInError](err) }

func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		l := newListener(t)
		told := newUpdates()
		go func() {
			p := l.accept()
			p.hello(password, "pt1.A")
			p.list("")
			p.expect("SEND|lobby|*")
			down = true
			p.conn.Close()
		}()
		c, err := client.Connect(t.Context(), client.Config{
			User: "alice", OnUpdate: told.take, GiveUp: 5 * time.Minute,
			Password: func(context.Context, error) (string, error) { return password, nil },
			Dial: func(ctx context.Context) (net.Conn, error) {
				if down {
					return nil, errors.New("connection refused")
				}
				return l.dial(ctx)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		start := time.Now()
		if _, err := c.Send(t.Context(), "lobby", "x"); !isLost(err) {
			t.Error(err)
		}
		within(t, start, 4*time.Minute, 5*time.Minute)
		tries := 0
		for len(told) > 0 {
			if brief(<-told) == "waiting" {
				tries++
			}
		}
		if tries < 8 || tries > 25 {
			t.Errorf("%d tries in five minutes", tries)
		}
		if _, err := c.Post(t.Context(), "lobby", "y"); !isLost(err) {
			t.Error(err)
		}
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
		if n, err := c.Join(t.Context(), "ops"); n != 4 || err != nil {
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
