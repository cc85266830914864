package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// hardly is a rate so small that nothing is given back during a test.
const hardly = "0.001"

// tally sends one line n times, pipelined, and counts the replies by OK or code.
func tally(t *testing.T, c *parleytest.Conn, line string, n int) map[string]int {
	t.Helper()
	c.Send(slices.Repeat([]string{line}, n)...)
	counts := make(map[string]int)
	for range n {
		reply := c.Reply()
		code := parleytest.Code(reply)
		if strings.HasPrefix(code, "OK|") {
			code = "OK"
		}
		if code == "rate-limited" && (seconds(reply) < 1 || seconds(reply) > 1000) {
			t.Errorf("no good number of seconds to wait: %q", reply)
		}
		counts[code]++
	}
	return counts
}

func counted(t *testing.T, what string, got map[string]int, ok, limited int) {
	t.Helper()
	if got["OK"] != ok || got["rate-limited"] != limited {
		t.Errorf("%s: %v, want %d OK and %d rate-limited", what, got, ok, limited)
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--guests", "--msg-rate", hardly, "--command-rate", hardly)
	addUsers(s, "alice", "bob", "carol")

	t.Run("forty messages at once pass", func(t *testing.T) {
		c := s.SignIn("alice")
		counted(t, "MSG", tally(t, c, "MSG|pasted", 60), 40, 20)
		counted(t, "SEND is the same rate", tally(t, c, "SEND|lobby||x", 5), 0, 5)
		counted(t, "other commands are another", tally(t, c, "PING|", 110), 100, 10)
		again := s.SignIn("alice")
		counted(t, "a new session wins nothing", tally(t, again, "MSG|x", 5), 0, 5)
		again.Do("EXIT|")
		counted(t, "nor does leaving and coming back", tally(t, s.SignIn("alice"), "MSG|x", 5), 0, 5)
		hold(t, c, []exchange{{"EXIT|", "OK|bye"}})
	})
	t.Run("ten sessions together get one account's rate", func(t *testing.T) {
		var mu sync.Mutex
		var all sync.WaitGroup
		sum := make(map[string]int)
		for range 10 {
			c := s.SignIn("bob")
			all.Go(func() {
				got := tally(t, c, "MSG|from one of ten", 10)
				mu.Lock()
				defer mu.Unlock()
				for code, n := range got {
					sum[code] += n
				}
			})
		}
		all.Wait()
		counted(t, "all together", sum, 40, 60)
	})
	t.Run("another account is another rate", func(t *testing.T) {
		counted(t, "MSG", tally(t, s.SignIn("carol"), "MSG|x", 41), 40, 1)
	})
	t.Run("guests' go by address", func(t *testing.T) {
		one, two, far := s.Dial(), s.Dial(), s.DialFrom("127.0.0.9")
		for name, c := range map[string]*parleytest.Conn{"one": one, "two": two, "far": far} {
			c.Do("HELLO|" + name)
		}
		counted(t, "one", tally(t, one, "MSG|x", 30), 30, 0)
		counted(t, "two", tally(t, two, "MSG|x", 30), 10, 20)
		counted(t, "from another address", tally(t, far, "MSG|x", 30), 30, 0)
	})
}

// TestDefaultRates: what the defaults promise to people.
func TestDefaultRates(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	s.User("alice")
	c := s.SignIn("alice")
	counted(t, "a paste of 40 lines", tally(t, c, "MSG|"+strings.Repeat("x", 2000), 40), 40, 0)

	// The wait that is told is enough, and the rate is given back.
	var refused string
	eventually(t, "more at once than that is refused", func() bool {
		const more = 60 // of which a slow disk holds none up: they wait for it together
		c.Send(slices.Repeat([]string{"MSG|more"}, more)...)
		for range more {
			if reply := c.Reply(); !strings.HasPrefix(reply, "OK|") {
				refused = reply
			}
		}
		return refused != ""
	})
	if parleytest.Code(refused) != "rate-limited" || seconds(refused) != 1 {
		t.Fatalf("%q", refused)
	}
	time.Sleep(time.Second)
	hold(t, c, []exchange{{"MSG|after the wait", "OK|*"}})
}

// TestFlood: who goes on and on beyond a rate is put out.
func TestFlood(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--byte-rate", "1", "--byte-burst", "20000", "--msg-rate", hardly, "--refused", "100")
	addUsers(s, "alice", "bob")

	t.Run("bytes", func(t *testing.T) {
		c := s.SignIn("alice")
		line := "PING|" + strings.Repeat("x", 1994) // 2000 bytes with its LF
		var replies []string
		c.Send(slices.Repeat([]string{line}, 30)...)
		for _, line := range ended(t, c, "BYE|flood|*") {
			if parleytest.IsReply(line) {
				replies = append(replies, parleytest.Code(line)[:2])
			}
		}
		// One burst passes, another is refused, then it is over.
		if want := append(slices.Repeat([]string{"OK"}, 10), slices.Repeat([]string{"ra"}, 11)...); len(replies) < 19 || len(replies) > 22 || !slices.Equal(replies[:9], want[:9]) {
			t.Errorf("%q", replies)
		}
	})
	t.Run("messages", func(t *testing.T) {
		c, began := s.SignIn("bob"), time.Now()
		c.Send(slices.Repeat([]string{"MSG|x"}, 3000)...)
		lines := ended(t, c, "BYE|flood|*")
		back := int(20 * time.Since(began).Seconds()) // of the refused, as time goes by
		if len(lines) < 40+100 || len(lines) > 40+100+20+back {
			t.Errorf("%d lines, of which %d at the most were given back", len(lines), back)
		}
	})
}

// TestErrorBudget: sixty refused lines, and not those that are nobody's fault.
func TestErrorBudget(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--msg-rate", hardly, "--max-sessions", "1", "--login-timeout", "5m")
	addUsers(s, "alice", "bob")
	for name, c := range map[string]*parleytest.Conn{"a stranger": s.Dial(), "signed in": s.SignIn("alice")} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			c.Send(slices.Repeat([]string{"nonsense"}, 100)...)
			lines := ended(t, c, "BYE|too-many-errors|*")
			if back := int(time.Since(began).Seconds() / 5); len(lines) < 61 || len(lines) > 65+back {
				t.Errorf("%d lines, with %d given back as time went by", len(lines), back)
			}
		})
	}
	t.Run("rate-limited does not count", func(t *testing.T) {
		c := s.SignIn("bob")
		counted(t, "MSG", tally(t, c, "MSG|x", 140), 40, 100)
		hold(t, c, []exchange{{"nonsense", "bad-format"}, {"PING|x", "OK|x"}})
	})
	t.Run("busy does not count", func(t *testing.T) {
		c := s.Dial()
		for range 80 {
			if got := c.Code("HELLO|bob|" + parleytest.Password); got != "busy" {
				t.Fatal(got)
			}
		}
		hold(t, c, []exchange{{"PING|x", "hello-first"}})
	})
}

// TestNoLimits: 0 is no limit.
func TestNoLimits(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-sessions", "0", "--max-unauth-per-ip", "0", "--max-conns-per-ip", "0", "--max-unauth", "0",
		"--max-conns", "0", "--login-timeout", "0", "--idle-timeout", "0", "--handshake-timeout", "0", "--write-timeout", "0", "--max-total-rooms", "0")...)
	s.User("alice")
	c := s.SignIn("alice")
	counted(t, "messages", tally(t, c, "MSG|"+strings.Repeat("x", 2000), 300), 300, 0) // 600 kB
	counted(t, "commands", tally(t, c, "PING|", 1000), 1000, 0)
	if got := tally(t, c, "nonsense", 500); got["bad-format"] != 500 {
		t.Errorf("errors: %v", got)
	}
	for range 30 {
		s.SignIn("alice")
		s.Dial()
	}
	stranger := s.Dial()
	for range 60 {
		if got := stranger.Code("HELLO|alice|wrong"); got != "denied" {
			t.Fatalf("%s with the throttle off", got)
		}
	}
	stranger.Hello("alice", parleytest.Password)
}

// TestThrottle: failed sign-ins make wait who failed, and nobody else.
func TestThrottle(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--max-unauth-per-ip", "0", "--login-timeout", "5m")
	addUsers(s, "alice", "bob")
	owner := s.SignIn("alice")
	hello := func(name, password string) string { return "HELLO|" + name + "|" + password }
	good := hello("alice", parleytest.Password)
	fail := func(name, network string) (address string) {
		wrong := hello(name, "wrong")
		return throttled(t, s, network, slices.Repeat([]string{wrong}, 5), wrong, hello(name, parleytest.Password))
	}
	alices, nobodys := fail("alice", "127.0.1."), fail("nobody", "127.0.2.") // no difference
	hold(t, s.DialFrom(alices), []exchange{{hello("bob", parleytest.Password), "OK|*"}})
	hold(t, s.Dial(), []exchange{{good, "OK|*"}})
	resume(s, "alice", owner.Token())

	var sprays string
	t.Run("spraying one password counts by address", func(t *testing.T) {
		var lines []string
		for _, name := range numbered("name", 50) {
			lines = append(lines, hello(name, "Summer2026!Summer2026!"))
		}
		sprays = throttled(t, s, "127.0.3.", lines, hello("another", "x"), good)
		resume(s, "alice", s.Dial().Hello("alice", parleytest.Password).Token())
	})
	t.Run("operators list and lift", func(t *testing.T) {
		listed := func(parts ...string) bool {
			for line := range strings.Lines(s.Run("", "throttle", "list", "--data", s.Data)) {
				if f := strings.Fields(line); f[0] == parts[0] && f[1] == parts[1] {
					return true
				}
			}
			return false
		}
		spray := []string{"(any)", sprays}
		if !listed("alice", alices) || !listed("nobody", nobodys) || !listed(spray...) {
			t.Error("who failed too often is not listed")
		}
		if out := s.Run("", "throttle", "lift", "alice", "--data", s.Data); out == "lifted 0\n" {
			t.Errorf("%q", out)
		}
		if listed("alice", alices) || !listed("nobody", nobodys) || !listed(spray...) {
			t.Error("alice's were to be lifted, and no others")
		}
		hold(t, s.DialFrom(alices), []exchange{{good, "OK|*"}})
		s.Run("", "throttle", "lift", "--address", sprays, "--data", s.Data)
		if listed(spray...) {
			t.Error("the address is still listed")
		}
		hold(t, s.DialFrom(sprays), []exchange{{good, "OK|*"}})
	})
}

// throttled has sign-ins fail from an address of the network, the last of which begins a wait that the next lines fall into, and returns
// the address. As the first wait is a second, they go in one piece; where a machine stands still for longer, another address tries.
func throttled(t *testing.T, s *parleytest.Server, network string, failing []string, next ...string) (address string) {
	t.Helper()
	say := func(c *parleytest.Conn, lines []string) (replies []string) {
		c.Send(lines...)
		for range lines {
			replies = append(replies, c.Reply())
		}
		return replies
	}
	lines, last := slices.Concat(failing, next), len(failing)-1
	for n := 1; n < 100; n++ {
		address = fmt.Sprint(network, n)
		c := s.DialFrom(address)
		replies := say(c, lines[:last])
		began := time.Now()
		replies = append(replies, say(c, lines[last:])...)
		if time.Since(began) >= time.Second {
			continue
		}
		for i, got := range replies {
			if want := map[bool]string{true: "denied", false: "throttled"}[i <= last]; !isReply(got, want) {
				t.Errorf("%s, line %d, %.40s: %q, want %s", address, i, lines[i], got, want)
			}
		}
		return address
	}
	t.Fatal("the machine never ran for a second")
	return ""
}
