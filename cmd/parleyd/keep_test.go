package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// saidBefore has messages in a stopped server's database that were said some time ago.
func saidBefore(t *testing.T, dir string, ago time.Duration, n int, room string) {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{Now: func() time.Time { return time.Now().Add(-ago) }})
	if err != nil {
		t.Fatal(err)
	}
	s.Start(func(batch []chat.Outcome) {
		for _, o := range batch {
			o.Done(o.Entry, o.Err)
		}
	})
	for i := range n {
		s.Append(chat.Entry{Kind: chat.Said, Account: "bob", Room: room, Text: fmt.Sprintf("%s %d, %v ago", room, i, ago)}, func(_ chat.Entry, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKeep: what is too old is gone from a room, and from what is unread in it, while the server runs and after that.
func TestKeep(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := parleytest.Start(t, unlimited()...)
	s.Stop()
	s.Data += "2" // whose log begins long ago
	for _, room := range []string{"lobby", "@alice@bob", "tea"} {
		saidBefore(t, s.Data, 100*day, 30, room)
	}
	saidBefore(t, s.Data, 40*day, 5, "lobby")
	saidBefore(t, s.Data, 10*day, 4, "lobby")
	saidBefore(t, s.Data, time.Hour, 3, "@alice@bob")
	for _, name := range []string{"alice", "bob"} { // one after another: each needs the directory for itself
		s.User(name, "--bcrypt-cost", "4")
	}
	s.Launch("--keep", "30d", "--keep-room", "tea=200d")
	logged(t, s, `"event":"keep.dropped"`, `"count":65`) // 30 and 5 of the lobby, 30 of the conversation
	look := func() {
		t.Helper()
		alice := s.SignIn("alice")
		hold(t, alice, []exchange{{"JOIN|tea", "OK|*"}, {"HISTORY|lobby", "OK|4"}, {"HISTORY|@bob", "OK|3"}, {"HISTORY|tea", "OK|30"}, {"FIND|lobby|40", "OK|0"}})
		list := alice.Do("LIST|")
		for _, want := range []string{"lobby:*:0:4", "@bob:*:0:3", "tea:*:0:30"} {
			before, after, _ := strings.Cut(want, "*")
			found := false
			for f := range strings.SplitSeq(list, "|") {
				found = found || strings.HasPrefix(f, before) && strings.HasSuffix(f, after)
			}
			if !found {
				t.Errorf("%s has no %s", list, want)
			}
		}
		hold(t, alice, []exchange{{"LEAVE|tea", "OK|*"}})
	}
	look()
	s.Stop()
	s.Launch("--keep", "30d", "--keep-room", "tea=200d")
	look()

	for _, tt := range []struct{ says, flag, value string }{
		{"from 1d to", "--keep", "23h"}, {"write 365d, 36h or forever", "--keep", "12"}, {"write 365d", "--keep", "-3d"}, {"write 365d", "--keep-room", "tea=x"}, {"write ROOM=30d", "--keep-room", "tea"},
	} {
		code, out := fails(t, "", "--data", s.Data, tt.flag+"="+tt.value)
		if code != exitUsage || !strings.Contains(out, tt.says) {
			t.Errorf("%s %s: %d, %q", tt.flag, tt.value, code, out)
		}
	}
	code, out := fails(t, "", "--keep", "30d", "--nats", "nats://127.0.0.1:1", "--data", s.Data)
	if code != exitUsage || !strings.Contains(out, "in a cluster everything is kept") {
		t.Errorf("in a cluster: %d, %q", code, out)
	}
}
