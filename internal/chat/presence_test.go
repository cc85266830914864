package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/chat"
)

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
	if n, _, err := h.EndGuest("~bob", "out"); n != 1 || err != nil || len(again.ended) != 1 {
		t.Error(n, err, again.ended)
	}
	if _, _, err := h.EndGuest("alice", "out"); err != chat.ErrNoSuchUser {
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
