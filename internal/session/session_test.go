package session_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/chat"
	"parley/internal/session"
)

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, func(o *session.Options) {
			o.LoginTimeout, o.IdleTimeout = 10*time.Second, 30*time.Minute
		})
		start := time.Now()
		slow := p.connect()
		go func() { // a byte a second does not help
			for {
				if _, err := slow.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		slow.want("BYE|login-timeout|")
		slow.wantEnd()
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("login-timeout after %v", d)
		}

		idle := p.guest("idle")
		time.Sleep(20 * time.Minute)
		if reply := idle.do("PING|still here"); reply != "OK|still here" {
			t.Error(reply)
		}
		start = time.Now()
		idle.want("BYE|idle|")
		idle.wantEnd()
		if d := time.Since(start); d < 29*time.Minute || d > 30*time.Minute {
			t.Errorf("idle after %v", d)
		}
	})
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, func(o *session.Options) {
			o.MessageRate = session.Rate{PerSecond: 10, Burst: 40}
			o.CommandRate = session.Rate{PerSecond: 20, Burst: 100}
		})
		one, two := p.guest("one"), p.guest("two") // one address, one allowance
		count := func(c *peer, line string) (n int) {
			for ; strings.HasPrefix(c.do(line), "OK|"); n++ {
			}
			return n
		}
		if n := count(one, "MSG|hi"); n != 40 {
			t.Errorf("a burst of %d messages", n)
		}
		if reply := two.do("SEND|lobby||hi"); reply != "ERROR|rate-limited|1 second to wait: too many messages" {
			t.Error(reply)
		}
		if n := count(two, "PING|"); n != 100 {
			t.Errorf("a burst of %d commands beside the messages", n)
		}
		time.Sleep(2 * time.Second)
		if n := count(two, "MSG|hi"); n != 20 {
			t.Errorf("%d messages after two seconds", n)
		}
		one.Close()
		two.Close()
		synctest.Wait()
		if n := count(p.guest("three"), "MSG|hi"); n != 0 {
			t.Errorf("connecting anew won %d messages", n)
		}
	})
}

func TestByteRateAndFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, func(o *session.Options) { o.ByteRate = session.Rate{PerSecond: 1000, Burst: 4000} })
		c := p.guest("one")
		ping := "PING|" + strings.Repeat("x", 994) // 1000 bytes with its LF
		for range 4 {
			if reply := c.do(ping); !strings.HasPrefix(reply, "OK|") {
				t.Error(reply)
			}
		}
		if reply := c.do(ping); !strings.HasPrefix(reply, "ERROR|rate-limited|1 second to wait") {
			t.Error(reply)
		}
		time.Sleep(2 * time.Second)
		if reply := c.do(ping); !strings.HasPrefix(reply, "OK|") {
			t.Error(reply)
		}
		for range 4 {
			c.do(ping)
		}
		c.send(ping)
		c.want("ERROR|rate-limited|")
		c.want("BYE|flood|")
		c.wantEnd()
	})
}

func TestBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, func(o *session.Options) {
			o.Errors, o.Refused = 3, 5
			o.CommandRate = session.Rate{PerSecond: 0.01, Burst: 1}
		})
		c := p.guest("one")
		c.do("PING|")
		for range 3 {
			c.do("nonsense")
		}
		for range 5 { // has a budget of its own
			if reply := c.do("PING|"); !strings.HasPrefix(reply, "ERROR|rate-limited|") {
				t.Error(reply)
			}
		}
		time.Sleep(5 * time.Second) // gives one error back
		c.do("nonsense")
		c.send("nonsense")
		c.want("ERROR|bad-format|")
		c.want("BYE|too-many-errors|")
		c.wantEnd()

		c = p.guest("two")
		for range 5 {
			c.do("PING|")
		}
		c.send("PING|")
		c.want("ERROR|rate-limited|")
		c.want("BYE|flood|")
		c.wantEnd()
	})
}

// A reader that never reads is ended; nobody waits for it.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, func(o *session.Options) { o.OutboxBytes, o.WriteTimeout = 10000, 10*time.Second })
		stalled, talker := p.guest("stalled"), p.guest("talker")
		text := strings.Repeat("x", 1000)
		for range 30 {
			if reply := talker.do("MSG|" + text); !strings.HasPrefix(reply, "OK|") {
				t.Fatal(reply)
			}
		}
		synctest.Wait()
		if reply := talker.do("WHO|lobby"); reply != "OK|~stalled|~talker" && reply != "OK|~talker" {
			t.Error(reply)
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if reply := talker.do("WHO|lobby"); reply != "OK|~talker" {
			t.Errorf("the stalled session is there still: %s", reply)
		}
		stalled.Close()
	})
}

// A long answer waits for its reader, who takes it slowly but takes it: live
// events stay behind it, and the session lives.
func TestLongAnswerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, func(o *session.Options) { o.OutboxBytes, o.WriteTimeout = 20000, 10*time.Second })
		talker := p.guest("talker")
		text := strings.Repeat("x", 1000)
		for range 200 {
			talker.do("MSG|" + text)
		}
		reader := p.guest("reader")
		reader.send("HISTORY|lobby|after|0|500")
		synctest.Wait()
		talker.do("MSG|live")
		for i := range 200 {
			time.Sleep(100 * time.Millisecond)
			reader.want(fmt.Sprintf("MSG|%d|", i+1))
		}
		reader.want("OK|200")
		reader.want("MSG|201|")
		if reply := reader.do("PING|alive"); reply != "OK|alive" {
			t.Error(reply)
		}
	})
}

// An ejected session does not live on by reading a long answer slowly.
func TestEjectedDuringLongAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, []string{"alice"}, func(o *session.Options) { o.OutboxBytes, o.WriteTimeout = 5000, 10*time.Second })
		talker := p.guest("talker")
		for range 100 {
			talker.do("MSG|" + strings.Repeat("x", 1000))
		}
		reader := p.connect()
		reader.do("HELLO|alice|" + password)
		reader.send("HISTORY|lobby|after|0|500")
		reader.want("MSG|")
		synctest.Wait()
		if err := p.auth.EndSessions(t.Context(), "alice", "out"); err != nil {
			t.Fatal(err)
		}
		p.hub.Tail([]chat.Outcome{{Entry: chat.Entry{ID: 1 << 40, Kind: chat.SessionsEnded, Account: "alice", Text: "out"}, News: true, Done: func(chat.Entry, error) {}}})
		rest, err := io.ReadAll(reader.Reader)
		if lines := strings.Split(string(rest), "\n"); err != nil || len(lines) > 50 || lines[len(lines)-2] != "BYE|ejected|out" {
			t.Errorf("%d lines, the last %q, %v", len(lines), lines[max(0, len(lines)-2)], err)
		}
	})
}

func TestDrainAnswersWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, nil)
		c := p.guest("one")
		idle := p.connect()
		c.send("MSG|a", "MSG|b", "PING|c")
		synctest.Wait()
		drained := make(chan struct{})
		go func() {
			p.service.Drain(context.Background())
			close(drained)
		}()
		c.want("OK|1")
		c.want("OK|2")
		c.want("OK|c")
		c.want("BYE|shutdown|")
		c.wantEnd()
		idle.want("BYE|shutdown|")
		idle.wantEnd()
		<-drained
		late := p.connect()
		late.wantEnd()
	})
}

func TestLogOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil, func(o *session.Options) { o.Errors = 2 })
		c := p.guest("one")
		p.log.Fail = chat.ErrUnavailable
		for range 5 { // costs no error budget
			if reply := c.do("MSG|x"); reply != "ERROR|busy|1 second to wait: nothing can be written now; try again" {
				t.Error(reply)
			}
		}
		p.log.Fail = io.ErrUnexpectedEOF
		if reply := c.do("MSG|x"); !strings.HasPrefix(reply, "ERROR|internal|") || strings.Contains(reply, "EOF") {
			t.Error(reply)
		}
		p.log.Fail = nil
		if reply := c.do("MSG|x"); reply != "OK|1" {
			t.Error(reply)
		}
	})
}
