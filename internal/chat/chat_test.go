package chat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

// house is a hub with a log, for tests.
type house struct {
	t   *testing.T
	log *chattest.Log
	*chat.Hub
	sessions int
}

func newHouse(t *testing.T, accounts ...string) *house {
	h := &house{t: t, log: &chattest.Log{}}
	h.Hub = chat.New(h.log, chat.State{Accounts: accounts}, chat.Options{
		MaxSessions: 3, MaxRooms: 3, Crowd: 5, CrowdEvery: 2 * time.Second, Grace: 10 * time.Second, Encode: encode,
	})
	h.log.Tail = h.Tail
	t.Cleanup(h.Close)
	return h
}

func encode(e chat.Event) []byte {
	switch e.Kind {
	case chat.MessageEvent:
		return fmt.Appendf(nil, "%s %s: %s", e.Room, e.User, e.Message.Text)
	case chat.CameEvent:
		return fmt.Appendf(nil, "%s +%s", e.Room, e.User)
	case chat.WentEvent:
		return fmt.Appendf(nil, "%s -%s", e.Room, e.User)
	}
	return fmt.Appendf(nil, "%s =%d", e.Room, e.Count)
}

// visitor is a session of the house.
type visitor struct {
	*chat.Seat
	ended []string

	mu    sync.Mutex // the hub's timers deliver on goroutines of their own
	heard []string
}

func (v *visitor) Deliver(event []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.heard = append(v.heard, string(event))
}

func (v *visitor) End(reason string) { v.ended = append(v.ended, reason) }

// news returns what was heard since the last call.
func (v *visitor) news() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := strings.Join(v.heard, ", ")
	v.heard = nil
	return s
}

func (h *house) who(name string) chat.Who {
	h.sessions++
	return chat.Who{Session: fmt.Sprint(h.sessions), Name: name, Guest: strings.HasPrefix(name, "~"), Version: h.log.Last()}
}

func (h *house) come(name string) *visitor {
	h.t.Helper()
	v := &visitor{}
	seat, err := h.Admit(v, h.who(name))
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	v.Seat = seat
	seat.Enter(chat.Lobby)
	return v
}

func (h *house) want(v *visitor, news string) {
	h.t.Helper()
	if got := v.news(); got != news {
		h.t.Errorf("%s heard %q, want %q", v.Name, got, news)
	}
}

func (v *visitor) say(target, text string) error {
	return v.Say(target, "", text, func(int64, error) {})
}

func (v *visitor) join(room string) (err error) {
	failed := v.Join(room, func(_ int, _ int64, e error) { err = e })
	return errors.Join(failed, err)
}

func (v *visitor) leave(room string) (err error) {
	failed := v.Leave(room, func(e error) { err = e })
	return errors.Join(failed, err)
}

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
				ids = append(ids, e.Message.ID)
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

func TestComingAndGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "alice", "bob")
		alice := h.come("alice")
		bob := h.come("bob")
		h.want(alice, "lobby +bob")
		second := h.come("bob")
		h.want(alice, "")
		h.want(bob, "")
		second.Exit(false)
		h.want(alice, "")

		bob.Exit(true) // lost
		time.Sleep(9 * time.Second)
		synctest.Wait()
		h.want(alice, "")
		if here, _ := alice.Present(chat.Lobby); !slices.Equal(here, []string{"alice", "bob"}) {
			t.Errorf("within the grace %q are here", here)
		}
		bob = h.come("bob") // back in time
		time.Sleep(time.Minute)
		synctest.Wait()
		h.want(alice, "")

		bob.Exit(true)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		h.want(alice, "lobby -bob")
		bob = h.come("bob")
		h.want(alice, "lobby +bob")
		bob.Exit(false) // by EXIT
		h.want(alice, "lobby -bob")
		h.Close()
	})
}

func TestJoinAndLeaveAreForAllSessions(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice, one, two := h.come("alice"), h.come("bob"), h.come("bob")
	alice.join("den")
	alice.news()
	one.news()
	one.join("den")
	h.want(alice, "den +bob")
	h.want(one, "")
	h.want(two, "den +bob")
	one.join("den")
	h.want(alice, "")
	alice.say("", "hi")
	h.want(two, "den alice: hi")
	two.leave("den")
	h.want(alice, "den -bob")
	h.want(one, "den alice: hi, den -bob")
	alice.say("", "gone?")
	h.want(one, "")
}

func TestCrowdIsToldByCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("p%02d", i))
		}
		h := newHouse(t, names...)
		first := h.come("p00")
		for _, name := range names[1:5] {
			h.come(name)
		}
		h.want(first, "lobby +p01, lobby +p02, lobby +p03, lobby +p04")
		rest := []*visitor{h.come("p05")}
		synctest.Wait()
		h.want(first, "lobby =6")
		for _, name := range names[6:] {
			rest = append(rest, h.come(name))
		}
		synctest.Wait()
		h.want(first, "")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.want(first, "lobby =20")
		time.Sleep(time.Second)
		rest[0].Exit(false)
		synctest.Wait()
		h.want(first, "") // at most one in two seconds
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.want(first, "lobby =19")
		for _, v := range rest[1:] {
			v.Exit(false)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := first.news(); !strings.Contains(got, "lobby -p19") || strings.Contains(got, "-p06") {
			t.Errorf("after the crowd: %q", got)
		}
		h.Close()
	})
}

func TestGuests(t *testing.T) {
	h := newHouse(t, "alice")
	alice := h.come("alice")
	alice.join("den")
	alice.news()
	guest := h.come("~bob")
	h.want(alice, "lobby +~bob")
	if _, err := h.Admit(guest, h.who("~bob")); err != chat.ErrNameTaken {
		t.Errorf("a second ~bob: %v", err)
	}
	for name, err := range map[string]error{
		"speak to one person": guest.say("@alice", "x"),
		"be spoken to":        func() error { e := alice.say("@~bob", "x"); return e }(),
		"make a room":         guest.join("new"),
		"read a conversation": guest.HistoryAfter(t.Context(), "@alice", 0, 5, ignore),
	} {
		if err == nil {
			t.Errorf("a guest may %s", name)
		}
	}
	if err := guest.join("den"); err != nil {
		t.Error(err)
	}
	h.want(alice, "den +~bob")
	guest.say("", "hello")
	h.want(alice, "den ~bob: hello")
	guest.Exit(true)
	if got := alice.news(); !strings.Contains(got, "den -~bob") || !strings.Contains(got, "lobby -~bob") {
		t.Errorf("a guest who is lost is gone at once: %q", got)
	}
	again := h.come("~bob")
	if err := again.say("den", "x"); err != chat.ErrNotMember {
		t.Errorf("a guest's membership outlived the connection: %v", err)
	}
	if n, err := h.EndGuest("~bob", "out"); n != 1 || err != nil || len(again.ended) != 1 {
		t.Error(n, err, again.ended)
	}
	if _, err := h.EndGuest("alice", "out"); err != chat.ErrNoSuchUser {
		t.Error(err)
	}
}

func TestEndedSessions(t *testing.T) {
	h := newHouse(t, "alice")
	before := h.who("alice") // its credential is checked, its seat not yet taken
	one, two := h.come("alice"), h.come("alice")
	h.log.Append(chat.Entry{Kind: chat.SessionsEnded, Account: "alice", Session: two.Session, Text: "changed"}, func(chat.Entry, error) {})
	if !slices.Equal(one.ended, []string{"changed"}) || two.ended != nil {
		t.Errorf("ended: %q, %q", one.ended, two.ended)
	}
	if _, err := h.Admit(&visitor{}, before); err != chat.ErrEnded {
		t.Errorf("a sign-in by the old password got through: %v", err)
	}
	after := h.come("alice")
	if after.ended != nil {
		t.Error("a sign-in by the new password was ended")
	}
	if _, err := h.Admit(&visitor{}, h.who("alice")); err != chat.ErrTooManySessions {
		t.Error(err)
	}
	h.log.Append(chat.Entry{Kind: chat.AccountRemoved, Account: "alice", Text: "removed"}, func(chat.Entry, error) {})
	if !slices.Equal(after.ended, []string{"removed"}) {
		t.Errorf("removed: %q", after.ended)
	}
	after.Exit(false)
	if _, err := h.Admit(&visitor{}, h.who("alice")); err != chat.ErrEnded {
		t.Error(err)
	}
}

func TestNothingIsHeardBeforeEnter(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice := h.come("alice")
	bob := &visitor{}
	seat, err := h.Admit(bob, h.who("bob"))
	if err != nil {
		t.Fatal(err)
	}
	bob.Seat = seat
	alice.say("", "early")
	h.want(bob, "")
	h.want(alice, "")
	seat.Enter("nowhere")
	if seat.Current() != chat.Lobby {
		t.Errorf("the current room is %s", seat.Current())
	}
	h.want(alice, "lobby +bob")
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
	hub := chat.New(log, chat.State{Accounts: []string{"bob"}}, chat.Options{Encode: encode})
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
