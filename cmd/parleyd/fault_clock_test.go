package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// TestClockJumps: the server's clock is set to and fro by years while people talk. Ids grow, times
// never go back, nobody is cut off or held up, and nothing acknowledged is lost.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	rounds := 1
	if os.Getenv("PARLEY_SOAK") != "" {
		rounds = 30
	}
	const talkers = 3
	s := parleytest.Start(t, "--msg-rate", "0", "--byte-rate", "0")
	clock := takeClock(t, s)
	book := newBook()
	book.pace = time.Millisecond
	witness := hear(t, s, "witness")
	book.talkers(t, s, talkers)
	s.User("probe")
	for range rounds {
		for _, by := range []time.Duration{time.Hour, -time.Hour, 10 * year, 0, -day, -10 * year, 0} {
			clock.jump(by)
			probe := s.SignIn("probe")
			if shown := signedInAt(t, s, probe.Session()); shown.Sub(time.Now().Add(by)).Abs() > parleytest.Patience {
				t.Fatalf("the clock did not jump by %v: it shows %v", by, shown)
			}
			probe.Do("EXIT|")
			book.more(t, 100)
		}
	}
	book.end()
	kept := readAs(t, s, "probe")
	book.compare(t, kept)
	witness.compare(t, kept)
	if n := book.dropped(talkers); n != 0 {
		t.Errorf("those who talked were cut off %d times", n)
	}
}

// TestClockAheadAndBack: what of an account's goes by the clock, and what does not; and what is left when
// the clock was ten years ahead for a while.
func TestClockAheadAndBack(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--msg-rate", "0.001", "--msg-burst", "2", "--login-timeout", "5m")
	clock := takeClock(t, s)
	addUsers(s, "alice", "bob", "carol", "dave")
	alice, before := s.SignIn("alice"), s.SignIn("bob")
	before.Close()
	hold(t, alice, []exchange{{"MSG|one", "OK|*"}, {"MSG|two", "OK|*"}, {"MSG|too fast", "rate-limited"}})
	dave := s.SignIn("dave")
	first := id(t, dave.Do("SEND|lobby|key|once, or twice"))
	stranger := s.Dial()

	clock.jump(10 * year)
	// Waits and rates are no business of the clock's.
	hold(t, alice, []exchange{{"MSG|too fast", "rate-limited"}, {"PASSWD|" + parleytest.Password + " indeed", "OK|"}})
	stranger.Hello("carol", parleytest.Password)
	// A token's seven days are, and its owner signs in by password.
	hold(t, s.Dial(), []exchange{{"HELLO|bob|" + before.Token(), "denied"}, {"HELLO|bob|" + parleytest.Password, "OK|*"}, {"EXIT|", "OK|bye"}})
	// So are a key's 24 hours.
	if again := id(t, dave.Do("SEND|lobby|key|once, or twice")); again <= first {
		t.Errorf("a key of ten years ago answers %d", again)
	}
	ahead := s.SignIn("bob")
	ahead.Close()
	resume(s, "bob", ahead.Token()).Do("EXIT|")

	clock.jump(0)
	back := s.SignIn("bob")
	hold(t, back, []exchange{{"MSG|what time is it?", "OK|*"}})
	back.Close()
	resume(s, "bob", back.Token()) // though the log's time is years after its end
	logged(t, s, "the clock is behind the log", `"level":"WARN"`)
	if ahead, _ := time.Parse(time.RFC3339, lastMessage(t, s).time); time.Until(ahead) < 9*year {
		t.Errorf("time went back: %v", ahead)
	}

	// What docs/operations.md advises brings it back.
	if code := s.Stop(); code != 0 {
		t.Fatal(code)
	}
	takeAdvice(t, s)
	s.Launch()
	hold(t, s.SignIn("carol"), []exchange{{"MSG|and now?", "OK|*"}})
	last := lastMessage(t, s)
	now, _ := time.Parse(time.RFC3339, last.time)
	if last.text != "and now?" || time.Since(now).Abs() > parleytest.Patience {
		t.Errorf("after the repair it is %v: %q", now, last.text)
	}
	kept := readAs(t, s, "dave")
	inOrder(t, kept)
	var said []string
	for _, m := range kept {
		said = append(said, m.text)
	}
	if want := []string{"one", "two", "once, or twice", "once, or twice", "what time is it?", "and now?"}; !slices.Equal(said, want) {
		t.Errorf("%q is there, want %q", said, want)
	}
	t.Logf("%d messages acknowledged and kept; lost: a resume token and a key of SEND from before the jump", len(said))
}

// lastMessage is the lobby's newest.
func lastMessage(t *testing.T, s *parleytest.Server) message {
	t.Helper()
	list := readAs(t, s, "dave")
	return list[len(list)-1]
}

// takeAdvice does what docs/operations.md says for when the clock was ahead.
func takeAdvice(t *testing.T, s *parleytest.Server) {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), `sqlite3 DIR/parley.db "UPDATE log`)
	advice, _, ended := strings.Cut(rest, `"`)
	if !found || !ended {
		t.Fatal("docs/operations.md has no advice")
	}
	db, err := sql.Open("sqlite", filepath.Join(s.Data, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE log" + advice); err != nil {
		t.Fatal(err)
	}
}

// signedInAt is when the server's log says that this session signed in.
func signedInAt(t *testing.T, s *parleytest.Server, session string) (at time.Time) {
	t.Helper()
	eventually(t, "the sign-in is logged", func() bool {
		for line := range strings.Lines(s.Log()) {
			var entry struct {
				Time         time.Time
				Msg, Session string
			}
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Session == session && entry.Msg == "signed in" {
				at = entry.Time
				return true
			}
		}
		return false
	})
	return at
}
