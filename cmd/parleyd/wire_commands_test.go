package main

import (
	"regexp"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestCommands: every command, good and bad, in every state.
func TestCommands(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "bob")
	s.User("invited", "--invite")
	s.User("chief", "--admin")
	name32 := strings.Repeat("n", 32)
	text2000 := strings.Repeat("x", 2000)

	states := []struct {
		name  string
		enter func() *parleytest.Conn
		table []exchange
	}{
		{"not signed in", s.Dial, []exchange{
			{"MSG|x", "hello-first"}, {"JOIN|room", "hello-first"}, {"LEAVE|room", "hello-first"}, {"SEND|lobby||x", "hello-first"},
			{"WHO|lobby", "hello-first"}, {"LIST|", "hello-first"}, {"HISTORY|lobby", "hello-first"}, {"FIND|lobby|x", "hello-first"},
			{"LIST|*", "hello-first"}, {"SEEN|lobby|1", "hello-first"}, {"TOPIC|lobby", "hello-first"}, {"LOCK|lobby", "hello-first"}, {"OPEN|lobby", "hello-first"}, {"INVITE|lobby|bob", "hello-first"}, {"EXPEL|lobby|bob", "hello-first"}, {"DELETE|1", "hello-first"}, {"MUTE|bob|1", "hello-first"},
			{"PASSWD|something new and long", "hello-first"}, {"EJECT|bob|x", "hello-first"}, {"PING|x", "hello-first"}, {"HELP|", "hello-first"},
			{"NOSUCH|", "hello-first"}, {"HELLO|", "bad-data"}, {"HELLO|Alice|x", "bad-data"}, {"HELLO|~bob|x", "bad-data"},
			{"HELLO|@bob|x", "bad-data"}, {"HELLO|.bob|x", "bad-data"}, {"HELLO|" + name32 + "n|x", "bad-data"},
			{"HELLO|alice|\x01", "bad-text"}, {"HELLO|alice|", "denied"}, {"HELLO|alice|wrong", "denied"}, {"HELLO|nobody|wrong", "denied"},
			{"HELLO|" + name32 + "|wrong", "denied"}, {"HELLO|alice|pt1.", "denied"}, {"HELLO|alice|pt1.|x", "denied"},
			{"HELLO|alice|" + parleytest.Password + " ", "denied"}, {"HELLO|alice|" + strings.ToUpper(parleytest.Password), "denied"},
		}},
		{"signed in", func() *parleytest.Conn { return s.SignIn("alice") }, []exchange{
			{"HELLO|alice|" + parleytest.Password, "already-hello"}, {"HELLO|", "already-hello"}, {"HELLO|guest", "already-hello"},
			{"MSG|text", "OK|*"}, {"MSG|a|b", "OK|*"}, {"MSG||", "OK|*"}, {"MSG|" + text2000, "OK|*"}, {"MSG|", "empty"},
			{"MSG|" + text2000 + "x", "too-long"}, {"MSG|\a", "bad-text"},
			{"JOIN|room", "OK|room|1|0"}, {"JOIN|room", "OK|room|1|0"}, {"JOIN|lobby", "OK|lobby|4|*"}, {"JOIN|" + name32, "OK|" + name32 + "|1|0"},
			{"JOIN|", "bad-data"}, {"JOIN|Room", "bad-data"}, {"JOIN|@bob", "bad-data"}, {"JOIN|a|b", "bad-data"}, {"JOIN|" + name32 + "n", "bad-data"},
			{"LEAVE|" + name32, "OK|" + name32}, {"LEAVE|" + name32, "not-member"}, {"LEAVE|lobby", "forbidden"}, {"LEAVE|", "bad-data"}, {"LEAVE|@bob", "bad-data"},
			{"SEND|room||x", "OK|*"}, {"SEND|room|k-_9Z|x|y", "OK|*"}, {"SEND|@bob||x", "OK|*"}, {"SEND|room|" + strings.Repeat("k", 64) + "|x", "OK|*"},
			{"SEND|room|" + strings.Repeat("k", 65) + "|x", "bad-data"}, {"SEND|room|k k|x", "bad-data"}, {"SEND|room|k.|x", "bad-data"},
			{"SEND|room|x", "bad-data"}, {"SEND|room", "bad-data"}, {"SEND|", "bad-data"}, {"SEND|||x", "bad-data"}, {"SEND|@||x", "bad-data"},
			{"SEND|@@bob||x", "bad-data"}, {"SEND|@~bob||x", "bad-data"}, {"SEND|room||", "empty"}, {"SEND|room|k| ", "empty"},
			{"SEND|room||" + text2000 + "x", "too-long"}, {"SEND|room||a\u202eb", "bad-text"}, {"SEND|elsewhere||x", "not-member"}, {"SEND|@nobody||x", "no-such-user"},
			{"WHO|lobby", "OK|alice"}, {"WHO|lobby|aaron", "OK|alice"}, {"WHO|lobby|alice", "OK|"}, {"WHO|", "bad-data"}, {"WHO|elsewhere", "not-member"},
			{"WHO|lobby|", "bad-data"}, {"WHO|lobby|a|b", "bad-data"}, {"WHO|@bob", "bad-data"}, {"WHO|Lobby", "bad-data"},
			{"LIST|", "OK|@bob:*|lobby:*|room:*"}, {"LIST|lobby", "OK|room:*"}, {"LIST|@bob", "OK|lobby:*|room:*"}, {"LIST|room", "OK|"}, {"LIST|A", "bad-data"}, {"LIST|a|b", "bad-data"},
			{"HISTORY|room", "OK|3"}, {"HISTORY|room|after|0|1", "OK|1"}, {"HISTORY|room|before|1|500", "OK|0"}, {"HISTORY|@bob", "OK|1"}, {"HISTORY|@chief", "OK|0"},
			{"HISTORY|", "bad-data"}, {"HISTORY|room|after", "bad-data"}, {"HISTORY|room|after|0", "bad-data"}, {"HISTORY|room|since|0|5", "bad-data"},
			{"HISTORY|room|after|0|5|6", "bad-data"}, {"HISTORY|room|after|0|0", "bad-data"}, {"HISTORY|room|after|0|501", "bad-data"}, {"HISTORY|room|after||5", "bad-data"},
			{"HISTORY|room|AFTER|0|5", "bad-data"}, {"HISTORY|elsewhere", "not-member"}, {"HISTORY|@nobody", "no-such-user"}, {"HISTORY|@", "bad-data"},
			{"FIND|room|x", "OK|3"}, {"FIND|room|x y", "OK|1"}, {"FIND|room|nowhere", "OK|0"}, {"FIND|@bob|x", "OK|1"}, {"FIND|room|", "empty"}, {"FIND|room|  ", "empty"},
			{"FIND|room", "bad-data"}, {"FIND|", "bad-data"}, {"FIND|elsewhere|x", "not-member"}, {"FIND|@nobody|x", "no-such-user"}, {"FIND|room|\x02", "bad-text"},
			{"PASSWD|short", "weak-password"}, {"PASSWD|", "weak-password"}, {"PASSWD|a control\x01character in it", "bad-text"},
			{"PASSWD|the name alice is in here somewhere", "weak-password"}, {"PASSWD|passwordpassword", "weak-password"},
			{"JOIN|room|", "bad-data"}, {"JOIN|room|open", "bad-data"}, {"JOIN|room|LOCKED", "bad-data"}, {"JOIN|room|locked", "forbidden"}, {"JOIN|lobby|locked", "forbidden"}, {"JOIN|room|locked|", "bad-data"},
			{"LIST|*", "OK|" + name32 + ":0"}, {"LIST|*|", "bad-data"}, {"LIST|*|Room", "bad-data"}, {"LIST|*|@bob", "bad-data"}, {"LIST|*|a|b", "bad-data"}, {"LIST|*|oo", "OK|"}, {"LIST|**", "bad-data"},
			{"SEEN|room|1", "OK|room|*"}, {"SEEN|@bob|0", "OK|@bob|0"}, {"SEEN|room", "bad-data"}, {"SEEN|", "bad-data"}, {"SEEN|room|", "bad-data"}, {"SEEN|room|-1", "bad-data"},
			{"SEEN|room|01", "bad-data"}, {"SEEN|room|9223372036854775808", "bad-data"}, {"SEEN|Room|1", "bad-data"}, {"SEEN|room|1|2", "bad-data"}, {"SEEN|elsewhere|1", "not-member"},
			{"SEEN|@nobody|1", "no-such-user"}, {"SEEN|@|1", "bad-data"},
			{"TOPIC|room", "OK|"}, {"TOPIC|room|a|b", "OK|"}, {"TOPIC|room", "OK|a|b"}, {"TOPIC|room|" + strings.Repeat("é", 200), "OK|"}, {"TOPIC|room|" + strings.Repeat("é", 200) + "x", "too-long"},
			{"TOPIC|room|\x01", "bad-text"}, {"TOPIC|room|\u202e", "bad-text"}, {"TOPIC|room| ", "empty"}, {"TOPIC|room|", "OK|"}, {"TOPIC|room", "OK|"}, {"TOPIC|", "bad-data"}, {"TOPIC|@bob", "bad-data"},
			{"TOPIC|@bob|x", "bad-data"}, {"TOPIC|elsewhere", "not-member"}, {"TOPIC|elsewhere|x", "not-member"},
			{"LOCK|room", "OK|room"}, {"LOCK|room", "OK|room"}, {"OPEN|room", "OK|room"}, {"OPEN|room", "OK|room"}, {"LOCK|lobby", "forbidden"}, {"OPEN|lobby", "forbidden"}, {"LOCK|", "bad-data"},
			{"LOCK|@bob", "bad-data"}, {"OPEN|@bob", "bad-data"}, {"LOCK|room|x", "bad-data"}, {"OPEN|room|x", "bad-data"}, {"LOCK|elsewhere", "not-member"}, {"OPEN|elsewhere", "not-member"},
			{"INVITE|room|bob", "OK|"}, {"INVITE|room|bob", "OK|"}, {"INVITE|room|alice", "OK|"}, {"INVITE|room|nobody", "no-such-user"}, {"INVITE|room|~nobody", "no-such-user"}, {"INVITE|room|@bob", "bad-data"},
			{"INVITE|room", "bad-data"}, {"INVITE|room|", "bad-data"}, {"INVITE|room|bob|x", "bad-data"}, {"INVITE|@bob|bob", "bad-data"}, {"INVITE|elsewhere|bob", "not-member"}, {"INVITE|lobby|bob", "OK|"},
			{"EXPEL|room|bob", "OK|"}, {"EXPEL|room|bob", "OK|"}, {"EXPEL|room|nobody", "no-such-user"}, {"EXPEL|room|~nobody", "no-such-user"}, {"EXPEL|room|@bob", "bad-data"}, {"EXPEL|room", "bad-data"},
			{"EXPEL|room|bob|x", "bad-data"}, {"EXPEL|lobby|bob", "forbidden"}, {"EXPEL|elsewhere|bob", "not-member"}, {"EXPEL|@bob|bob", "bad-data"},
			{"DELETE|", "bad-data"}, {"DELETE|x", "bad-data"}, {"DELETE|-1", "bad-data"}, {"DELETE|01", "bad-data"}, {"DELETE|1|2", "bad-data"}, {"DELETE|9223372036854775808", "bad-data"},
			{"DELETE|0", "forbidden"}, {"DELETE|9223372036854775807", "forbidden"},
			{"MUTE|bob|1", "forbidden"}, {"MUTE|bob|x", "bad-data"}, {"MUTE|bob", "bad-data"}, {"MUTE|", "bad-data"}, {"MUTE|bob|1|2", "bad-data"}, {"MUTE|@bob|1", "bad-data"},
			{"EJECT|bob|why not", "forbidden"}, {"EJECT|bob", "bad-data"}, {"EJECT|", "bad-data"},
			{"PING|", "OK|"}, {"PING|x|y", "OK|x|y"}, {"PING|\x01", "bad-text"}, {"PING|" + strings.Repeat("x", 4000), "OK|" + strings.Repeat("x", 4000)},
			{"HELP|", "OK|HELLO|MSG|*"}, {"HELP|me", "bad-data"}, {"LIST", "bad-format"}, {"NOSUCH|x", "unknown-command"}, {"OK|x", "unknown-command"},
			{"EXIT|now", "bad-data"}, {"PING|still here", "OK|still here"},
		}},
		{"invited", func() *parleytest.Conn {
			c := s.Dial().Hello("invited", parleytest.Password)
			if c.Token() != "" || c.Fields[2] != "" {
				t.Errorf("an invited account got %q", c.Fields)
			}
			return c
		}, []exchange{
			{"MSG|x", "password-change"}, {"JOIN|room", "password-change"}, {"LEAVE|room", "password-change"}, {"SEND|lobby||x", "password-change"},
			{"WHO|lobby", "password-change"}, {"LIST|", "password-change"}, {"HISTORY|lobby", "password-change"}, {"FIND|lobby|x", "password-change"},
			{"LIST|*", "password-change"}, {"SEEN|lobby|1", "password-change"}, {"TOPIC|lobby", "password-change"}, {"LOCK|lobby", "password-change"}, {"OPEN|lobby", "password-change"}, {"INVITE|lobby|bob", "password-change"}, {"EXPEL|lobby|bob", "password-change"}, {"DELETE|1", "password-change"}, {"MUTE|bob|1", "password-change"},
			{"EJECT|bob|x", "password-change"}, {"HELLO|alice|x", "password-change"}, {"NOSUCH|", "password-change"}, {"PING|x", "OK|x"}, {"HELP|", "OK|HELLO|*"},
			{"PASSWD|short", "weak-password"}, {"PASSWD|" + parleytest.Password, "weak-password"}, {"MSG|x", "password-change"},
			{"PASSWD|a rather different passphrase", "OK|"}, {"MSG|x", "OK|*"}, {"EXIT|", "OK|bye"},
		}},
		{"guest", func() *parleytest.Conn {
			c := s.Dial()
			if got := c.Do("HELLO|visitor"); !matches("OK|*||lobby", got) {
				t.Errorf("%q", got)
			}
			return c
		}, []exchange{
			{"HELLO|again", "already-hello"}, {"MSG|x", "OK|*"}, {"JOIN|room", "OK|room|2|*"}, {"MSG|x", "OK|*"}, {"SEND|lobby|k|x", "OK|*"},
			{"WHO|room", "OK|alice|~visitor"}, {"LIST|", "OK|lobby:*|room:*"}, {"HISTORY|room|after|0|1", "OK|1"}, {"FIND|room|x", "OK|*"},
			{"SEND|@alice||x", "forbidden"}, {"HISTORY|@alice", "forbidden"}, {"FIND|@alice|x", "forbidden"}, {"PASSWD|something new and long", "forbidden"},
			{"LIST|*|room", "OK|"}, {"SEEN|room|1", "forbidden"}, {"SEEN|@alice|1", "forbidden"}, {"TOPIC|room", "OK|"}, {"TOPIC|room|x", "forbidden"}, {"TOPIC|room|", "forbidden"}, {"LOCK|room", "forbidden"},
			{"OPEN|room", "forbidden"}, {"INVITE|room|bob", "OK|"}, {"INVITE|room|~visitor", "no-such-user"}, {"EXPEL|room|alice", "forbidden"}, {"DELETE|1", "forbidden"}, {"MUTE|alice|1", "forbidden"},
			{"EJECT|alice|x", "forbidden"}, {"LEAVE|room", "OK|room"}, {"HISTORY|room", "not-member"}, {"MSG|x", "not-member"}, {"LEAVE|lobby", "forbidden"},
			{"PING|x", "OK|x"}, {"HELP|", "OK|HELLO|*"}, {"EXIT|", "OK|bye"},
		}},
		{"admin", func() *parleytest.Conn { return s.SignIn("chief") }, []exchange{
			{"EJECT|nobody|x", "no-such-user"}, {"EJECT|~nobody|x", "no-such-user"}, {"EJECT|Bob|x", "bad-data"}, {"EJECT||x", "bad-data"},
			{"MUTE|nobody|1", "no-such-user"}, {"MUTE|~nobody|1", "no-such-user"}, {"MUTE|bob|525600", "OK|"}, {"MUTE|bob|525601", "bad-data"}, {"MUTE|bob|-1", "bad-data"}, {"MUTE|bob|", "bad-data"},
			{"MUTE|bob|0", "OK|"}, {"MUTE|bob|0", "OK|"}, {"LOCK|elsewhere", "not-member"}, {"EXPEL|elsewhere|bob", "not-member"}, {"LOCK|lobby", "forbidden"},
			{"EJECT|bob|\x01", "bad-text"}, {"EJECT|bob|", "OK|0"}, {"EJECT|bob|no reason at all", "OK|0"}, {"EJECT|bob", "bad-data"},
		}},
	}
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			c := state.enter()
			c.T = t
			hold(t, c, state.table)
		})
	}
}

// TestHello: what a good HELLO answers.
func TestHello(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.Run("a | in the password | and more\n", "user", "add", "alice", "--data", s.Data)
	long := strings.Repeat("all of a long password counts, ", 120)
	s.Run(long+"1\n", "user", "add", "bob", "--data", s.Data)

	c := s.Dial().Hello("alice", "a | in the password | and more")
	if len(c.Fields) != 3 || !uuid.MatchString(c.Session()) || !strings.HasPrefix(c.Token(), "pt1.") || len(c.Token()) < 4+43 || c.Fields[2] != "lobby" {
		t.Errorf("%q", c.Fields)
	}
	other := s.Dial().Hello("alice", "a | in the password | and more")
	if other.Session() == c.Session() || other.Token() == c.Token() {
		t.Error("two sessions got the same id or token")
	}
	hold(t, s.Dial(), []exchange{
		{"HELLO|bob|" + long + "2", "denied"}, {"HELLO|bob|" + long, "denied"}, {"HELLO|bob|" + long[:72], "denied"}, {"HELLO|bob|" + long + "1", "OK|*"},
	})
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// TestOrderOfChecks: of two things wrong with a line, the one that is checked
// first is told: length, format, UTF-8, signed in, known command, rate, fields, membership.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--guests", "--command-rate", "0.001", "--command-burst", "1", "--msg-rate", "0.001", "--msg-burst", "1", "--errors", "0")
	addUsers(s, "alice", "bob", "carol")
	long := strings.Repeat("x", 4096)
	stranger := []exchange{
		{long, "too-long"},                     // and no |
		{"MSG|" + long, "too-long"},            // and not signed in
		{"msg|\xff", "bad-format"},             // and not UTF-8
		{"msg|x", "bad-format"},                // and not signed in
		{"MSG|\xff", "bad-text"},               // and not signed in
		{"NOSUCH|\xff", "bad-text"},            // and unknown
		{"NOSUCH|x", "hello-first"},            // and unknown
		{"HISTORY|a|b|c|d|e|f", "hello-first"}, // and too many fields
	}
	hold(t, s.Dial(), stranger)

	alice := s.SignIn("alice")
	hold(t, alice, []exchange{
		{"HISTORY|elsewhere|after|x|5", "bad-data"},                      // and not a member; this spends the one command
		{"NOSUCH|x", "unknown-command"},                                  // and too fast
		{"NOSUCH|\xff", "bad-text"},                                      // and unknown, and too fast
		{"nosuch|x", "bad-format"},                                       // and too fast
		{"PING|" + long, "too-long"},                                     // and too fast
		{"HISTORY|a|b", "rate-limited"},                                  // and bad fields
		{"WHO|elsewhere", "rate-limited"},                                // and not a member
		{"HELLO|alice|x", "already-hello"},                               // and not its time
		{"SEND|elsewhere|" + strings.Repeat("k", 65) + "|x", "bad-data"}, // and not a member; this spends the one message
		{"MSG|", "rate-limited"},                                         // and empty
		{"SEND|elsewhere||x", "rate-limited"},                            // and not a member
	})
	hold(t, s.SignIn("bob"), []exchange{{"SEND|elsewhere||", "empty"}})
	hold(t, s.SignIn("carol"), []exchange{{"SEND|@nobody||\a", "bad-text"}})
}

// TestText: which characters a text may hold.
func TestText(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	for _, good := range []string{
		"a", "\ta\t", "  leading and trailing  ", "|", "a|b||", "ünïcödé 漢字 עברית", "👩\u200d👩\u200d👧", "zero\u200cwidth", "\u200emark\u200f", "\u061carabic",
		"\ufeffbom", "\u00adsoft", strings.Repeat("é", 1000), "OK|123", "ERROR|busy|no", "' OR 1=1 --", "%s%n", "\ufffd", "\U0010fffd",
	} {
		said := alice.Do("MSG|" + good)
		if got := parse(t, bob.Await("MSG|")); got != (event{id(t, said), "lobby", "alice", good}) {
			t.Errorf("%q: %+v", good, got)
		}
	}
	var bad []exchange
	for r := range rune(0xa0) {
		if (r < 0x20 || r >= 0x7f) && r != '\t' && r != '\n' {
			bad = append(bad, exchange{"MSG|a" + string(r) + "b", "bad-text"})
		}
	}
	for _, r := range "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" {
		bad = append(bad, exchange{"MSG|a" + string(r) + "b", "bad-text"})
	}
	for _, b := range []string{"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"} {
		bad = append(bad, exchange{"MSG|a" + b + "b", "bad-text"}, exchange{"SEND|lobby||" + b, "bad-text"}, exchange{"PING|" + b, "bad-text"})
	}
	for _, blank := range []string{"", " ", "\t\t", "\u00a0", "\u2003\u3000"} {
		bad = append(bad, exchange{"MSG|" + blank, "empty"})
	}
	bad = append(bad, exchange{"MSG|" + strings.Repeat("é", 1000) + "x", "too-long"}, exchange{"MSG|a\r", "OK|*"}, exchange{"MSG|a\r\r", "bad-text"})
	hold(t, alice, bad)
	if got := parse(t, bob.Await("MSG|")); got.text != "a" {
		t.Errorf("a CR before the LF is dropped: %q", got.text)
	}
	quiet(t, bob)
}

// TestNumbers: numbers are digits, without sign, space, leading zero or overflow.
func TestNumbers(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("alice")
	var table []exchange
	for _, n := range []string{"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "1.0", "01", "00", "9223372036854775808", "99999999999999999999999", "١", "1_000", "one"} {
		table = append(table, exchange{"HISTORY|lobby|after|" + n + "|5", "bad-data"}, exchange{"HISTORY|lobby|before|" + n + "|5", "bad-data"},
			exchange{"HISTORY|lobby|after|0|" + n, "bad-data"})
	}
	for _, n := range []string{"0", "1", "9223372036854775807"} {
		table = append(table, exchange{"HISTORY|lobby|after|" + n + "|5", "OK|0"}, exchange{"HISTORY|lobby|before|" + n + "|5", "OK|0"})
	}
	hold(t, s.SignIn("alice"), table)
}
