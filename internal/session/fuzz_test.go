package session_test

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"parley/internal/session"
	"parley/protocol"
)

// vocabulary is what FuzzSession makes lines of: each byte of its input picks one.
var vocabulary = []string{
	"HELLO|alice|" + password, "HELLO|bob|" + password, "HELLO|alice|wrong", "HELLO|guest", "HELLO|", "HELLO||", "HELLO|alice|pt1.AAAA",
	"MSG|hi", "MSG|", "MSG|\x00", "MSG|\xff", "MSG|a|b", "EXIT|", "EXIT|x",
	"JOIN|den", "JOIN|lobby", "JOIN|Den", "JOIN|", "LEAVE|den", "LEAVE|lobby",
	"SEND|den|k|x", "SEND|@bob|k|x", "SEND|@alice||x", "SEND|lobby|k|x", "SEND|@nobody||x", "SEND|lobby|x", "SEND|lobby|k y|x",
	"WHO|lobby", "WHO|den", "WHO|lobby|alice", "WHO|", "LIST|", "LIST|@bob", "LIST|~",
	"HISTORY|lobby", "HISTORY|den", "HISTORY|@bob", "HISTORY|lobby|after|0|500", "HISTORY|lobby|before|9|5", "HISTORY|lobby|after|-1|5",
	"FIND|lobby|hi", "FIND|den|\"", "FIND|lobby|", "PASSWD|short", "PASSWD|" + password + " too", "EJECT|bob|out", "EJECT|bob",
	"PING|", "PING|x|y", "HELP|", "HELP|x", "", "nonsense", "|", "NOPE|", strings.Repeat("x", 5000), "GET / HTTP/1.1", "\r", "MSG|cr\r",
}

var replyLine = regexp.MustCompile(`^(OK\|.*|ERROR\|[a-z-]+\|[^|].*)$`)

// FuzzSession sends any sequence of lines, and any bytes, to a session: it does
// not panic, answers each line once and in order, and says nothing but ERROR before a good HELLO.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 7, 12}, []byte(nil))
	f.Add([]byte{7, 0, 7, 8, 14, 20, 27, 31, 34, 40, 47, 12}, []byte(nil))
	f.Add([]byte{3, 7, 14, 27, 31, 46, 47, 49}, []byte("MSG|half"))
	f.Add([]byte{55}, bytes.Repeat([]byte("z"), 70000))
	all := make([]byte, len(vocabulary))
	for i := range all {
		all[i] = byte(i)
	}
	f.Add(all, []byte("\n\n|\nEXIT|\n"))
	f.Fuzz(func(t *testing.T, picks, raw []byte) {
		if len(picks) > 200 || len(raw) > 100000 {
			return
		}
		synctest.Test(t, func(t *testing.T) { converse(t, picks, raw) })
	})
}

func converse(t *testing.T, picks, raw []byte) {
	p := newPlace(t, []string{"alice", "bob"}, func(o *session.Options) { o.Errors = 30 })
	var in bytes.Buffer
	for _, b := range picks {
		in.WriteString(vocabulary[int(b)%len(vocabulary)] + "\n")
	}
	in.Write(raw)
	sent := in.String()
	c := p.connect()
	go func() {
		io.Copy(c.Conn, &in)
		// The PING ends a piece without an LF; EXIT ends the session in every state.
		io.WriteString(c, "PING|end of what was sent\nEXIT|\n")
	}()
	out, _ := io.ReadAll(c.Reader)
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	check(t, sent, lines)
}

func check(t *testing.T, sent string, lines []string) {
	replies, signedIn := 0, false
	for i, line := range lines {
		switch {
		case replyLine.MatchString(line):
			replies++
			if strings.HasPrefix(line, "OK|") && !signedIn {
				signedIn = true
				if !regexp.MustCompile(`^OK\|[0-9a-f-]{36}\|[^|]*\|(lobby|den)?$`).MatchString(line) {
					t.Fatalf("before HELLO: %q", line)
				}
			}
		case strings.HasPrefix(line, "BYE|"):
			if i != len(lines)-1 {
				t.Fatalf("%q is followed by %q", line, lines[i+1])
			}
		case !signedIn:
			t.Fatalf("before HELLO: %q", line)
		default:
			parsed, err := protocol.Parse([]byte(line))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if _, known, err := protocol.ParseEvent(parsed); !known || err != nil {
				t.Fatalf("%q is no event: %v", line, err)
			}
		}
	}
	last := lines[len(lines)-1]
	early := strings.HasPrefix(last, "BYE|") || last == "OK|bye" || strings.HasPrefix(last, "ERROR|hello-first|") || strings.HasPrefix(last, "ERROR|bad-format|this is not a web")
	want := strings.Count(sent, "\n") + 2
	if replies > want || !early {
		t.Fatalf("%d replies to %d lines; the last is %q", replies, want, last)
	}
	if last == "OK|bye" && !strings.Contains(sent, "EXIT|") && replies != want {
		t.Fatalf("%d replies to %d lines", replies, want)
	}
}
