package client_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
)

// What was sent and not answered is sent again with its key as long as the server knows that, and not afterwards: it might be said twice.
func TestOldPostIsNotSentAgain(t *testing.T) {
	for name, test := range map[string]struct {
		away time.Duration
		old  bool
	}{"in time": {21*time.Hour + 50*time.Minute, false}, "too late": {22 * time.Hour, true}, "much too late": {30 * time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, l, _, p := online(t, client.Config{}, "lobby:0")
				defer c.Close()
				first, _ := c.Post(t.Context(), "lobby", "one")
				second, _ := c.Post(t.Context(), "lobby", "two")
				sent := p.expect("SEND|lobby|*")
				start := time.Now()
				p.conn.Close()
				for time.Since(start) < test.away {
					l.accept().conn.Close() // nobody is there
				}
				p = l.accept()
				p.hello("pt1.A", "pt1.B")
				if !test.old {
					p.expect("SEND|lobby|" + sent)
					p.send("OK|1")
				}
				p.list("lobby:1")
				p.expect("HISTORY|lobby|after|0|500")
				p.send(msg("1", "lobby", "alice", "one"), "OK|1")
				if !test.old {
					if id, err := first.Wait(t.Context()); id != 1 || err != nil {
						t.Error(id, err)
					}
				} else {
					if _, err := first.Wait(t.Context()); !errors.Is(err, client.ErrUnsure) {
						t.Error(err)
					}
				}
				// What was never sent goes out, however long it has waited.
				if got := p.expect("SEND|lobby|*"); !strings.HasSuffix(got, "|two") {
					t.Errorf("%q goes out", got)
				}
				p.send("OK|2")
				if id, err := second.Wait(t.Context()); id != 2 || err != nil {
					t.Error(id, err)
				}
			})
		})
	}
}

// It is told while there is no connection yet.
func TestOldPostIsToldOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, _, p := online(t, client.Config{}, "lobby:0")
		start := time.Now()
		post, _ := c.Post(t.Context(), "lobby", "one")
		p.expect("SEND|lobby|*")
		p.conn.Close()
		go func() {
			for conn := range l.conns {
				conn.Close()
			}
		}()
		if _, err := post.Wait(t.Context()); !errors.Is(err, client.ErrUnsure) {
			t.Error(err)
		}
		within(t, start, 22*time.Hour, 22*time.Hour+time.Minute)
		c.Close()
		close(l.conns)
	})
}

// A guest's keys hold for one connection.
func TestGuestsPostIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *peer
		c, l, _ := connect(t, client.Config{Guest: true}, func(l *listener) {
			p = l.accept()
			p.expect("HELLO|alice")
			p.send("OK|3e2f||lobby")
			p.expect("PING|")
			p.send("OK|")
			p.list("lobby:0")
		})
		defer c.Close()
		post, _ := c.Post(t.Context(), "lobby", "one")
		p.expect("SEND|lobby|*")
		p.conn.Close()
		p = l.accept()
		p.expect("HELLO|alice")
		p.send("OK|3e2f||lobby")
		p.expect("PING|")
		p.send("OK|")
		p.list("lobby:0")
		if _, err := post.Wait(t.Context()); !errors.Is(err, client.ErrUnsure) {
			t.Error(err)
		}
	})
}
