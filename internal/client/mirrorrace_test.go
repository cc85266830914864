package client_test

import (
	"strings"
	"testing"

	"parley/internal/client"
)

// What happens in a room while LIST tells of it for the first time.
func TestFirstListIsOvertaken(t *testing.T) {
	for line, room := range map[string]client.Room{
		"SEEN|lobby|6":                 {Name: "lobby", LastID: 10, Seen: 6, Unread: 4},
		"GONE|8|lobby|bob":             {Name: "lobby", LastID: 10, Seen: 5, Unread: 4},
		msg("11", "lobby", "bob", "x"): {Name: "lobby", LastID: 11, Seen: 5, Unread: 6},
	} {
		m := mirror(t, "alice")
		m.online()
		m.needs(true)
		m.tell(line)
		m.Listed([]client.Room{{Name: "lobby", LastID: 10, Seen: 5, Unread: 5}})
		m.list(room)
		m.counts("lobby", room.Unread, 0)
		m.needs(false)
	}
}

// What is shown of a conversation that LIST does not have yet is read.
func TestConversationBegins(t *testing.T) {
	m := started(t)
	m.Open("@bob")
	m.list()
	m.Stale()
	m.needs(true)
	m.tell(msg("4", "@bob", "bob", "x"))
	m.Listed(nil)
	m.Attend(true)
	m.Attend(false)
	m.list(client.Room{Name: "@bob", LastID: 4, Unread: 1})
	m.counts("@bob", 0, 0)
	m.needs(false)
}

// Who joins again by another session begins anew: what was said meanwhile is not here.
func TestJoinedAgain(t *testing.T) {
	m := started(t, client.Room{Name: "dev", LastID: 3, Seen: 3})
	m.shows("dev", false, 2, 3)
	post := &client.Post{Target: "dev", Text: "mine"}
	m.Posted(post)
	m.tell("JOIN|dev|bob")
	m.has("dev", "2 3")
	m.tell("JOIN|dev|alice", msg("9", "dev", "bob", "x"))
	m.has("dev", "9")
	m.Settled(post, 10, nil, when)
	m.has("dev", "9 10")
	if len(m.Room("dev").Pending) != 0 {
		t.Error("still on its way")
	}
	m.needs(true)
}

// A text that was on its way keeps a room that is not the account's any more; once it has settled LIST decides.
func TestRoomIsLeftWithATextOnItsWay(t *testing.T) {
	m := started(t, client.Room{Name: "dev", LastID: 3, Seen: 3})
	post, other := &client.Post{Target: "dev", Text: "mine"}, &client.Post{Target: "dev", Text: "mine"}
	m.Posted(post)
	m.Posted(other)
	m.list2()
	m.needs(false)
	m.Settled(post, 4, nil, when)
	m.list()
	m.needs(false)
	m.Settled(other, 5, nil, when)
	m.list()
	if got := strings.Join(m.Rooms(), " "); got != "" {
		t.Errorf("there is still %s", got)
	}
	m.Settled(other, 5, nil, when) // of a room that was left: it does not come back
	if m.Room("dev") != nil {
		t.Error("it is back")
	}
}

// History's word that something is gone makes a room known, as its messages do.
func TestMissedIsGone(t *testing.T) {
	m := mirror(t, "alice")
	m.past("GONE|5|lobby|bob", msg("6", "lobby", "bob", "alice"), msg("7", "lobby", "bob", "x"))
	m.has("lobby", "-5 6 7")
	m.online()
	m.list(client.Room{Name: "lobby", LastID: 7, Seen: 4, Unread: 2})
	m.counts("lobby", 2, 1)
	m.lost() // and nobody hears that both are taken back
	m.online()
	m.list(client.Room{Name: "lobby", LastID: 7, Seen: 4})
	m.counts("lobby", 0, 0)
}
