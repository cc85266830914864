package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestLogRate: strangers fill the log no faster than they may; failed sign-ins and people who are in stay in it.
func TestLogRate(t *testing.T) {
	t.Parallel()
	const knocks, rate = 150, 1 // a second: too few for all of them, however long that takes
	for _, flag := range []int{0, rate} {
		t.Run(fmt.Sprint(flag), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			s := parleytest.Start(t, unlimited("--log-rate", fmt.Sprint(flag), "--max-unauth-per-ip", "0")...)
			s.User("alice")
			for range knocks {
				c, err := net.Dial("tcp", s.Addr)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(c, "no handshake\n")
				c.Read(make([]byte, 64)) // an alert: the line is written, or left out, when it closes
				c.Read(make([]byte, 64))
				c.Close()
			}
			if code := s.Dial().Code("HELLO|mallory|wrong"); code != "denied" {
				t.Fatal(code)
			}
			s.SignIn("alice").Close()
			eventually(t, "alice's end is logged", func() bool {
				return strings.Contains(s.Log(), `"msg":"disconnected","session":`) && strings.Contains(s.Log(), `"user":"alice","event":"session.close"`)
			})
			least := knocks
			if flag != 0 {
				least = flag * burstSeconds
			}
			eventually(t, "the last of the knocks is logged", func() bool { return strings.Count(s.Log(), "handshake failed") >= least })
			log := s.Log()
			failed, left := strings.Count(log, "handshake failed"), strings.Contains(log, "lines about strangers were left out")
			most := least
			if flag != 0 {
				most += flag * int(1+time.Since(began).Seconds())
			}
			if failed > most || left != (flag != 0) {
				t.Errorf("%d of %d failed handshakes are in the log, want %d to %d (left out: %v)", failed, knocks, least, most, left)
			}
			if !strings.Contains(log, `"name":"mallory","event":"signin.denied","command":"HELLO","code":"denied"`) || !strings.Contains(log, `"event":"signin.ok"`) {
				t.Error("a sign-in is missing")
			}
		})
	}
}
