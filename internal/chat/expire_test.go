package chat_test

import (
	"testing"

	"parley/internal/chat"
)

// TestExpired: what the log has dropped is not counted any more, as read or as unread, and nobody is told.
func TestExpired(t *testing.T) {
	h := newHouse(t, "alice", "bob", "carol")
	alice, bob, carol, guest := h.come("alice"), h.come("bob"), h.come("carol"), (*visitor)(nil)
	for range 3 {
		alice.say("", "x") // 1 to 3
	}
	bob.say("", "mine") // 4
	guest = h.come("~guest")
	for range 3 {
		alice.say("", "x") // 5 to 7
	}
	guest.say("", "mine") // 8
	if at, err := carol.see(chat.Lobby, 2); at != 2 || err != nil {
		t.Fatal(at, err)
	}
	for _, v := range []*visitor{alice, bob, carol, guest} {
		v.news()
	}
	for _, step := range []struct {
		dropped                  []chat.Message
		alice, bob, carol, guest string
	}{
		{nil, "8:0:2", "8:0:7", "8:2:6", "8:4:3"},
		{[]chat.Message{{ID: 1, User: "alice"}}, "8:0:2", "8:0:6", "8:2:6", "8:4:3"},
		{[]chat.Message{{ID: 2, User: "alice"}, {ID: 3, User: "alice"}, {ID: 4, User: "bob"}, {ID: 5, User: "alice"}}, "8:0:1", "8:0:3", "8:2:3", "8:4:2"},
		{[]chat.Message{{ID: 6, User: "alice"}, {ID: 7, User: "alice"}, {ID: 8, User: "~guest"}}, "8:0:0", "8:0:0", "8:2:0", "8:4:0"},
	} {
		answered := false
		h.Tail([]chat.Outcome{{Entry: chat.Entry{Kind: chat.Expired, Room: chat.Lobby, Dropped: step.dropped}, News: true, Done: func(chat.Entry, error) { answered = true }}})
		if !answered {
			t.Error("the log was not answered")
		}
		for v, want := range map[*visitor]string{alice: step.alice, bob: step.bob, carol: step.carol, guest: step.guest} {
			if got := v.listed(chat.Lobby); got != want {
				t.Errorf("without %v: %s is at %s, want %s", step.dropped, v.Name, got, want)
			}
			h.want(v, "")
		}
	}
}
