package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestSlowReader: who never reads is ended; nobody waits for them, and what they missed is there.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "16KiB")...)
	addUsers(s, "alice", "bob", "stuck")
	alice, bob, stuck := s.SignIn("alice"), s.SignIn("bob"), s.SignIn("stuck")
	drop(alice, bob)
	text := strings.Repeat("x", 1990)
	var said, heard []int64
	isEnded := func() bool {
		for line := range strings.Lines(s.Log()) {
			if strings.Contains(line, stuck.Session()) && strings.Contains(line, `"disconnected"`) {
				if !strings.Contains(line, `"slow"`) {
					t.Fatalf("ended otherwise: %s", line)
				}
				return true
			}
		}
		return false
	}
	// The sockets between hold some megabytes.
	for n := 0; !isEnded(); n++ {
		if n > 2000 {
			t.Fatal("a reader that never reads is kept for ever")
		}
		const some = 25 // that bob reads before the next are said, and so is never slow
		said = append(said, sayAll(t, alice, "lobby", numbered(text, some)...)...)
		for range some {
			heard = append(heard, parse(t, bob.Await("MSG|")).id)
		}
	}
	if !slices.Equal(said, heard) {
		t.Errorf("bob heard %d of %d, or not in order", len(heard), len(said))
	}
	lines, _ := stuck.Rest() // what was under way, and BYE where that still went through
	got := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "MSG|") && len(line) > len(text) {
			got++
		}
	}
	if got == 0 || got >= len(said) {
		t.Errorf("%d of %d messages came to who did not read", got, len(said))
	}
	stuck = s.SignIn("stuck")
	if list := answer(t, stuck, "HISTORY|lobby"); list[len(list)-1].id != said[len(said)-1] {
		t.Error("what was missed is not in HISTORY")
	}
}

// TestLongAnswer: one's own answers, longer than the outbox, wait for room and end nothing.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "16KiB")...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	alice.Do("JOIN|room")
	ids := sayAll(t, alice, "room", slices.Repeat([]string{strings.Repeat("x", 2000)}, 500)...)
	bob.Do("JOIN|room")
	const asks = 10 // ten megabytes
	bob.Send(slices.Repeat([]string{"HISTORY|room|after|0|500"}, asks)...)
	// While bob does not read, the others go on, and what they say waits for bob.
	live := sayAll(t, alice, "lobby", "one", "two", "three")
	for range asks {
		if got := bob.Reply(); got != "OK|500" {
			t.Fatal(got)
		}
	}
	drop := 0
	var heard []int64
	for _, line := range bob.Events {
		if e := (event{}); strings.HasPrefix(line, "MSG|") {
			if e = parse(t, line); e.room == "room" {
				drop++
			} else {
				heard = append(heard, e.id)
			}
		}
	}
	for len(heard) < len(live) {
		bob.Events = nil
		heard = append(heard, parse(t, bob.Await("MSG|")).id)
	}
	if drop != asks*len(ids) || !slices.Equal(heard, live) {
		t.Errorf("%d messages of history and live %d, want %d and %d", drop, heard, asks*len(ids), live)
	}
}

// TestNeverReadsAnswers: who asks and asks and never reads is cut off by the write timeout.
func TestNeverReadsAnswers(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "16KiB", "--write-timeout", "1s")...)
	addUsers(s, "alice", "stuck")
	alice := s.SignIn("alice")
	sayAll(t, alice, "lobby", slices.Repeat([]string{strings.Repeat("x", 2000)}, 500)...)
	stuck := s.SignIn("stuck") // who has not heard them live
	stuck.Send(slices.Repeat([]string{"HISTORY|lobby|after|0|500"}, 60)...)
	logged(t, s, `"disconnected"`, stuck.Session())
	hold(t, alice, []exchange{{"MSG|nothing noticed", "OK|*"}, {"WHO|lobby", "OK|alice|stuck"}}) // stuck may be back within 10 s
	resume(s, "stuck", stuck.Token())
}

// TestAnswersWaitForReader: who does not take the answers gets no more of them
// made: the server stops reading instead of keeping them.
func TestAnswersWaitForReader(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "16KiB", "--write-timeout", "0")...)
	s.User("stuck")
	stuck := s.SignIn("stuck")
	const most = 64 << 20 // far more than the sockets between hold
	line := "PING|" + strings.Repeat("x", 4000) + "\n"
	sent := 0
	for err := error(nil); err == nil; {
		if sent > most {
			t.Fatalf("the server took %d bytes of lines and keeps the answers", sent)
		}
		var n int
		stuck.TLS.SetWriteDeadline(time.Now().Add(time.Second))
		n, err = stuck.TLS.Write([]byte(line))
		sent += n
	}
	for range sent/len(line) - 1 { // the last may have come in part
		if got := stuck.Reply(); got != "OK|"+line[len("PING|"):len(line)-1] {
			t.Fatalf("%.100q", got)
		}
	}
}
