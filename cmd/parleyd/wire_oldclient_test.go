package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// oldClient knows version 1 as it was first: six events, and that others are to be ignored. It counts the lines of
// an answer from its end, whatever they are.
type oldClient struct {
	t       *testing.T
	c       *parleytest.Conn
	lines   []string // since the last reply
	shown   []string // what a person has seen
	unknown int
}

func (o *oldClient) know(line string) (shown string, known bool) {
	f := strings.Split(line, "|")
	at := map[string]int{"MSG": 6, "JOIN": 3, "LEAVE": 3, "HERE": 3, "NOTE": 2, "BYE": 3}
	fields, known := at[f[0]]
	if !known {
		return "", false
	}
	if len(f) < fields {
		o.t.Errorf("%q has fewer fields than it had", line)
	}
	if f[0] == "MSG" {
		return f[3] + " " + f[4] + ": " + strings.Join(f[5:], "|"), true
	}
	return line, true
}

func (o *oldClient) take(line string) {
	shown, known := o.know(line)
	if !known {
		o.unknown++
		return
	}
	o.shown = append(o.shown, shown)
}

// do says a line; what came before the reply is live, but the last counted lines, which are the answer where count says so.
func (o *oldClient) do(line string, count bool) (reply string, answer []string) {
	o.t.Helper()
	o.lines = nil
	o.c.Send(line)
	for reply = o.c.Line(); !parleytest.IsReply(reply); reply = o.c.Line() {
		o.lines = append(o.lines, reply)
	}
	n := 0
	if count {
		var err error
		if n, err = strconv.Atoi(strings.TrimPrefix(reply, "OK|")); err != nil || n > len(o.lines) {
			o.t.Fatalf("%s: %q after %d lines", line, reply, len(o.lines))
		}
	}
	live := o.lines[:len(o.lines)-n]
	for _, e := range live {
		o.take(e)
	}
	for _, e := range o.lines[len(live):] {
		if shown, known := o.know(e); known {
			answer = append(answer, shown)
		}
	}
	return reply, answer
}

// rooms are the names of LIST: an old client reads what stands before the first colon, and the id after it.
func (o *oldClient) rooms() (list []string) {
	reply, _ := o.do("LIST|", false)
	for _, item := range strings.Split(strings.TrimPrefix(reply, "OK|"), "|") {
		name, rest, _ := strings.Cut(item, ":")
		last, _, _ := strings.Cut(rest, ":")
		if _, err := strconv.ParseInt(last, 10, 64); err != nil {
			o.t.Errorf("%q", item)
		}
		list = append(list, name)
	}
	return list
}

// TestOldClient: a client of the first days goes on working while others set topics, read, lock, invite, expel, mute and take back.
func TestOldClient(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "old", "new")
	s.User("chief", "--admin")
	chief, fresh, fresh2 := s.SignIn("chief"), s.SignIn("old"), s.SignIn("new")
	o := &oldClient{t: t, c: s.SignIn("old")}
	chief.Do("JOIN|room")
	fresh2.Do("JOIN|room")
	if reply, _ := o.do("JOIN|room", false); reply != "OK|room|3|0" {
		t.Error(reply)
	}
	var ids []int64
	for i := range 6 {
		ids = append(ids, sayAll(t, chief, "room", fmt.Sprint("text ", i))...)
		hold(t, chief, []exchange{{fmt.Sprint("TOPIC|room|topic ", i), "OK|"}})
		hold(t, fresh, []exchange{{seen("room", ids[i]), "OK|*"}})
	}
	hold(t, chief, []exchange{{"LOCK|room", "OK|room"}, {"OPEN|room", "OK|room"}, {"MUTE|old|1", "OK|"}, {"MUTE|old|0", "OK|"}})
	hold(t, chief, []exchange{{fmt.Sprint("DELETE|", ids[1]), "OK|*"}, {fmt.Sprint("DELETE|", ids[4]), "OK|*"}})
	reply, answer := o.do("HISTORY|room|after|0|500", true)
	want := []string{"room chief: text 0", "room chief: text 2", "room chief: text 3", "room chief: text 5"} // of six lines
	if reply != "OK|6" || !slices.Equal(answer, want) {
		t.Errorf("%s: %q, want %q", reply, answer, want)
	}
	if reply, answer := o.do("FIND|room|text", true); reply != fmt.Sprint("OK|", len(want)) || !slices.Equal(answer, want) {
		t.Errorf("%s: %q", reply, answer)
	}
	if got := o.rooms(); !slices.Equal(got, []string{"lobby", "room"}) {
		t.Errorf("%q", got)
	}
	if reply, _ := o.do("MSG|still here", false); !strings.HasPrefix(reply, "OK|") {
		t.Error(reply)
	}
	hold(t, chief, []exchange{{"EXPEL|room|old", "OK|"}, {"MSG|x", "OK|*"}})
	if reply, _ := o.do("MSG|and now", false); !strings.HasPrefix(reply, "ERROR|not-member|") {
		t.Error(reply)
	}
	for i := range 6 {
		if line := fmt.Sprint("room chief: text ", i); !slices.Contains(o.shown, line) {
			t.Errorf("%q was not shown live", line)
		}
	}
	if !slices.Contains(o.shown, "LEAVE|room|old") || o.unknown < 12 {
		t.Errorf("%d unknown events; shown:\n%s", o.unknown, strings.Join(o.shown, "\n"))
	}
	if reply, _ := o.do("EXIT|", false); reply != "OK|bye" {
		t.Error(reply)
	}
	if !t.Failed() {
		t.Logf("%d events ignored", o.unknown)
	}
}
