package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// sayAll says texts in a room, pipelined, and returns their ids.
func sayAll(t *testing.T, c *parleytest.Conn, room string, texts ...string) (ids []int64) {
	t.Helper()
	var lines []string
	for _, text := range texts {
		lines = append(lines, "SEND|"+room+"||"+text)
	}
	c.Send(lines...)
	for range lines {
		ids = append(ids, id(t, c.Reply()))
	}
	return ids
}

// numbered are n texts.
func numbered(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%s%d", prefix, i))
	}
	return out
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	alice.Do("JOIN|room")
	bob.Do("JOIN|room")
	all := numbered("text ", 60)
	var ids []int64
	for i, text := range all { // with others between, so that ids are not just counted up
		ids = append(ids, sayAll(t, alice, "room", text)...)
		sayAll(t, bob, []string{"lobby", "@alice"}[i%2], "elsewhere")
	}
	drop(alice, bob)
	last := ids[len(ids)-1]
	for _, tt := range []struct {
		line     string
		from, to int // of all
	}{
		{"HISTORY|room", 10, 60},
		{"HISTORY|room|after|0|500", 0, 60},
		{"HISTORY|room|after|0|1", 0, 1},
		{fmt.Sprintf("HISTORY|room|after|%d|10", ids[4]), 5, 15},
		{fmt.Sprintf("HISTORY|room|after|%d|10", ids[4]+1), 5, 15}, // an id of another room's message
		{fmt.Sprintf("HISTORY|room|after|%d|500", ids[58]), 59, 60},
		{fmt.Sprintf("HISTORY|room|after|%d|500", last), 60, 60},
		{fmt.Sprintf("HISTORY|room|before|%d|10", ids[30]), 20, 30},
		{fmt.Sprintf("HISTORY|room|before|%d|500", ids[1]), 0, 1},
		{fmt.Sprintf("HISTORY|room|before|%d|500", ids[0]), 0, 0},
		{"HISTORY|room|before|9223372036854775807|3", 57, 60},
		{"HISTORY|room|before|0|3", 0, 0},
	} {
		list := answer(t, bob, tt.line)
		if !slices.Equal(texts(list), all[tt.from:tt.to]) {
			t.Errorf("%s: %q, want texts %d to %d", tt.line, texts(list), tt.from, tt.to)
		}
		for i, e := range list {
			if e.id != ids[tt.from+i] || e.room != "room" || e.user != "alice" {
				t.Errorf("%s: %+v, want id %d", tt.line, e, ids[tt.from+i])
			}
		}
	}
	t.Run("shows one's own message sent just before", func(t *testing.T) {
		alice.Send("SEND|room||just now", "HISTORY|room|after|0|500")
		said := id(t, alice.Reply())
		reply := alice.Reply()
		if got := parse(t, alice.Events[len(alice.Events)-1]); reply != "OK|61" || got.id != said {
			t.Errorf("%s, %+v", reply, got)
		}
	})
}

// TestHistoryInOnePiece: while another floods the room, the events straight
// before OK|count are the answer, and every live event comes once and in order.
func TestHistoryInOnePiece(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "0")...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	alice.Do("JOIN|quiet")
	old := sayAll(t, alice, "quiet", numbered("old ", 300)...)
	drop(alice, bob)

	const flood = 3000
	sent := make(chan []int64)
	go func() {
		defer close(sent)
		lines := make([]string, flood)
		for i := range lines {
			lines[i] = fmt.Sprintf("SEND|lobby||live %d", i)
		}
		if _, err := bob.TLS.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
			t.Error(err)
			return
		}
		var ids []int64
		for range lines {
			line, err := bob.TryLine(parleytest.Patience)
			if err != nil || !strings.HasPrefix(line, "OK|") {
				t.Errorf("%q %v", line, err)
				return
			}
			ids = append(ids, id(t, line))
		}
		sent <- ids
	}()
	asked := 0
	for len(alice.Events) < flood && !t.Failed() {
		var ids []int64
		for _, e := range answer(t, alice, "HISTORY|quiet|after|0|500") {
			ids = append(ids, e.id)
		}
		if !slices.Equal(ids, old) {
			t.Fatalf("an answer of %d events, want the %d of the quiet room in one piece", len(ids), len(old))
		}
		asked++
	}
	var live []int64
	for _, line := range alice.Events {
		live = append(live, parse(t, line).id)
	}
	if ids := <-sent; !slices.Equal(live, ids) {
		t.Errorf("%d live events for %d messages, or not in their order", len(live), len(ids))
	}
	t.Logf("asked %d times while it flooded", asked)
}

// TestOrder: in each session the ids of its own OK and of the room's events, as they come, only grow.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "0")...)
	const senders, each = 5, 300
	names := numbered("sender", senders)
	addUsers(s, names...)
	conns := make([]*parleytest.Conn, senders)
	for i, name := range names {
		conns[i] = s.SignIn(name)
	}
	drop(conns...)
	streams := make(chan []int64, senders)
	for i, c := range conns {
		go func() {
			var ids []int64
			var last string
			defer func() { streams <- ids }()
			if _, err := c.TLS.Write([]byte(strings.Join(numbered(fmt.Sprintf("MSG|from %d: ", i), each), "\n") + "\n")); err != nil {
				t.Error(err)
				return
			}
			for range senders * each {
				line, err := c.TryLine(parleytest.Patience)
				if err != nil || strings.HasPrefix(line, "ERROR") {
					t.Errorf("%q %v", line, err)
					return
				}
				ids = append(ids, id(t, line))
				if f := strings.Split(line, "|"); f[0] == "MSG" {
					if f[2] < last {
						t.Errorf("the time goes back from %s to %s", last, f[2])
					}
					last = f[2]
				}
			}
		}()
	}
	var first []int64
	for range senders {
		ids := <-streams
		for i := range ids[:max(len(ids)-1, 0)] {
			if ids[i] >= ids[i+1] {
				t.Fatalf("id %d before %d", ids[i], ids[i+1])
			}
		}
		if first == nil {
			first = ids
		}
		if !slices.Equal(ids, first) {
			t.Error("two sessions saw different orders")
		}
	}
}

// TestFind: words are literal, whatever they would mean to a query language.
func TestFind(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	alice.Do("JOIN|other")
	sayAll(t, alice, "other", "apple in another room")
	sayAll(t, alice, "@bob", "apple between two")
	sayAll(t, alice, "lobby", "apple pie", "pie and apple", "only banana", `say "cheese" loudly`, "100% sure", "star*fish", "either OR both", "NOT that", "a|b",
		"room:secret", "(brackets)", "ünïcödé Straße", "漢字 here", "x^2 -minus +plus", "semi;colon -- drop table", "back\\slash", "apples are more")
	drop(alice, bob)
	for _, tt := range []struct {
		words string
		want  []string
	}{
		{"apple", []string{"apple pie", "pie and apple"}},
		{"pie apple", []string{"apple pie", "pie and apple"}},
		{"  apple   pie ", []string{"apple pie", "pie and apple"}},
		{"apple banana", nil},
		{"apple OR banana", nil},
		{"OR", []string{"either OR both"}},
		{"NOT", []string{"NOT that"}},
		{"NOT apple", nil},
		{"app*", nil},
		{"star*fish", []string{"star*fish"}},
		{`"cheese"`, []string{`say "cheese" loudly`}},
		{`"cheese`, []string{`say "cheese" loudly`}},
		{`"`, []string{`say "cheese" loudly`}},
		{"100%", []string{"100% sure"}},
		{"%", []string{"100% sure"}},
		{"_", nil},
		{"a|b", []string{"a|b"}},
		{"room:secret", []string{"room:secret"}},
		{"text:apple", nil},
		{"NEAR(apple pie)", nil},
		{"(brackets)", []string{"(brackets)"}},
		{"ünïcödé", []string{"ünïcödé Straße"}},
		{"漢字", []string{"漢字 here"}},
		{"-minus", []string{"x^2 -minus +plus"}},
		{"--", []string{"semi;colon -- drop table"}},
		{`back\slash`, []string{"back\\slash"}},
		{"'; DROP TABLE messages; --", nil},
		{strings.Repeat("word ", 380), nil},
	} {
		if got := texts(answer(t, bob, "FIND|lobby|"+tt.words)); !slices.Equal(got, tt.want) {
			t.Errorf("FIND %.60q: %q, want %q", tt.words, got, tt.want)
		}
	}
	if got := texts(answer(t, bob, "FIND|@alice|apple")); !slices.Equal(got, []string{"apple between two"}) {
		t.Errorf("%q", got)
	}
	hold(t, bob, []exchange{{"FIND|other|apple", "not-member"}})

	many := numbered("needle ", 60)
	sayAll(t, alice, "lobby", many...)
	drop(bob)
	if got := texts(answer(t, bob, "FIND|lobby|needle")); !slices.Equal(got, many[10:]) {
		t.Errorf("the newest 50, oldest first: %q", got)
	}
}
