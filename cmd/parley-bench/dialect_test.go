package main

import (
	"testing"
)

var dialects = map[string]dialect{"parley": parley{guests: true}, "irc": irc{}, "nats": nats{}}

// TestParse: each kind of line, whole and cut at every byte.
func TestParse(t *testing.T) {
	type got struct {
		kind             kind
		id               int64
		room, user, text string
	}
	for _, tt := range []struct {
		dialect, line string
		want          got
	}{
		{"parley", "MSG|12|2026-01-02T03:04:05.678Z|hall|~ann|a|b\n", got{message, 12, "hall", "~ann", "a|b"}},
		{"parley", "MSG|x|2026-01-02T03:04:05.678Z|hall|~ann|a\n", got{kind: other, room: "hall", user: "~ann", text: "a"}},
		{"parley", "MSG|12|2026-01-02T03:04:05.678Z|hall\n", got{kind: other, id: 12, room: "hall"}},
		{"parley", "OK|77\n", got{kind: reply, id: 77}},
		{"parley", "OK|f3|pt1.x|lobby\n", got{kind: reply}},
		{"parley", "ERROR|busy|3 s\n", got{kind: refusal}},
		{"parley", "BYE|slow|too slow\n", got{kind: refusal}},
		{"parley", "JOIN|hall|~ben\n", got{kind: other}},
		{"irc", ":ann!u@host PRIVMSG #hall :a b :c\r\n", got{message, 0, "hall", "ann", "a b :c"}},
		{"irc", "PING :tok en\r\n", got{kind: ping, text: ":tok en"}},
		{"irc", ":srv 001 ann :Welcome\r\n", got{kind: other}},
		{"irc", ":srv 433 * ann :Nickname is already in use\r\n", got{kind: refusal}},
		{"irc", ":srv 422 ann :No MOTD\r\n", got{kind: other}},
		{"irc", "ERROR :Closing link\r\n", got{kind: refusal}},
		{"nats", "MSG hall 1 5\r\nhello\r\n", got{kind: message, room: "hall", text: "hello"}},
		{"nats", "MSG hall 1 5\r\nhe\nlo\r\n", got{kind: message, room: "hall", text: "he\nlo"}},
		{"nats", "PING\r\n", got{kind: ping}},
		{"nats", "PONG\r\n", got{kind: reply}},
		{"nats", "-ERR 'Slow Consumer'\r\n", got{kind: refusal}},
		{"nats", "INFO {}\r\n", got{kind: other}},
	} {
		var e event
		b := []byte(tt.line + "more")
		if n := dialects[tt.dialect].parse(b, &e); n != len(tt.line) {
			t.Errorf("%s %q: %d bytes taken of %d", tt.dialect, tt.line, n, len(tt.line))
		}
		if have := (got{e.kind, e.id, string(e.room), string(e.user), string(e.text)}); have != tt.want {
			t.Errorf("%s %q: %+v, want %+v", tt.dialect, tt.line, have, tt.want)
		}
		for cut := range len(tt.line) {
			if n := dialects[tt.dialect].parse(b[:cut], &e); n != 0 {
				t.Errorf("%s %q: %d bytes taken of a part", tt.dialect, tt.line[:cut], n)
			}
		}
	}
}

// FuzzParse: whatever a server writes, parsing takes at most what is there and does not panic.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"MSG|1|t|r|u|x\n", "MSG \n", "MSG a b 99999999999999999999\r\n", ":\n", ": PRIVMSG #\n", ":a PRIVMSG #r \r\n", "\n", "OK|99999999999999999999\n", "MSG r 1 -5\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, d := range dialects {
			var e event
			if n := d.parse(b, &e); n < 0 || n > len(b) {
				t.Errorf("%s took %d of %d bytes", name, n, len(b))
			}
		}
	})
}
