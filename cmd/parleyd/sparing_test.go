package main

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestLogRate: strangers fill the log no faster than they may; failed sign-ins and people who are in stay in it.
func TestLogRate(t *testing.T) {
	t.Parallel()
	const knocks, rate = 150, 5
	for flag, bound := range map[string]int{"0": knocks, fmt.Sprint(rate): 2 * rate * burstSeconds} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			s := parleytest.Start(t, unlimited("--log-rate", flag)...)
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
			log := s.Log()
			failed, left := strings.Count(log, "handshake failed"), strings.Contains(log, "lines about strangers were left out")
			if failed > bound || failed < min(bound, rate*burstSeconds) || left != (flag != "0") {
				t.Errorf("%d of %d handshakes are in the log (left out: %v)", failed, knocks, left)
			}
			if !strings.Contains(log, `"name":"mallory","event":"signin.denied","command":"HELLO","code":"denied"`) || !strings.Contains(log, `"event":"signin.ok"`) {
				t.Error("a sign-in is missing")
			}
		})
	}
}
