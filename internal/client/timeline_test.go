package client_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// shows makes a room have some messages, by a page that is asked for and answered.
func (m mirrored) shows(room string, start bool, ids ...int64) {
	m.t.Helper()
	if _, ok := m.Room(room).NeedsOlder(); !ok {
		m.t.Fatal("no older page is asked for")
	}
	m.Room(room).Older(m.page(room, ids...), start)
}

// asks checks before which id an older page is wanted; 0: none is.
func (m mirrored) asks(room string, want int64) {
	m.t.Helper()
	if before, ok := m.Room(room).NeedsOlder(); before != want || ok != (want != 0) || m.Room(room).IsLoading() != ok {
		m.t.Errorf("asks for messages before %d (%v), want %d", before, ok, want)
	}
}

// That a message is gone takes it from what is unread, wherever it stands.
func TestGone(t *testing.T) {
	lobby := client.Room{Name: "lobby", LastID: 10, Seen: 5, Unread: 5}
	m := started(t, lobby)
	m.shows("lobby", false, span(4, 10)...)
	m.tell(msg("11", "lobby", "bob", "alice!"), msg("12", "lobby", "bob", "x"), msg("13", "lobby", "alice", "x"))
	m.counts("lobby", 7, 1)
	m.tell("GONE|11|lobby|bob", "GONE|13|lobby|alice", "GONE|4|lobby|bob", "GONE|2|lobby|bob", "GONE|12|nowhere|bob")
	m.counts("lobby", 6, 0)
	m.needs(false) // all that is exact
	m.tell("GONE|7|lobby|bob")
	m.counts("lobby", 5, 0)
	lobby.LastID, lobby.Unread = 13, 5
	m.list(lobby) // which may have counted it, or not
	m.counts("lobby", 5, 0)
	m.has("lobby", "-4 5 6 -7 8 9 10 -11 12 -13")
	if got := m.Room("lobby").Items[0].Event.Time; got.IsZero() {
		t.Error("its time is gone as well")
	}
	m.tell(msg("7", "lobby", "bob", "x"))
	m.has("lobby", "-4 5 6 -7 8 9 10 -11 12 -13")

	m.tell(msg("14", "lobby", "bob", "x"))
	m.Stale()
	m.needs(true)
	m.tell("GONE|14|lobby|bob")
	m.Listed([]client.Room{{Name: "lobby", LastID: 14, Seen: 5, Unread: 6}}) // it looked before 14 was gone
	m.list(client.Room{Name: "lobby", LastID: 14, Seen: 5, Unread: 5})
	m.counts("lobby", 5, 0)
	m.needs(false)
	m.past("GONE|15|lobby|bob", msg("16", "lobby", "bob", "x"))
	m.has("lobby", "-4 5 6 -7 8 9 10 -11 12 -13 -14 -15 16")
}

// What is taken back from here is told by its id alone.
func TestTakenBackHere(t *testing.T) {
	m := started(t, client.Room{Name: "dev"}, client.Room{Name: "lobby"})
	m.tell(msg("1", "lobby", "bob", "alice"), msg("2", "lobby", "alice", "x"), msg("3", "lobby", "bob", "x"))
	for _, id := range []int64{2, 9, 1} {
		m.Take(client.Update{Event: protocol.Event{Command: protocol.EventGone, ID: id}}, when)
	}
	m.has("lobby", "-1 -2 3")
	if got := m.Room("lobby").Items[0].Event; got.User != "bob" || got.Room != "lobby" {
		t.Error(got)
	}
	m.counts("lobby", 1, 0)
	m.needs(false)
	m.tell(msg("4", "lobby", "alice", "x"))
	m.list2(client.Room{Name: "dev"}, client.Room{Name: "lobby", LastID: 4, Unread: 1})
	m.Take(client.Update{Event: protocol.Event{Command: protocol.EventGone, ID: 4}}, when)
	m.counts("lobby", 1, 0) // one's own is never unread
	m.needs(false)
}

// What is taken back while something is on its way that still has its text stays so.
func TestGoneOvertakes(t *testing.T) {
	m := started(t, client.Room{Name: "lobby", LastID: 10, Seen: 10})
	m.asks("lobby", math.MaxInt64)
	post := &client.Post{Target: "lobby", Text: "mine"}
	m.Posted(post)
	m.tell("GONE|9|lobby|bob", "GONE|11|lobby|alice")
	m.Room("lobby").Older(m.page("lobby", 8, 9, 10), false)
	m.has("lobby", "8 -9 10")
	m.Settled(post, 11, nil, when)
	m.has("lobby", "8 -9 10 -11")
	m.asks("lobby", 8)
	m.lost()
	m.Room("lobby").Older(m.page("lobby", 6, 7), true) // of the connection that was lost: it is asked for again
	m.has("lobby", "8 -9 10 -11")
	m.asks("lobby", 8)
	m.tell("GONE|7|lobby|bob")
	m.Room("lobby").Older(m.page("lobby", 6, 7), true)
	m.has("lobby", "6 -7 8 -9 10 -11")
	m.asks("lobby", 0)
}

// Another session may have read a part: LIST tells how much is left.
func TestSeenElsewhere(t *testing.T) {
	m := started(t, client.Room{Name: "lobby", LastID: 10, Seen: 5, Unread: 5})
	m.tell(msg("11", "lobby", "bob", "alice!"), msg("12", "lobby", "bob", "alice!"), msg("13", "lobby", "bob", "x"))
	m.counts("lobby", 8, 2)
	m.tell("SEEN|lobby|4", "SEEN|nowhere|4")
	m.needs(false)
	m.tell("SEEN|lobby|8")
	m.marked("lobby", 8)
	m.needs(true)
	m.Listed([]client.Room{{Name: "lobby", LastID: 13, Seen: 8, Unread: 5}})
	m.counts("lobby", 5, 2)
	m.tell(msg("14", "lobby", "bob", "x"), "SEEN|lobby|11")
	m.list(client.Room{Name: "lobby", LastID: 14, Seen: 11, Unread: 3})
	m.counts("lobby", 3, 1)
	m.tell(msg("15", "lobby", "bob", "x"), msg("16", "lobby", "bob", "x"), "SEEN|lobby|15")
	m.counts("lobby", 1, 0)
	m.needs(false) // all these were told
	m.Stale()
	m.needs(true)
	m.tell("SEEN|lobby|16")
	m.Listed([]client.Room{{Name: "lobby", LastID: 16, Seen: 15, Unread: 1}}) // it looked before
	m.counts("lobby", 0, 0)
	m.list(client.Room{Name: "lobby", LastID: 16, Seen: 16})
	m.counts("lobby", 0, 0)
	m.list2(client.Room{Name: "lobby", LastID: 20, Seen: 18, Unread: 2}) // SEEN came not yet
	m.counts("lobby", 2, 0)
	m.tell(msg("17", "lobby", "bob", "alice"), msg("19", "lobby", "bob", "alice"), msg("20", "lobby", "bob", "x"), msg("21", "lobby", "bob", "x"), "SEEN|lobby|18")
	m.counts("lobby", 3, 1)
}

// list2 is list where nothing but the person wants it.
func (m mirrored) list2(rooms ...client.Room) {
	m.t.Helper()
	m.needs(false)
	m.Stale()
	m.list(rooms...)
}

// What is shown here counts as read, also where the server is not told, or refuses to hear it: that asks for no LIST.
func TestSeenRefusedIsNoLoop(t *testing.T) {
	lobby := client.Room{Name: "lobby", LastID: 10, Seen: 5, Unread: 5}
	m := started(t, lobby)
	m.Open("lobby")
	m.shows("lobby", false, span(7, 9)...) // 10 is about to be told
	m.Attend(true)
	m.Attend(false)
	m.counts("lobby", 0, 0)
	m.tell(msg("10", "lobby", "bob", "x"), msg("11", "lobby", "bob", "x"))
	lobby.LastID, lobby.Unread = 11, 6
	for range 3 {
		m.list2(lobby)
		m.counts("lobby", 2, 0)
	}
	m.needs(false)
}

// Nothing that is not here is shown: the page with what LIST has counted is on its way.
func TestNothingIsShownYet(t *testing.T) {
	m := started(t, client.Room{Name: "lobby", LastID: 10, Seen: 5, Unread: 5})
	m.Open("lobby")
	m.Attend(true)
	m.counts("lobby", 5, 0)
	m.marked("lobby", 5)
	m.shows("lobby", false, span(3, 10)...)
	m.counts("lobby", 5, 0)
	m.Attend(true)
	m.counts("lobby", 0, 0)
	m.marked("lobby", 5)
}

func TestOlder(t *testing.T) {
	m := started(t, client.Room{Name: "lobby", LastID: 10, Seen: 10})
	m.Open("lobby")
	m.tell("TOPIC|lobby|bob|first")
	m.asks("lobby", math.MaxInt64)
	m.asks2(false) // one is on its way
	m.tell(msg("11", "lobby", "bob", "x"), "TOPIC|lobby|bob|second", msg("12", "lobby", "bob", "x"))
	m.Room("lobby").Older(m.page("lobby", 8, 9, 10, 11, 12, 13), false)
	m.has("lobby", "8 9 10 first 11 second 12 13")
	m.tell(msg("13", "lobby", "bob", "x"), msg("13", "lobby", "bob", "x"))
	m.asks("lobby", 8)
	m.tell("TOPIC|lobby|bob|third", msg("14", "lobby", "bob", "x"))
	m.Room("lobby").OlderFailed()
	m.asks("lobby", 8)
	m.Room("lobby").Older(m.page("lobby", 5, 6, 7), false)
	m.asks("lobby", 5)
	m.Room("lobby").Older(m.page("lobby", 3, 3, 4, 2), true) // a server that can't count
	m.has("lobby", "3 4 5 6 7 8 9 10 first 11 second 12 13 third 14")
	m.asks("lobby", 0)
	m.counts("lobby", 4, 0)
}

func (m mirrored) asks2(want bool) {
	m.t.Helper()
	if _, ok := m.Room("lobby").NeedsOlder(); ok != want {
		m.t.Errorf("an older page is asked for: %v", ok)
	}
}

// A page that was asked for before messages were dropped would leave a gap.
func TestPageAfterTrim(t *testing.T) {
	m := started(t, client.Room{Name: "lobby", LastID: 5000, Seen: 5000}, client.Room{Name: "dev"})
	m.Open("lobby")
	m.shows("lobby", false, span(4000, 4400)...)
	m.asks("lobby", 4000)
	m.Open("dev")
	if got := len(m.Room("lobby").Items); got != 200 {
		t.Errorf("%d messages of a room that is not on the screen", got)
	}
	m.Room("lobby").Older(m.page("lobby", span(3900, 3999)...), true)
	if got := m.Room("lobby"); len(got.Items) != 200 || got.Items[0].Event.ID != 4201 || got.Start {
		t.Errorf("%d messages, from %d on", len(got.Items), got.Items[0].Event.ID)
	}
	m.asks("lobby", 4201)
}

// How much is kept of a room that is closed, followed, scrolled back in.
func TestBounds(t *testing.T) {
	m := started(t, client.Room{Name: "lobby", LastID: 100_000, Seen: 100_000})
	length := func(least, most int) {
		t.Helper()
		if got := len(m.Room("lobby").Items); got < least || got > most {
			t.Errorf("%d messages are kept, want %d to %d", got, least, most)
		}
	}
	m.shows("lobby", true, span(50_001, 50_500)...)
	length(250, 250)
	if m.Room("lobby").Start {
		t.Error("it begins there")
	}
	m.asks2(false)
	m.Open("lobby")
	m.Attend(true)
	newest := int64(50_500)
	for range 3000 {
		newest++
		m.tell("TOPIC|lobby|bob|x")
		m.said(newest)
	}
	length(1000, 1250)
	m.Attend(false)
	for oldest := m.Room("lobby").Items[0].Event.ID; ; oldest -= 500 {
		before, ok := m.Room("lobby").NeedsOlder()
		if !ok {
			break
		}
		m.Room("lobby").Older(m.page("lobby", span(before-500, before-1)...), false)
	}
	length(5000, 5000)
	if !m.Room("lobby").IsFull() || m.Room("lobby").IsLoading() {
		t.Error("there is space for more")
	}
	m.said(newest + 1)
	length(4000, 4000)
	m.Attend(true)
	length(1000, 1000)
	m.lost()
	m.Attend(false)
	for range 6000 {
		m.Settled(&client.Post{Target: "lobby", Text: "x"}, 0, client.ErrClosed, when)
	}
	length(4000, 5000)
}

// said tells of a message in the lobby without looking at its line, which takes long.
func (m mirrored) said(id int64) {
	m.Take(client.Update{Event: protocol.Event{Command: protocol.EventMsg, ID: id, Room: "lobby", User: "bob", Text: "alice", Time: when}}, when)
}

// Of unread messages too many to be known one by one the number stays right, and what is not sure is asked.
func TestManyUnread(t *testing.T) {
	m := started(t, client.Room{Name: "lobby"})
	for id := range int64(10_000) {
		m.said(id + 1)
	}
	m.counts("lobby", 10_000, 4096)
	m.needs(true)
	m.Listed([]client.Room{{Name: "lobby", LastID: 2000, Unread: 2000}}) // from before
	m.counts("lobby", 10_000, 4096)
	m.needs(false)
	m.said(10_001)
	m.tell("SEEN|lobby|5")
	m.list(client.Room{Name: "lobby", LastID: 10_001, Seen: 5, Unread: 9996})
	m.counts("lobby", 9996, 4091)
	m.needs(false)
}

// One's own messages have their place among others', whichever is told first, and are never unread.
func TestSettled(t *testing.T) {
	m := started(t, client.Room{Name: "lobby", LastID: 10, Seen: 10})
	first, second, third := &client.Post{Target: "lobby", Text: "a"}, &client.Post{Target: "lobby", Text: "refused"}, &client.Post{Target: "lobby", Text: "c"}
	for _, p := range []*client.Post{first, second, third} {
		m.Posted(p)
	}
	m.tell(msg("11", "lobby", "bob", "x"))
	m.Settled(first, 13, nil, when.Add(time.Hour))
	m.tell(msg("12", "lobby", "bob", "x"), msg("14", "lobby", "bob", "x"))
	m.has("lobby", "11 12 13 14")
	refusal := &protocol.Error{Code: protocol.Forbidden}
	m.Settled(second, 0, refusal, when)
	m.tell(msg("15", "lobby", "alice", "c")) // a page has it already
	key := m.Room("lobby").Items[5].Key
	m.Settled(third, 15, nil, when.Add(time.Hour))
	m.has("lobby", "11 12 13 14 refused 15")
	t1, t2 := m.Room("lobby").Items[4], m.Room("lobby").Items[5]
	if t1.Err != refusal || t1.Event.User != "alice" || !t2.Event.Time.Equal(parsed(t, msg("1", "a", "b", "c")).Time) || t2.Key != key {
		t.Error(t1, t2)
	}
	if len(m.Room("lobby").Pending) != 0 {
		t.Error("still on its way")
	}
	m.tell(msg("13", "lobby", "alice", "a"))
	if got := m.Room("lobby").Items[2].Event.Time; got.Equal(when.Add(time.Hour)) {
		t.Error("history's time does not count")
	}
	m.counts("lobby", 3, 0)
	m.needs(true)
	m.Posted(&client.Post{Target: "gone", Text: "x"})
	if got := strings.Join(m.Rooms(), " "); got != "gone lobby" {
		t.Error(got)
	}
}
