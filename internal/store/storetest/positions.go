package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"parley/auth"
	"parley/internal/chat"
)

func changeOf(a auth.Account) auth.Change {
	return auth.Change{Account: a, End: true, Reason: "changed"}
}

func seen(room, account string, id int64) chat.Entry {
	return chat.Entry{Kind: chat.Seen, Room: room, Account: account, Message: id}
}

// tally is what was said in a room, and counts what is unread the plain way.
type tally struct {
	said []chat.Entry
	at   map[string]int64
}

func (c *tally) unread(account string) (n int) {
	for _, e := range c.said {
		if e.ID > c.at[account] && e.Account != account && e.Text != "" {
			n++
		}
	}
	return n
}

// read moves a position in as many steps as the log takes, and wants each to be told and the last to be right.
func (b *bench) read(t *testing.T, c *tally, room, account string, id int64) {
	t.Helper()
	for before := c.at[account]; ; {
		told := len(b.tail())
		e := b.add(t, seen(room, account, id))
		moved := e.Message > before
		c.at[account] = e.Message
		if e.Unread != c.unread(account) {
			t.Fatalf("%s has read %s up to %d: %d unread, want %d", account, room, e.Message, e.Unread, c.unread(account))
		}
		if news := b.tail()[told:]; moved != (len(news) == 1) || moved && (news[0].Message != e.Message || news[0].Unread != e.Unread) {
			t.Fatalf("from %d to %d the tail saw %+v", before, e.Message, news)
		}
		if e.Message >= id {
			if e.Message != max(before, id) {
				t.Fatalf("seen %d, from %d: %d", id, before, e.Message)
			}
			return
		}
		if !moved {
			t.Fatalf("seen %d stays at %d", id, before)
		}
		before = e.Message
	}
}

// takeBack has some message forgotten, for good.
func (b *bench) takeBack(t *testing.T, c *tally, i int) {
	t.Helper()
	e := c.said[i]
	b.add(t, gone(e, e.Account))
	c.said[i].Text = ""
}

// wantPositions compares the state with the tally.
func (b *bench) wantPositions(t *testing.T, c *tally, room string, accounts ...string) {
	t.Helper()
	s, err := b.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]chat.Position{}
	for _, p := range s.Positions {
		if p.Room == room {
			got[p.Account] = p
		}
	}
	r, _ := b.room(t, room)
	all := 0
	for _, e := range c.said {
		if e.Text != "" {
			all++
		}
	}
	for _, name := range accounts {
		if p := got[name]; r.Said != all || p.Seen != c.at[name] || r.Said-p.Read != c.unread(name) {
			t.Fatalf("%s in %s: %+v of %d said; want %d unread above %d", name, room, p, r.Said, c.unread(name), c.at[name])
		}
	}
}

func testSeen(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob", "carol")
	for _, room := range []string{"tea", chat.Lobby, chat.Conversation("alice", "bob")} {
		c := &tally{at: map[string]int64{}}
		if room == "tea" {
			b.add(t, join(room, "alice"))
			b.add(t, join(room, "bob"))
		}
		talk := func(n int) {
			var all []chat.Entry
			for i := range n {
				all = append(all, said(room, []string{"alice", "bob", "alice"}[i%3], fmt.Sprint(i)))
			}
			for _, a := range b.appendAll(t, all...) {
				c.said = append(c.said, a.Entry)
			}
		}
		talk(10)
		for _, id := range []int64{c.said[4].ID, c.said[2].ID, c.said[4].ID, c.said[8].ID} {
			b.read(t, c, room, "bob", id)
		}
		b.restarts(t, func() { b.wantPositions(t, c, room, "alice", "bob") })
		talk(5)
		b.read(t, c, room, "bob", c.said[11].ID)
		b.read(t, c, room, "alice", c.said[14].ID)
		b.restarts(t, func() { b.wantPositions(t, c, room, "alice", "bob") })
		if room != "tea" {
			continue
		}
		// Leaving keeps it; who is new has read nothing.
		b.add(t, chat.Entry{Kind: chat.Left, Room: room, Account: "bob"})
		talk(6)
		for name, e := range map[string]chat.Entry{"bob": b.add(t, join(room, "bob")), "carol": b.add(t, join(room, "carol")), "alice": b.add(t, join(room, "alice"))} {
			if e.Message != c.at[name] || e.Unread != c.unread(name) {
				t.Fatalf("%s joins and has read up to %d, %d unread; want %d, %d", name, e.Message, e.Unread, c.at[name], c.unread(name))
			}
		}
	}
	a := b.account(t, "bob")
	a.Removed = true
	b.change(t, changeOf(a))
	b.restarts(t, func() {
		s, _ := b.State(t.Context())
		for _, p := range s.Positions {
			if p.Account == "bob" {
				t.Fatalf("bob was removed and has %+v", p)
			}
		}
	})
}

// What is taken back is unread to nobody, wherever they have read to, at once and over restarts, and twice is once.
func testUnreadAfterGone(t *testing.T, b *bench) {
	people := []string{"alice", "bob", "carol"}
	b.newAccount(t, people...)
	c := &tally{at: map[string]int64{}}
	for _, name := range people {
		b.add(t, join("tea", name))
	}
	var all []chat.Entry
	for i := range 30 {
		all = append(all, said("tea", people[i%2], "x"))
	}
	for _, a := range b.appendAll(t, all...) {
		c.said = append(c.said, a.Entry)
	}
	b.read(t, c, "tea", "bob", c.said[15].ID)
	for _, i := range []int{0, 1, 14, 15, 16, 17, 29, 29, 0} { // read and unread, one's own and others', the one at the position, the last
		b.takeBack(t, c, i)
		b.restarts(t, func() { b.wantPositions(t, c, "tea", people...) })
	}
	b.read(t, c, "tea", "bob", c.said[16].ID)
	b.read(t, c, "tea", "carol", c.said[20].ID)
	for _, name := range people {
		if e := b.add(t, join("tea", name)); e.Message != c.at[name] || e.Unread != c.unread(name) {
			t.Fatalf("%s: %+v, want %d unread", name, e, c.unread(name))
		}
	}
	b.restarts(t, func() { b.wantPositions(t, c, "tea", people...) })
}

// Positions in the middle of more messages than a log would count at once, and while others speak: at every place the counts are right.
func testSeenAmongMany(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob", "carol")
	r := rand.New(rand.NewPCG(1, 2))
	c := &tally{at: map[string]int64{}}
	people := []string{"alice", "bob", "carol"}
	for _, name := range people {
		b.add(t, join("tea", name))
	}
	for round := range 12 {
		var all []chat.Entry
		for len(all) < 1000 {
			name := people[r.IntN(3)]
			for range 1 + r.IntN(40) {
				all = append(all, said("tea", name, "x"), said(chat.Lobby, name, "elsewhere"))
			}
		}
		for _, a := range b.appendAll(t, all...) {
			if a.Room == "tea" {
				c.said = append(c.said, a.Entry)
			}
		}
		for range 6 {
			b.takeBack(t, c, r.IntN(len(c.said)))
			b.read(t, c, "tea", people[r.IntN(2)], c.said[r.IntN(len(c.said))].ID)
		}
		if round%5 == 4 {
			b.restarts(t, func() { b.wantPositions(t, c, "tea", people...) })
		}
	}
	b.read(t, c, "tea", "carol", c.said[len(c.said)/2].ID) // from nothing right into the middle
	b.wantPositions(t, c, "tea", people...)
}
