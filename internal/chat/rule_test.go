package chat_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

func (v *visitor) lock(room string, lock bool) error {
	return must(func(done func(error)) error { return v.Lock(room, lock, done) })
}

func (v *visitor) invite(room, user string) error {
	return must(func(done func(error)) error { return v.Invite(room, user, done) })
}

func (v *visitor) expel(room, user string) error {
	return must(func(done func(error)) error { return v.Expel(room, user, done) })
}

func (v *visitor) setTopic(room, text string) error {
	return must(func(done func(error)) error { return v.SetTopic(room, text, done) })
}

func (v *visitor) mute(user string, until time.Time) error {
	return must(func(done func(error)) error { return v.Mute(user, until, done) })
}

// comeAsAdmin is come for an admin.
func (h *house) comeAsAdmin(name string) *visitor {
	v := h.come(name)
	v.Admin = true
	return v
}

func (v *visitor) joinable() string {
	var list []string
	for _, j := range v.Joinable("", 100) {
		list = append(list, fmt.Sprintf("%s:%d", j.Room, j.Members))
	}
	return strings.Join(list, " ")
}

// delayed is a house whose log answers nothing before release.
func delayed(t *testing.T, accounts ...string) (*house, *later) {
	log := &later{Log: &chattest.Log{}}
	hub := chat.New(log, chat.State{Accounts: accounts}, chat.Options{Crowd: 5, Append: encode})
	log.Tail = hub.Tail
	t.Cleanup(hub.Close)
	return &house{t: t, log: log.Log, Hub: hub}, log
}

// What somebody says, sets or invites while their EXPEL is on its way would come behind it, and is refused; a log that fails lets them again.
func TestNothingComesBehindExpel(t *testing.T) {
	for _, who := range []string{"bob", "~bob"} {
		h, log := delayed(t, "alice", "bob", "carol")
		alice := h.comeAsAdmin("alice")
		alice.join("den")
		log.release()
		one := h.come(who)
		one.join("den")
		log.release()
		for _, fail := range []error{chat.ErrUnavailable, nil} {
			if err := one.say("den", "before"); err != nil {
				t.Fatal(err)
			}
			alice.expel("den", who)
			for what, err := range map[string]error{"say": one.say("den", "behind"), "set the topic": one.setTopic("den", "behind"), "invite": one.invite("den", "carol"), "leave": one.leave("den")} {
				if err != chat.ErrNotMember {
					t.Errorf("%s may %s behind the EXPEL: %v", who, what, err)
				}
			}
			// Until it is kept, they are a member, who may read.
			if err := one.HistoryAfter(t.Context(), "den", 0, 5, ignore); err != nil {
				t.Error(err)
			}
			log.Fail = fail
			log.release()
			log.Fail = nil
		}
		if err := one.HistoryAfter(t.Context(), "den", 0, 5, ignore); err != chat.ErrNotMember {
			t.Errorf("%s reads after the EXPEL: %v", who, err)
		}
		h.want(alice, map[string]string{"bob": "lobby +bob, den +bob, den bob: before, den -bob", "~bob": "lobby +~bob, den +~bob, den ~bob: before, den -~bob"}[who])
	}
}

// A HISTORY that is being read ends with the page at which its reader is expelled.
func TestExpelEndsReading(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice, bob := h.comeAsAdmin("alice"), h.come("bob")
	alice.join("den")
	bob.join("den")
	for range 300 {
		alice.say("den", "x")
	}
	got := 0
	err := bob.HistoryAfter(t.Context(), "den", 0, 500, chat.Reader{Page: func(page []chat.Event) bool {
		if got += len(page); got == 100 {
			if err := alice.expel("den", "bob"); err != nil {
				t.Error(err)
			}
		}
		return true
	}})
	if err != nil || got != 100 {
		t.Errorf("%d messages were read, %v", got, err)
	}
}

// A mute is over when its time is, with nobody doing anything; what is said while MUTE is on its way is refused as well.
func TestMuteTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "alice", "bob")
		alice, bob := h.comeAsAdmin("alice"), h.come("bob")
		bob.news()
		begin := time.Now()
		if err := alice.mute("bob", begin.Add(10*time.Minute)); err != nil {
			t.Fatal(err)
		}
		h.want(bob, "note")
		var muted *chat.MutedError
		for what, err := range map[string]error{"say": bob.say("lobby", "x"), "say to one": bob.say("@alice", "x"), "set the topic": bob.setTopic("lobby", "x"), "clear it": bob.setTopic("lobby", "")} {
			if !errors.As(err, &muted) || !muted.Until.Equal(begin.Add(10*time.Minute)) {
				t.Errorf("the muted may %s: %v", what, err)
			}
		}
		if err := bob.say("den", "x"); err != chat.ErrNotMember {
			t.Errorf("not being a member is told first: %v", err)
		}
		time.Sleep(10*time.Minute - time.Nanosecond)
		if err := bob.say("lobby", "x"); !errors.As(err, &muted) {
			t.Errorf("a moment too early: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := bob.say("lobby", "x"); err != nil {
			t.Errorf("when it is over: %v", err)
		}
		h.want(bob, "")
		// Made longer, made shorter, lifted; lifting what is not there is told nobody.
		for _, step := range []struct {
			by   time.Duration
			news string
		}{{time.Hour, "note"}, {2 * time.Hour, "note"}, {time.Minute, "note"}, {0, "note"}, {0, ""}, {-time.Hour, ""}} {
			if err := alice.mute("bob", time.Now().Add(step.by)); err != nil {
				t.Error(err)
			}
			h.want(bob, step.news)
			if err := bob.setTopic("lobby", "x"); (err != nil) != (step.by > 0) {
				t.Errorf("muted by %v: %v", step.by, err)
			}
		}
		if err := bob.mute("alice", time.Now().Add(time.Hour)); !errors.Is(err, chat.ErrForbidden) {
			t.Errorf("bob, who is no admin, may mute: %v", err)
		}
		h.come("~guest")
		for _, name := range []string{"nobody", "~guest", "~nobody"} {
			if err := alice.mute(name, time.Now().Add(time.Hour)); err != chat.ErrNoSuchUser {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.Close()
	})
}

func TestNothingIsSaidBehindMute(t *testing.T) {
	h, log := delayed(t, "alice", "bob")
	alice, bob := h.comeAsAdmin("alice"), h.come("bob")
	alice.mute("bob", time.Now().Add(time.Hour))
	var muted *chat.MutedError
	if err := bob.say("lobby", "behind"); !errors.As(err, &muted) {
		t.Errorf("said behind MUTE: %v", err)
	}
	log.Fail = chat.ErrUnavailable
	log.release()
	log.Fail = nil
	if err := bob.say("lobby", "after all"); err != nil {
		t.Errorf("MUTE failed, and yet: %v", err)
	}
	// What lifts it is true only once it is kept.
	alice.mute("bob", time.Now().Add(time.Hour))
	log.release()
	alice.mute("bob", time.Now())
	if err := bob.say("lobby", "x"); !errors.As(err, &muted) {
		t.Errorf("lifted before it was kept: %v", err)
	}
	log.release()
	if err := bob.say("lobby", "x"); err != nil {
		t.Errorf("lifted: %v", err)
	}
}

// Who may rule: the maker as a member, and admins from anywhere.
func TestRuling(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol", "chief")
	alice, bob, carol, chief := h.come("alice"), h.come("bob"), h.come("carol"), h.comeAsAdmin("chief")
	alice.join("den")
	bob.join("den")
	for _, c := range []struct {
		who  *visitor
		room string
		want error
	}{
		{alice, "den", nil}, {bob, "den", chat.ErrNotMaker}, {carol, "den", chat.ErrNotMember}, {chief, "den", nil},
		{alice, chat.Lobby, chat.ErrLobby}, {chief, chat.Lobby, chat.ErrLobby}, {alice, "nowhere", chat.ErrNotMember}, {chief, "nowhere", chat.ErrNotMember},
		{alice, chat.Conversation("alice", "bob"), chat.ErrNotMember},
	} {
		for _, lock := range []bool{true, false} {
			if err := c.who.lock(c.room, lock); !errors.Is(err, c.want) {
				t.Errorf("%s locks %s (%v): %v, want %v", c.who.Name, c.room, lock, err, c.want)
			}
		}
		if err := c.who.expel(c.room, "nobody"); !errors.Is(err, c.want) && !(c.want == nil && err == chat.ErrNoSuchUser) {
			t.Errorf("%s expels from %s: %v, want %v", c.who.Name, c.room, err, c.want)
		}
	}
	if err := alice.leave("den"); err != nil {
		t.Error(err)
	}
	if err := alice.lock("den", true); err != chat.ErrNotMember {
		t.Errorf("a maker who has left rules: %v", err)
	}
	alice.join("den")
	chief.expel("den", "alice")
	alice.join("den")
	if err := alice.lock("den", true); err != chat.ErrNotMaker {
		t.Errorf("a maker who was expelled rules: %v", err)
	}
}

// What a session finds that it could join.
func TestJoinable(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol")
	alice, bob, carol := h.come("alice"), h.come("bob"), h.come("carol")
	alice.join("den")
	alice.say("@bob", "a conversation is no room")
	guest := h.come("~guest")
	want := func(v *visitor, list string) {
		t.Helper()
		if got := v.joinable(); got != list {
			t.Errorf("%s could join %q, want %q", v.Name, got, list)
		}
	}
	want(alice, "")
	want(bob, "den:1")
	want(guest, "den:1")
	bob.news()
	alice.lock("den", true)
	want(bob, "")
	want(guest, "")
	h.want(bob, "") // whom it does not concern
	for range 2 {
		if err := alice.invite("den", "bob"); err != nil {
			t.Error(err)
		}
	}
	h.want(bob, "note")
	want(bob, "den:1")
	want(carol, "")
	if err := bob.leave("den"); err != nil {
		t.Error(err)
	}
	want(bob, "")
	if err := bob.leave("den"); err != chat.ErrNotMember {
		t.Error(err)
	}
	alice.invite("den", "bob")
	bob.join("den")
	want(bob, "")
	bob.invite("den", "carol") // any member may
	alice.expel("den", "carol")
	want(carol, "")
	alice.leave("den")
	want(alice, "den:1")
	alice.join("den")
	alice.expel("den", "alice")
	want(alice, "")
	for _, name := range []string{"nobody", "~guest"} {
		if err := bob.invite("den", name); err != chat.ErrNoSuchUser {
			t.Errorf("%s is invited: %v", name, err)
		}
	}
	if err := carol.invite("den", "alice"); err != chat.ErrNotMember {
		t.Error(err)
	}
}
