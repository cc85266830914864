package session_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/session"
	"parley/protocol"
)

// vocabulary is what FuzzSession makes lines of: each byte of its first input picks one, and the bytes above it a numbered PING or, from
// rawFrom on, the next line of its second input.
var vocabulary = []string{
	"HELLO|alice|" + password, "HELLO|bob|" + password, "HELLO|carol|" + password, "HELLO|alice|wrong", "HELLO|guest", "HELLO|talker", "HELLO|", "HELLO||",
	"HELLO|alice|pt1.AAAA", "HELLO|alice|TOKEN", "HELLO|bob|TOKEN", "HELLO|alice|\x1b[2J",
	"MSG|hi", "MSG|", "MSG|\x00", "MSG|\xff", "MSG|a|b", "MSG|\u202e", "MSG| \t", "MSG|" + strings.Repeat("x", 2001), "EXIT|", "EXIT|x",
	"JOIN|den", "JOIN|lobby", "JOIN|Den", "JOIN|", "LEAVE|den", "LEAVE|lobby", "LEAVE|nowhere",
	"SEND|den|k|x", "SEND|@bob|k|x", "SEND|@alice||x", "SEND|lobby|k|x", "SEND|lobby||x", "SEND|@nobody||x", "SEND|lobby|x", "SEND|lobby|k y|x",
	"WHO|lobby", "WHO|den", "WHO|lobby|alice", "WHO|", "LIST|", "LIST|@bob", "LIST|~",
	"HISTORY|lobby", "HISTORY|den", "HISTORY|@bob", "HISTORY|lobby|after|0|500", "HISTORY|lobby|before|9|5", "HISTORY|lobby|after|-1|5", "HISTORY|lobby|after|0|501",
	"FIND|lobby|hi", "FIND|den|\"", "FIND|lobby|", "PASSWD|short", "PASSWD|" + password + " too", "EJECT|bob|out", "EJECT|bob",
	"PING|", "PING|x|y", "PING|\x07", "HELP|", "HELP|x", "", "nonsense", "|", "NOPE|", "nope|x", "ABCDEFGHIJKLMNOPQ|", "PING", strings.Repeat("x", 5000),
	"GET / HTTP/1.1", "\r", "MSG|cr\r",
	"LIST|*", "LIST|*|lobby", "LIST|*|*", "JOIN|den|locked", "JOIN|den|open", "LOCK|den", "OPEN|den", "LOCK|lobby", "INVITE|den|bob", "INVITE|den|nobody", "EXPEL|den|bob", "EXPEL|den|alice",
	"TOPIC|den", "TOPIC|den|", "TOPIC|den|a|b", "TOPIC|lobby|\x1b", "SEEN|lobby|3", "SEEN|lobby|9223372036854775807", "SEEN|lobby|x", "SEEN|@bob|1", "DELETE|1", "DELETE|", "MUTE|bob|5", "MUTE|bob",
}

const rawFrom = 192

// FuzzSession sends any sequence of lines, and any bytes, to a session in a room where somebody else talks all the time, and holds what
// comes back against the contract: see walk.
func FuzzSession(f *testing.F) {
	pick := func(lines ...string) (picks []byte) {
		for _, line := range lines {
			at := len(vocabulary) // a PING
			for i, v := range vocabulary {
				if v == line {
					at = i
				}
			}
			picks = append(picks, byte(at))
		}
		return picks
	}
	hello, any := "HELLO|alice|"+password, "a numbered PING"
	f.Add(pick("MSG|hi", any, hello, "MSG|hi", "MSG|hi", any, "EXIT|", any), []byte(nil))
	f.Add(pick(hello, "MSG|hi", "SEND|lobby|k|x", "SEND|lobby|k|x", "MSG|", "MSG|hi", any, "JOIN|den", "MSG|hi", "HISTORY|den", "WHO|den", "LEAVE|den", "MSG|hi", any), []byte(nil))
	f.Add(pick(hello, "JOIN|den", "SEND|den|k|x", any, "SEND|den|k|x", "HISTORY|den", "HISTORY|lobby", "FIND|lobby|hi", any, "HELP|", "LIST|"), []byte(nil))
	f.Add(pick(hello, "JOIN|den|locked", "INVITE|den|bob", "TOPIC|den|a|b", any, "TOPIC|den", "SEND|den|k|x", "SEEN|den|9223372036854775807", "EXPEL|den|bob", "OPEN|den", "LIST|*", "EXPEL|den|alice", "LIST|*", "TOPIC|den", any), []byte(nil))
	f.Add(pick("HELLO|carol|"+password, "MSG|hi", any, "HELP|", "PASSWD|short", "NOPE|", "PASSWD|"+password+" too", "MSG|hi", any, "LIST|"), []byte(nil))
	f.Add(pick("HELLO|alice|TOKEN", "MSG|hi", any, "EXIT|x", any, "EXIT|"), []byte(nil))
	f.Add(pick("HELLO|guest", "MSG|hi", "JOIN|den", "SEND|@alice||x", any, "PASSWD|short"), []byte("MSG|half"))
	f.Add(pick(any, any, "EXIT|", hello), []byte(nil))
	f.Add(pick("MSG|hi", "GET / HTTP/1.1", hello), []byte(nil))
	f.Add(pick(hello, "GET / HTTP/1.1", any), []byte("\n\n|\nEXIT|\n"))
	f.Add([]byte(nil), bytes.Repeat([]byte("z"), 70000))
	f.Add(pick(hello, any), bytes.Repeat([]byte("z"), 70000))
	f.Add([]byte{0, rawFrom, 100, rawFrom, 100, rawFrom}, []byte("MSG|one\nHISTORY|lobby|after|99999999999999999999|1\nSEND|@bob|k|a|b\nPING|"))
	// Every line before sign-in, and every line after it with a PING behind; not those that end the session.
	var early, late []string
	for _, line := range vocabulary {
		if !strings.HasPrefix(line, "HELLO|") && !strings.HasPrefix(line, "EXIT|") && !strings.HasPrefix(line, "GET ") {
			early = append(early, line)
		}
		if line != "EXIT|" {
			late = append(late, line, any)
		}
	}
	f.Add(pick(append(early, hello)...), []byte(nil))
	f.Add(pick(append([]string{hello}, late...)...), []byte(nil))
	f.Add(pick(append([]string{"HELLO|carol|" + password}, late...)...), []byte(nil))
	f.Add(bytes.Repeat(pick("nonsense"), errorBudget+2*errorsBack), []byte(nil))
	hashed() // outside of any bubble
	f.Fuzz(func(t *testing.T, picks, raw []byte) {
		if len(picks) > 300 || len(raw) > 100000 {
			return
		}
		synctest.Test(t, func(t *testing.T) { converse(t, picks, raw) })
	})
}

// slowLog answers a moment later and from another goroutine, as a log on a disk does: lines behind a message are read before it is answered.
type slowLog struct {
	*chattest.Log
	queue chan func()
}

// Append implements chat.Log.
func (l *slowLog) Append(e chat.Entry, done func(chat.Entry, error)) {
	l.queue <- func() { l.Log.Append(e, done) }
}

// History implements chat.Log. Meanwhile things are said.
func (l *slowLog) History(ctx context.Context, room string, r chat.Range) ([]chat.Message, error) {
	time.Sleep(20 * time.Millisecond)
	return l.Log.History(ctx, room, r)
}

// Find implements chat.Log.
func (l *slowLog) Find(ctx context.Context, room string, words []string, limit int) ([]chat.Message, error) {
	time.Sleep(20 * time.Millisecond)
	return l.Log.Find(ctx, room, words, limit)
}

func (l *slowLog) work() {
	for next := range l.queue {
		time.Sleep(2 * time.Millisecond)
		next()
	}
}

// errorBudget is what the session under test may get wrong, errorsBack what it is given back at most while it lasts.
const (
	errorBudget = 100
	errorsBack  = 10
)

func converse(t *testing.T, picks, raw []byte) {
	log := &slowLog{&chattest.Log{}, make(chan func(), 1024)}
	go log.work()
	t.Cleanup(func() { close(log.queue) })
	p := newPlaceOn(t, log.Log, log, []string{"alice", "bob", "carol" + invited}, func(o *session.Options) { o.Errors = errorBudget })
	for range 120 { // more than two pages of an answer
		log.Log.Append(chat.Entry{Kind: chat.Said, Account: "alice", Room: chat.Lobby, Text: "hi"}, func(chat.Entry, error) {})
	}
	earlier := p.connect()
	token := strings.Split(earlier.do("HELLO|alice|"+password), "|")[2]
	earlier.Close()
	synctest.Wait()
	defer talk(p)()

	sent := script(picks, raw, token)
	c := p.connect()
	go io.Copy(c.Conn, bytes.NewReader(sent))
	out, _ := io.ReadAll(c.Reader)
	walkThrough(t, sent, string(out))
}

// talk has somebody say something in the lobby every few milliseconds, until what it returns is called.
func talk(p *place) (stop func()) {
	c := p.guest("talker")
	go io.Copy(io.Discard, c.Reader)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if _, err := fmt.Fprintf(c.Conn, "MSG|tick %d\n", n); err != nil {
				return
			}
		}
	}()
	return func() { close(done); c.Close() }
}

// script is what is sent. Its end ends the session in every state.
func script(picks, raw []byte, token string) []byte {
	var b bytes.Buffer
	for i, pick := range picks {
		switch {
		case int(pick) < len(vocabulary):
			b.WriteString(strings.Replace(vocabulary[pick], "TOKEN", token, 1) + "\n")
		case pick < rawFrom:
			fmt.Fprintf(&b, "PING|number %d\n", i)
		default:
			line, rest, _ := bytes.Cut(raw, []byte("\n"))
			raw = rest
			b.Write(append(line[:len(line):len(line)], '\n'))
		}
	}
	b.Write(raw)
	b.WriteString("\nPING|the end\nEXIT|\n")
	return b.Bytes()
}

// turns are the lines of what was sent, as a reader cuts it: FuzzReader holds that against a model of its own.
func turns(sent []byte) (lines []turn, flood bool) {
	r := protocol.NewReader(bytes.NewReader(sent))
	for {
		line, err := r.ReadLine()
		switch err {
		case nil, protocol.ErrTooLong:
			lines = append(lines, turn{string(line), err != nil})
		default:
			return lines, err == protocol.ErrFlood
		}
	}
}

// turn is one line of what was sent, or the beginning of one that is too long.
type turn struct {
	line    string
	tooLong bool
}
