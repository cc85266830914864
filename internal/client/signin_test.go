package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
)

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
