package main

import (
	"fmt"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestExpel: who is expelled is out in all sessions, and over restarts.
func TestExpel(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "maker", "bob", "carol")
	s.User("chief", "--admin")
	maker, bob, bob2, carol := s.SignIn("maker"), s.SignIn("bob"), s.SignIn("bob"), s.SignIn("carol")
	guest := s.Dial()
	guest.Do("HELLO|guest")
	for _, c := range []*parleytest.Conn{maker, bob, carol, guest} {
		c.Do("JOIN|den")
	}
	for _, c := range []*parleytest.Conn{maker, bob, bob2, carol, guest} {
		noted(c)
	}
	hold(t, carol, []exchange{{"EXPEL|den|bob", "forbidden"}, {"EXPEL|den|maker", "forbidden"}})
	hold(t, maker, []exchange{{"EXPEL|den|bob", "OK|"}})
	for _, c := range []*parleytest.Conn{bob, bob2} {
		hears(t, "bob", c, "LEAVE|den|bob", "NOTE|maker*den")
		hold(t, c, []exchange{{"SEND|den||x", "not-member"}, {"HISTORY|den", "not-member"}, {"LIST|", "OK|lobby:*"}})
	}
	for _, c := range []*parleytest.Conn{maker, carol, guest} {
		hears(t, "a member", c, "LEAVE|den|bob")
	}
	hold(t, bob, []exchange{{"MSG|x", "not-member"}})
	token := bob.Token()
	bob.Close()
	bob = s.Dial().Hello("bob", token)
	if bob.Fields[2] != "lobby" {
		t.Errorf("a session whose account was expelled is resumed in %s", bob.Fields[2])
	}
	// The room is open: they can come back.
	hold(t, bob, []exchange{{"JOIN|den", "OK|den|4|*"}})
	noted(guest)
	hold(t, maker, []exchange{{"EXPEL|den|~guest", "OK|"}, {"EXPEL|den|~guest", "OK|"}, {"EXPEL|den|~stranger", "no-such-user"}})
	hears(t, "the guest", guest, "LEAVE|den|~guest", "NOTE|maker*den")
	hold(t, guest, []exchange{{"MSG|x", "not-member"}, {"HISTORY|den", "not-member"}, {"JOIN|den", "OK|den|4|*"}})

	bob.Do("EXIT|")
	bob2.Do("EXIT|")
	noted(carol)
	hold(t, s.SignIn("chief"), []exchange{{"EXPEL|den|bob", "OK|"}, {"EXPEL|den|bob", "OK|"}})
	hears(t, "carol", carol) // bob was not there
	for _, restart := range restarts {
		hold(t, s.SignIn("bob"), []exchange{{"LIST|", "OK|lobby:*"}, {"HISTORY|den", "not-member"}, {"LIST|*", "OK|den:*"}})
		restart.end(s)
		s.Launch()
	}
}

// TestExpelUnderReading: a HISTORY under way ends early, and what was asked behind it is refused.
func TestExpelUnderReading(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "maker", "bob")
	maker, bob := s.SignIn("maker"), s.SignIn("bob")
	maker.Do("JOIN|den")
	bob.Do("JOIN|den")
	for range 10 { // a megabyte: more than the outbox holds
		sayAll(t, maker, "den", numbered(strings.Repeat("x", 1990), 50)...)
	}
	drop(bob)
	const asked = 30 // more than the sockets hold
	for range asked {
		bob.Send("HISTORY|den|after|0|500")
	}
	bob.Line() // it is under way, and stops here for want of a reader
	hold(t, maker, []exchange{{"EXPEL|den|bob", "OK|"}, {"SEND|den||among ourselves", "OK|*"}})
	full, refused, left := 0, 0, false
	for replies := 0; replies < asked; {
		switch line := bob.Line(); {
		case line == "LEAVE|den|bob":
			left = true
		case strings.HasPrefix(line, "MSG|") && (left || strings.HasSuffix(line, "among ourselves")):
			t.Fatalf("%.80q after the LEAVE", line)
		case line == "OK|500":
			full++
			replies++
		case strings.HasPrefix(line, "ERROR|not-member|"):
			refused++
			replies++
		case strings.HasPrefix(line, "OK|"):
			replies++
		}
	}
	if full+1 < asked-refused || refused == 0 || !left {
		t.Errorf("%d whole answers and %d refusals to %d lines; told of the LEAVE: %v", full, refused, asked, left)
	}
	t.Logf("%d whole answers, %d refused", full, refused)
}

// TestExpelUnderSpeaking: what somebody is saying while they are expelled comes before their LEAVE, or not at all; so do topics.
func TestExpelUnderSpeaking(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests", "--max-sessions", "0", "--outbox-bytes", "8MiB")...)
	addUsers(s, "maker", "bob", "carol")
	maker, carol := s.SignIn("maker"), s.SignIn("carol")
	maker.Do("JOIN|den")
	carol.Do("JOIN|den")
	carol.Do("SEND|den||x")
	guest := s.Dial()
	guest.Do("HELLO|guest")
	for _, who := range []struct {
		name  string
		conns []*parleytest.Conn
	}{{"bob", []*parleytest.Conn{s.SignIn("bob"), s.SignIn("bob")}}, {"~guest", []*parleytest.Conn{guest}}} {
		for round := range 15 {
			who.conns[0].Do("JOIN|den")
			lines := []string{"SEND|den||round " + fmt.Sprint(round), "TOPIC|den|round " + fmt.Sprint(round)}
			said := talkUntil(t, who.conns, lines, "not-member", func() {
				for !strings.Contains(maker.Event(), "|"+who.name+"|round") {
				}
				hold(t, maker, []exchange{{"EXPEL|den|" + who.name, "OK|"}})
			})
			left := false
			for _, e := range noted(carol) {
				if left && strings.Contains(e, "|den|"+who.name+"|") {
					t.Fatalf("%q after the LEAVE", e)
				}
				left = left || e == "LEAVE|den|"+who.name
			}
			drop(maker)
			if n := answer(t, carol, "HISTORY|den"); !left || said == 0 || n[len(n)-1].user != who.name {
				t.Errorf("%d were said; told of the LEAVE: %v", said, left)
			}
		}
	}
}

// talkUntil has each session of a person say a line of its own, many times at once, until it is answered by this code,
// and says how often it was OK. meanwhile runs at the same time.
func talkUntil(t *testing.T, conns []*parleytest.Conn, lines []string, code string, meanwhile func()) (said int) {
	t.Helper()
	oks := make(chan int)
	for i, c := range conns {
		go func() {
			ok := 0
			defer func() { oks <- ok }()
			for over := false; !over; {
				const many = 20
				if _, err := c.TLS.Write([]byte(strings.Repeat(lines[i]+"\n", many))); err != nil {
					t.Error(err)
					return
				}
				for n := 0; n < many; {
					reply, err := c.TryLine(parleytest.Patience)
					if err != nil {
						t.Error(err)
						return
					}
					if !parleytest.IsReply(reply) {
						continue
					}
					n++
					if got := parleytest.Code(reply); strings.HasPrefix(got, "OK|") && !over {
						ok++
					} else if over = true; got != code {
						t.Errorf("%q, want %s from now on", reply, code)
					}
				}
			}
		}()
	}
	meanwhile()
	for range conns {
		said += <-oks
	}
	return said
}
