package main

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestOneAnswer: a wrong password and an unknown name get the same words after
// the same time. The measurement wants a quiet machine: PARLEY_SOAK=1.
func TestOneAnswer(t *testing.T) {
	pairs, cost := 5, "4"
	soak := os.Getenv("PARLEY_SOAK") != ""
	if soak {
		pairs, cost = 40, "10"
	} else {
		t.Parallel()
	}
	s := parleytest.Start(t, unlimited("--bcrypt-cost", cost, "--login-timeout", "0")...)
	addUsers(s, "alice", "off")
	s.Run("", "user", "disable", "off", "--data", s.Data)
	c := s.Dial()
	names := []string{"alice", "nobody", "off"}
	took := make(map[string][]time.Duration)
	var answer string
	for i := range pairs {
		for _, name := range names {
			began := time.Now()
			got := c.Do(fmt.Sprintf("HELLO|%s|wrong %d", name, i))
			took[name] = append(took[name], time.Since(began))
			if answer == "" {
				answer = got
			}
			if got != answer || parleytest.Code(got) != "denied" {
				t.Fatalf("%q for %s, %q before", got, name, answer)
			}
		}
	}
	median := func(name string) time.Duration {
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	unknown := median("nobody")
	for _, name := range names {
		ratio := float64(median(name)) / float64(unknown)
		t.Logf("%s: median %v, %.3f of an unknown name's", name, median(name), ratio)
		if soak && (ratio < 0.95 || ratio > 1.05) {
			t.Errorf("%s can be told from an unknown name", name)
		}
	}
}

// TestSignInStorm: beyond the hashing pool's queue, sign-ins are told to come back; who is in notices nothing.
func TestSignInStorm(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--bcrypt-cost", "11", "--bcrypt-workers", "1", "--bcrypt-queue", "2", "--max-unauth-per-ip", "0", "--login-timeout", "0")...)
	s.User("alice")
	alice := s.SignIn("alice")
	const n = 20
	conns := make([]*parleytest.Conn, n)
	for i := range conns {
		conns[i] = s.Dial()
	}
	for _, c := range conns {
		c.Send("HELLO|alice|wrong")
	}
	hold(t, alice, []exchange{{"MSG|nothing noticed", "OK|*"}})
	again := resume(s, "alice", alice.Token()) // a token needs no hashing
	hold(t, again, []exchange{{"PING|x", "OK|x"}})
	counts := make(map[string]int)
	for _, c := range conns {
		reply := c.Reply()
		if !isReply(reply, "denied") && !isReply(reply, "busy") {
			t.Errorf("%q", reply)
		}
		counts[parleytest.Code(reply)]++
	}
	if counts["busy"] < 1 || counts["denied"] < 3 {
		t.Errorf("%v of one worker and a queue of two", counts)
	}
	hold(t, conns[0], []exchange{{"HELLO|alice|" + parleytest.Password, "OK|*"}})
}
