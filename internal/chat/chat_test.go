package chat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

func TestMessagesReachWhoTheyShould(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol")
	alice, alice2, bob, carol := h.come("alice"), h.come("alice"), h.come("bob"), h.come("carol")
	for _, v := range []*visitor{alice, alice2, bob, carol} {
		v.news()
	}
	alice.say("", "hi all")
	h.want(alice, "") // its OK carries the id
	h.want(alice2, "lobby alice: hi all")
	h.want(bob, "lobby alice: hi all")

	carol.news()
	bob.say("@alice", "psst")
	h.want(alice, "@bob bob: psst")
	h.want(alice2, "@bob bob: psst")
	h.want(bob, "")
	h.want(carol, "")
	alice.say("@bob", "what")
	h.want(alice2, "@bob alice: what")
	h.want(bob, "@alice alice: what")
	alice.say("@alice", "note to self")
	h.want(alice2, "@alice alice: note to self")

	if err := alice.say("@nobody", "x"); err != chat.ErrNoSuchUser {
		t.Error(err)
	}
	var rooms []string
	for _, m := range alice.Memberships() {
		rooms = append(rooms, fmt.Sprintf("%s:%d", m.Room, m.Last))
	}
	if got := strings.Join(rooms, " "); got != "@alice:4 @bob:3 lobby:1" {
		t.Errorf("alice is in %s", got)
	}
}

var ignore = chat.Reader{Page: func([]chat.Event) bool { return true }}

// Each message is either in the history that is read or live, never both, in pages however many there are.
func TestHistoryInPages(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice, bob := h.come("alice"), h.come("bob")
	for range 230 {
		alice.say("", "x")
	}
	read := func(history func(context.Context, string, int64, int, chat.Reader) error, id int64, limit int) (ids []int64) {
		t.Helper()
		pages := 0
		err := history(t.Context(), chat.Lobby, id, limit, chat.Reader{Page: func(list []chat.Event) bool {
			for _, e := range list {
				ids = append(ids, e.ID)
			}
			if pages++; pages == 1 { // said while the history is being read: it is live
				alice.say("", "meanwhile")
			}
			if len(list) > 50 {
				t.Errorf("a page of %d", len(list))
			}
			return true
		}})
		if err != nil {
			t.Error(err)
		}
		return ids
	}
	for _, c := range []struct {
		history     func(context.Context, string, int64, int, chat.Reader) error
		id          int64
		limit       int
		first, last int64
	}{
		{bob.HistoryAfter, 0, 500, 1, 230},
		{bob.HistoryAfter, 100, 60, 101, 160},
		{bob.HistoryBefore, math.MaxInt64, 50, 183, 232},
		{bob.HistoryBefore, 200, 120, 80, 199},
		{bob.HistoryBefore, 0, 10, 0, 0},
		{bob.HistoryBefore, 1, 10, 0, 0},
		{bob.HistoryAfter, math.MaxInt64, 10, 0, 0},
	} {
		ids := read(c.history, c.id, c.limit)
		want := c.last - c.first + 1
		if c.last == 0 {
			want = 0
		}
		if int64(len(ids)) != want || want > 0 && (ids[0] != c.first || ids[want-1] != c.last) {
			t.Errorf("%d, limit %d: %d ids, %v", c.id, c.limit, len(ids), ids)
		}
	}
}

func TestMembershipIsAskedEverywhere(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice, bob := h.come("alice"), h.come("bob")
	uses := map[string]func(v *visitor) error{
		"say":     func(v *visitor) error { return v.say("den", "x") },
		"leave":   func(v *visitor) error { return v.leave("den") },
		"present": func(v *visitor) error { _, err := v.Present("den"); return err },
		"history": func(v *visitor) error { return v.HistoryAfter(t.Context(), "den", 0, 5, ignore) },
		"find":    func(v *visitor) error { return v.Find(t.Context(), "den", []string{"x"}, 50, ignore) },
	}
	all := func(when string, want error) {
		t.Helper()
		for use, try := range uses {
			if err := try(bob); !errors.Is(err, want) {
				t.Errorf("%s %s: %v", use, when, err)
			}
		}
	}
	all("in a room that is not there", chat.ErrNotMember)
	if err := alice.join("den"); err != nil {
		t.Fatal(err)
	}
	all("by one who never joined", chat.ErrNotMember)
	delete(uses, "leave")
	bob.join("den")
	all("by a member", nil)
	bob.leave("den")
	uses["leave"] = func(v *visitor) error { return v.leave("den") }
	all("by one who left", chat.ErrNotMember)
	if err := bob.say("", "x"); err != chat.ErrNotMember {
		t.Errorf("the room that was left is the current one still: %v", err)
	}
	if err := bob.leave(chat.Lobby); !errors.Is(err, chat.ErrForbidden) {
		t.Error(err)
	}
	// The log's names of conversations are nobody's targets.
	if err := bob.HistoryAfter(t.Context(), chat.Conversation("alice", "alice"), 0, 5, ignore); err != chat.ErrNoSuchUser {
		t.Error(err)
	}
}

// later is a log whose entries are not answered before release.
type later struct {
	*chattest.Log
	waiting []func()
}

func (l *later) Append(e chat.Entry, done func(chat.Entry, error)) {
	l.waiting = append(l.waiting, func() { l.Log.Append(e, done) })
}

func (l *later) release() {
	for _, run := range l.waiting {
		run()
	}
	l.waiting = nil
}

// What is said in one session while the leaving of another is on its way does not follow it.
func TestNothingIsSaidBehindLeave(t *testing.T) {
	log := &later{Log: &chattest.Log{}}
	hub := chat.New(log, chat.State{Accounts: []string{"bob"}}, chat.Options{Append: encode})
	log.Tail = hub.Tail
	defer hub.Close()
	h := &house{t: t, log: log.Log, Hub: hub}
	one, two := h.come("bob"), h.come("bob")
	one.join("den")
	log.release()
	if err := two.say("den", "before"); err != nil {
		t.Fatal(err)
	}
	one.leave("den")
	if err := two.say("den", "behind"); err != chat.ErrNotMember {
		t.Errorf("said behind the leaving: %v", err)
	}
	if err := two.HistoryAfter(t.Context(), "den", 0, 5, ignore); err != nil {
		t.Errorf("still a member until the leaving is kept: %v", err)
	}
	log.Fail = chat.ErrUnavailable
	log.release()
	log.Fail = nil
	if err := two.say("den", "after all"); err != nil {
		t.Errorf("the leaving failed, and yet: %v", err)
	}
}
