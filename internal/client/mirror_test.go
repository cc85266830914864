package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// mirrored is a Mirror that a test tells what happens, line by line.
type mirrored struct {
	*client.Mirror
	t testing.TB
}

// when is the time of all that happens in these tests.
var when = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func mirror(t testing.TB, self string) mirrored {
	return mirrored{client.NewMirror(self, 1000), t}
}

// parsed is an event by its line.
func parsed(t testing.TB, line string) protocol.Event {
	t.Helper()
	parts, bad := protocol.Parse([]byte(line))
	if bad != nil {
		t.Fatalf("%q: %v", line, bad)
	}
	e, known, bad := protocol.ParseEvent(parts)
	if !known || bad != nil {
		t.Fatalf("%q: %v", line, bad)
	}
	return e
}

func (m mirrored) tell(lines ...string) {
	m.t.Helper()
	for _, line := range lines {
		m.Take(client.Update{Event: parsed(m.t, line)}, when)
	}
}

// past tells what history tells, after a lost connection.
func (m mirrored) past(lines ...string) {
	m.t.Helper()
	for _, line := range lines {
		m.Take(client.Update{Event: parsed(m.t, line), Past: true}, when)
	}
}

func (m mirrored) online() { m.Take(client.Update{State: client.Online}, when) }
func (m mirrored) lost() {
	m.Take(client.Update{State: client.Lost, Wait: 3 * time.Second, Err: client.ErrSilent}, when)
}

// list has LIST asked, if there is need, and answered.
func (m mirrored) list(rooms ...client.Room) {
	m.t.Helper()
	if !m.NeedsList() {
		m.t.Fatal("LIST is not asked")
	}
	m.Listed(rooms)
}

// started is a Mirror that is online and knows these rooms.
func started(t testing.TB, rooms ...client.Room) mirrored {
	t.Helper()
	m := mirror(t, "alice")
	m.online()
	m.list(rooms...)
	return m
}

// page is a page of history with these ids.
func (m mirrored) page(room string, ids ...int64) []protocol.Event {
	var page []protocol.Event
	for _, id := range ids {
		page = append(page, parsed(m.t, msg(fmt.Sprint(id), room, "bob", fmt.Sprint("text ", id))))
	}
	return page
}

func span(from, to int64) (ids []int64) {
	for id := from; id <= to; id++ {
		ids = append(ids, id)
	}
	return ids
}

// items are a room's items in short: ids, -id for one that is gone, a topic's or a refused text's own.
func (m mirrored) items(room string) string {
	m.t.Helper()
	var all []string
	keys := map[int]bool{}
	for _, item := range m.Room(room).Items {
		e, short := item.Event, ""
		switch {
		case keys[item.Key]:
			m.t.Errorf("two items have the key %d", item.Key)
		case e.Command == protocol.EventGone && e.Text == "":
			short = fmt.Sprint(-e.ID)
		case e.Command == protocol.EventMsg && e.ID != 0:
			short = fmt.Sprint(e.ID)
		default:
			short = e.Text
		}
		keys[item.Key] = true
		all = append(all, short)
	}
	return strings.Join(all, " ")
}

func (m mirrored) has(room, items string) {
	m.t.Helper()
	if got := m.items(room); got != items {
		m.t.Errorf("%s has %q, want %q", room, got, items)
	}
}

func (m mirrored) counts(room string, unread, mentions int) {
	m.t.Helper()
	if t := m.Room(room); t.Unread() != unread || t.Mentions() != mentions {
		m.t.Errorf("in %s %d are unread, %d of them mentions; want %d, %d", room, t.Unread(), t.Mentions(), unread, mentions)
	}
}

func (m mirrored) marked(room string, mark int64) {
	m.t.Helper()
	if got := m.Room(room).Mark; got != mark {
		m.t.Errorf("reading stopped at %d, want %d", got, mark)
	}
}

// needs checks whether LIST would be asked; it is, then.
func (m mirrored) needs(want bool) {
	m.t.Helper()
	if got := m.NeedsList(); got != want {
		m.t.Errorf("LIST is needed: %v, want %v", got, want)
	}
}

func TestRoomsAreSorted(t *testing.T) {
	m := started(t, client.Room{Name: "@bob"}, client.Room{Name: "zoo"}, client.Room{Name: "lobby"}, client.Room{Name: "@ann"}, client.Room{Name: "0"})
	if got := strings.Join(m.Rooms(), " "); got != "0 lobby zoo @ann @bob" {
		t.Error(got)
	}
	m.needs(false)
}

// LIST tells which rooms there are, but for what happened since it was asked.
func TestListed(t *testing.T) {
	lobby := client.Room{Name: "lobby", LastID: 5, Seen: 5}
	m := started(t, lobby, client.Room{Name: "left"}, client.Room{Name: "away"})
	m.Open("@ann") // nothing was said there yet
	m.needs(true)
	m.tell("JOIN|new|alice", msg("6", "away", "bob", "x"), msg("7", "@ann", "ann", "x"), msg("8", "@bob", "bob", "x"))
	post := &client.Post{Target: "pending", Text: "x"}
	m.Posted(post)
	m.tell("LEAVE|away|alice")
	m.Listed([]client.Room{lobby, {Name: "away", LastID: 6}})
	if got := strings.Join(m.Rooms(), " "); got != "away lobby new pending @ann @bob" {
		t.Error(got)
	}
	all := []client.Room{lobby, {Name: "new"}, {Name: "@ann", LastID: 7, Unread: 1}, {Name: "@bob", LastID: 8, Unread: 1}}
	m.list(all...)
	if got := strings.Join(m.Rooms(), " "); got != "lobby new pending @ann @bob" {
		t.Error(got)
	}
	m.needs(false)
	m.Settled(post, 0, &protocol.Error{Code: protocol.NotMember}, when)
	m.list(all...)
	if got := strings.Join(m.Rooms(), " "); got != "lobby new @ann @bob" {
		t.Error(got)
	}
	m.counts("@ann", 1, 0)
	m.needs(false)
	m.Stale()
	m.needs(true)
	m.needs(false)
	m.ListFailed()
	m.needs(true)
	m.lost()
	m.Stale()
	m.needs(false) // nobody can be asked
	m.online()
	m.needs(true)
}

// Guests have no position that moves: what is unread is what they were told and not shown.
func TestGuestsReading(t *testing.T) {
	m := mirror(t, "~anna")
	m.Open("lobby")
	m.online()
	m.past(msg("11", "lobby", "bob", "anna"))
	lobby := client.Room{Name: "lobby", LastID: 12, Seen: 10, Unread: 2}
	m.list(lobby)
	m.tell(msg("12", "lobby", "bob", "x"), msg("13", "lobby", "bob", "x"))
	m.counts("lobby", 3, 1)
	m.marked("lobby", 10)
	if got := m.Room("lobby").Read; got != 10 {
		t.Errorf("they have come at %d", got)
	}
	m.Attend(true)
	m.counts("lobby", 0, 0)
	m.tell("GONE|12|lobby|bob", msg("14", "lobby", "bob", "x"))
	m.Attend(false)
	m.tell(msg("15", "lobby", "bob", "x"), msg("16", "lobby", "bob", "x"), "GONE|15|lobby|bob")
	for range 3 {
		m.Stale()
		m.list(client.Room{Name: "lobby", LastID: 16, Seen: 10, Unread: 5})
		m.counts("lobby", 1, 0)
		m.needs(false)
	}
}

// Until LIST has told where reading had stopped, nothing counts as read, so that the line above what is new is there.
func TestMarkAtTheStart(t *testing.T) {
	m := mirror(t, "alice")
	m.Open("lobby")
	m.Attend(true)
	m.online()
	m.past(msg("8", "lobby", "bob", "a"), msg("9", "lobby", "alice", "b"), msg("10", "lobby", "bob", "c"))
	m.Attend(true)
	m.marked("lobby", 7)
	m.list(client.Room{Name: "lobby", LastID: 10, Seen: 5, Unread: 2})
	m.marked("lobby", 5)
	m.counts("lobby", 2, 0)
	m.Attend(true)
	m.counts("lobby", 0, 0)
	m.marked("lobby", 5)
	if m.Room("lobby").Read != 10 {
		t.Error(m.Room("lobby").Read)
	}
	m.tell(msg("11", "lobby", "bob", "d"))
	m.marked("lobby", 5)
	m.counts("lobby", 0, 0)
	m.lost()
	m.past(msg("12", "lobby", "bob", "e"), msg("13", "lobby", "bob", "f"))
	m.Attend(true)
	m.past(msg("14", "lobby", "bob", "f"))
	m.marked("lobby", 11)
	m.Attend(false)
	m.Open("dev")
	m.marked("lobby", 13) // 14 was not shown
	m.Open("lobby")
	m.Attend(true)
	m.Open("dev")
	m.marked("lobby", 0)
	m.tell(msg("15", "lobby", "bob", "g"), msg("16", "lobby", "bob", "g"))
	m.marked("lobby", 14)
	m.tell("SEEN|lobby|15")
	m.marked("lobby", 15)
	m.counts("lobby", 1, 0)
}

func TestConnection(t *testing.T) {
	m := mirror(t, "alice")
	refused := errors.New("refused")
	m.Take(client.Update{State: client.Waiting, Wait: time.Second, Err: refused}, when)
	if got := m.Connection; got.Online || got.Since != when || got.Retry != when.Add(time.Second) || got.Err != refused {
		t.Error(got)
	}
	m.Take(client.Update{State: client.Online, Missed: 3}, when.Add(time.Second))
	if m.Connection != (client.Connection{Online: true, Missed: 3}) {
		t.Error(m.Connection)
	}
	m.lost()
	m.Take(client.Update{State: client.Waiting, Wait: 8 * time.Second, Err: refused}, when.Add(time.Minute))
	if got := m.Connection; got.Since != when || got.Retry != when.Add(time.Minute+8*time.Second) || got.Err != refused {
		t.Error(got)
	}
}
