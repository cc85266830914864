package chat_test

import (
	"errors"
	"fmt"
	"testing"

	"parley/internal/chat"
)

func (v *visitor) see(room string, id int64) (at int64, err error) {
	failed := v.Seen(room, id, func(n int64, e error) { at, err = n, e })
	return at, errors.Join(failed, err)
}

func (v *visitor) takeBack(t *testing.T, id int64) error {
	return must(func(done func(error)) error { return v.TakeBack(t.Context(), id, done) })
}

// listed is a membership as LIST tells it.
func (v *visitor) listed(room string) string {
	for _, m := range v.Memberships() {
		if m.Room == room {
			return fmt.Sprintf("%d:%d:%d", m.Last, m.Seen, m.Unread)
		}
	}
	return ""
}

func TestPositions(t *testing.T) {
	h := newHouse(t, "alice", "bob")
	alice, bob, bob2 := h.come("alice"), h.come("bob"), h.come("bob")
	for range 5 {
		alice.say("", "x") // 1 to 5
	}
	bob.say("", "mine") // 6
	bob.news()
	bob2.news()
	for _, c := range []struct {
		id, at int64
		list   string
		news   string
	}{
		{0, 0, "6:0:5", ""}, {2, 2, "6:2:3", "lobby seen 2"}, {1, 2, "6:2:3", ""}, {2, 2, "6:2:3", ""}, {5, 5, "6:5:0", "lobby seen 5"}, {100, 6, "6:6:0", "lobby seen 6"}, {100, 6, "6:6:0", ""},
	} {
		if at, err := bob.see(chat.Lobby, c.id); at != c.at || err != nil {
			t.Errorf("seen %d: %d, %v", c.id, at, err)
		}
		if bob.listed(chat.Lobby) != c.list {
			t.Errorf("seen %d: %s, want %s", c.id, bob.listed(chat.Lobby), c.list)
		}
		h.want(bob, "")
		h.want(bob2, c.news)
	}
	if alice.listed(chat.Lobby) != "6:0:1" {
		t.Errorf("what alice said is unread to her: %s", alice.listed(chat.Lobby))
	}
	if at, err := alice.see("@bob", 7); at != 0 || err != nil {
		t.Errorf("a conversation in which nothing was said: %d, %v", at, err)
	}
	bob.say("@alice", "psst")
	if at, err := alice.see("@bob", 100); at < 7 || err != nil || alice.listed("@bob") != fmt.Sprintf("%d:%d:0", at, at) {
		t.Errorf("%d, %v: %s", at, err, alice.listed("@bob"))
	}
	guest := h.come("~guest")
	if got := guest.listed(chat.Lobby); got != "6:6:0" {
		t.Errorf("a guest's list begins with %s", got)
	}
	alice.say("", "hello guest")
	if got := guest.listed(chat.Lobby); got[len(got)-4:] != ":6:1" {
		t.Errorf("then it is %s", got)
	}
	for who, v := range map[string]*visitor{"den": bob, chat.Lobby: guest} {
		if _, err := v.see(who, 1); err == nil {
			t.Errorf("%s may have seen %s", v.Name, who)
		}
	}
}

// A message that is taken back is unread to nobody, whether it was read or not.
func TestUnreadAfterTakingBack(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol", "chief")
	alice, alice2, bob, carol, chief := h.come("alice"), h.come("alice"), h.come("bob"), h.come("carol"), h.comeAsAdmin("chief")
	for range 4 {
		alice.say("", "x") // 1 to 4
	}
	bob.see(chat.Lobby, 2)
	for _, v := range []*visitor{alice, alice2, bob, carol} {
		v.news()
	}
	if err := bob.takeBack(t, 1); !errors.Is(err, chat.ErrForbidden) {
		t.Errorf("bob may take back what alice said: %v", err)
	}
	for _, id := range []int64{0, 99} {
		if err := chief.takeBack(t, id); !errors.Is(err, chat.ErrForbidden) {
			t.Errorf("there is no %d to take back: %v", id, err)
		}
	}
	if err := errors.Join(alice.takeBack(t, 1), alice.takeBack(t, 1), chief.takeBack(t, 3), alice.takeBack(t, 4)); err != nil {
		t.Fatal(err)
	}
	const told = "lobby alice's 1 is gone, lobby alice's 3 is gone, lobby alice's 4 is gone"
	h.want(alice, "lobby alice's 3 is gone")
	h.want(alice2, told)
	h.want(bob, told)
	for v, want := range map[*visitor]string{bob: "4:2:0", carol: "4:0:1", alice: "4:0:0"} {
		if got := v.listed(chat.Lobby); got != want {
			t.Errorf("%s has %s, want %s", v.Name, got, want)
		}
	}
	var kinds []chat.EventKind
	bob.HistoryAfter(t.Context(), chat.Lobby, 0, 50, chat.Reader{Page: func(page []chat.Event) bool {
		for _, e := range page {
			kinds = append(kinds, e.Kind)
		}
		return true
	}})
	if want := "[7 1 7 7]"; fmt.Sprint(kinds) != want {
		t.Errorf("history is of the kinds %v, want %s", kinds, want)
	}
	if at, err := carol.see(chat.Lobby, 100); at != 4 || err != nil || carol.listed(chat.Lobby) != "4:4:0" {
		t.Errorf("%d, %v, %s: the last message's place stays", at, err, carol.listed(chat.Lobby))
	}
}
