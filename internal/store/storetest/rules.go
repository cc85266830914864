package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/internal/chat"
)

func lockedJoin(room, account string) chat.Entry {
	e := join(room, account)
	e.Lock = true
	return e
}

func invite(room, account, user string, most int) chat.Entry {
	return chat.Entry{Kind: chat.Invited, Room: room, Account: account, User: user, Limits: chat.Limits{Invites: most}}
}

func expel(room, account, user string) chat.Entry {
	return chat.Entry{Kind: chat.Expelled, Room: room, Account: account, User: user}
}

// expect appends entries one after another and compares their errors.
func (b *bench) expect(t *testing.T, steps []step) {
	t.Helper()
	for i, s := range steps {
		if err := b.appendAll(t, s.entry)[0].err; !errors.Is(err, s.want) {
			t.Fatalf("step %d, %+v: %v, want %v", i, s.entry, err, s.want)
		}
	}
}

type step struct {
	entry chat.Entry
	want  error
}

// restarts runs a check before and after the log was opened anew.
func (b *bench) restarts(t *testing.T, check func()) {
	t.Helper()
	for range 2 {
		check()
		b.restart(t)
	}
}

func testLocked(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob", "carol", "dan")
	lock, open := chat.Entry{Kind: chat.Locked, Room: "den", Account: "alice"}, chat.Entry{Kind: chat.Opened, Room: "den", Account: "alice"}
	left := chat.Entry{Kind: chat.Left, Room: "den", Account: "alice"}
	b.expect(t, []step{
		{lockedJoin("den", "alice"), nil}, {lockedJoin("den", "alice"), nil}, {join("den", "bob"), chat.ErrNotMember}, {lockedJoin("den", "bob"), chat.ErrNotMember},
		{invite("den", "alice", "bob", 0), nil}, {join("den", "bob"), nil}, {left, nil}, {join("den", "alice"), nil}, // who made it may come back
		{join("tea", "carol"), nil}, {lockedJoin("tea", "alice"), chat.ErrRoomExists}, {lockedJoin("tea", "carol"), chat.ErrRoomExists}, {lockedJoin(chat.Lobby, "alice"), chat.ErrRoomExists},
		{open, nil}, {join("den", "carol"), nil}, {lock, nil}, {join("den", "carol"), nil}, {join("den", "dan"), chat.ErrNotMember},
		{expel("den", "bob", "alice"), nil}, {join("den", "alice"), chat.ErrNotMember}, {invite("den", "bob", "alice", 0), nil}, {join("den", "alice"), nil}, {left, nil}, {join("den", "alice"), chat.ErrNotMember},
	})
	b.restarts(t, func() {
		if r, _ := b.room(t, "den"); !r.Locked || r.Maker != "" || !slices.Equal(r.Members, []string{"bob", "carol"}) || r.Invited != nil {
			t.Fatalf("den is %+v", r)
		}
		if r, _ := b.room(t, "tea"); r.Locked || r.Maker != "carol" {
			t.Fatalf("tea is %+v", r)
		}
		b.expect(t, []step{{join("den", "dan"), chat.ErrNotMember}, {join("den", "alice"), chat.ErrNotMember}})
	})
}

// Who asked to join before and is ordered behind a LOCK or an EXPEL is refused, in one batch as well.
func testLockedInOneBatch(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob")
	var all []chat.Entry
	for i := range 40 {
		room := fmt.Sprint("r", i)
		all = append(all, join(room, "alice"), chat.Entry{Kind: chat.Locked, Room: room, Account: "alice"}, join(room, "bob"),
			invite(room, "alice", "bob", 0), expel(room, "alice", "bob"), join(room, "bob"))
	}
	for i, a := range b.appendAll(t, all...) {
		if refused := i%3 == 2; errors.Is(a.err, chat.ErrNotMember) != refused || (a.err != nil) != refused {
			t.Fatalf("answer %d: %v", i, a.err)
		}
	}
	checkOrder(t, "tail", b.tail())
}

func testInvited(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob", "carol")
	decline := chat.Entry{Kind: chat.Left, Room: "a", Account: "bob"}
	b.expect(t, []step{
		{lockedJoin("a", "alice"), nil}, {lockedJoin("b", "alice"), nil}, {lockedJoin("c", "alice"), nil}, {invite("nowhere", "alice", "bob", 2), chat.ErrNotMember},
		{invite("a", "alice", "bob", 2), nil}, {invite("b", "alice", "bob", 2), nil}, {invite("c", "alice", "bob", 2), chat.ErrTooManyInvites}, {invite("c", "alice", "bob", 3), nil},
		{invite("c", "alice", "carol", 1), nil}, {decline, nil}, {decline, nil}, {join("a", "bob"), chat.ErrNotMember},
		{expel("c", "alice", "bob"), nil}, {join("c", "bob"), chat.ErrNotMember},
	})
	before := len(b.tail())
	b.expect(t, []step{{invite("b", "alice", "bob", 0), nil}, {invite("c", "alice", "alice", 0), nil}, {invite("c", "alice", "nobody", 0), nil}})
	if seen := b.tail()[before:]; len(seen) != 0 {
		t.Fatalf("inviting who is invited, a member, or nobody was told: %+v", seen)
	}
	b.restarts(t, func() {
		for room, want := range map[string][]string{"a": nil, "b": {"bob"}, "c": {"carol"}} {
			if r, _ := b.room(t, room); !slices.Equal(r.Invited, want) || !slices.Equal(r.Members, []string{"alice"}) {
				t.Fatalf("%s is %+v, want %q invited", room, r, want)
			}
		}
	})
	a := b.account(t, "carol")
	a.Removed = true
	b.change(t, changeOf(a))
	b.expect(t, []step{{join("b", "bob"), nil}})
	b.restarts(t, func() {
		for _, room := range []string{"b", "c"} {
			if r, _ := b.room(t, room); r.Invited != nil {
				t.Fatalf("%s still invites %q", room, r.Invited)
			}
		}
	})
}

func testMemberLimit(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob", "carol")
	limited := func(room, account string) chat.Entry {
		e := join(room, account)
		e.Limits.Members = 2
		return e
	}
	b.expect(t, []step{
		{limited("tea", "alice"), nil}, {limited("tea", "bob"), nil}, {limited("tea", "bob"), nil}, {limited("tea", "carol"), chat.ErrRoomFull}, {join("tea", "carol"), nil},
		{limited(chat.Lobby, "carol"), nil}, {expel("tea", "alice", "carol"), nil}, {chat.Entry{Kind: chat.Left, Room: "tea", Account: "alice"}, nil}, {limited("tea", "carol"), nil},
		{invite("tea", "bob", "alice", 0), nil}, {limited("tea", "alice"), chat.ErrRoomFull},
	})
	if r, _ := b.room(t, "tea"); !slices.Equal(r.Invited, []string{"alice"}) {
		t.Fatalf("a refused join used up the invitation: %+v", r)
	}
}

func testTopic(t *testing.T, b *bench) {
	b.newAccount(t, "alice")
	b.add(t, join("tea", "alice"))
	for _, text := range []string{"a topic | of ünïcödé", "another", ""} {
		e := b.add(t, chat.Entry{Kind: chat.TopicSet, Room: "tea", Account: "alice", Text: text})
		if seen := b.lastSeen(t, chat.TopicSet); seen.ID != e.ID || seen.Text != text || seen.Room != "tea" {
			t.Fatalf("the tail saw %+v", seen)
		}
		b.restarts(t, func() {
			if r, _ := b.room(t, "tea"); r.Topic != text {
				t.Fatalf("the topic is %q, want %q", r.Topic, text)
			}
		})
	}
}

func testMuted(t *testing.T, b *bench) {
	b.newAccount(t, "alice", "bob")
	until := time.Now().UTC().Truncate(time.Millisecond).Add(time.Hour)
	mute := func(user string, until time.Time) {
		b.add(t, chat.Entry{Kind: chat.Muted, Account: "alice", User: user, Until: until})
	}
	want := func(who map[string]time.Time) {
		t.Helper()
		b.restarts(t, func() {
			s, err := b.State(t.Context())
			if err != nil || len(s.Muted) != len(who) {
				t.Fatalf("muted are %v, %v; want %v", s.Muted, err, who)
			}
			for name, until := range who {
				if !s.Muted[name].Equal(until) {
					t.Fatalf("%s is muted until %v, want %v", name, s.Muted[name], until)
				}
			}
		})
	}
	mute("bob", until)
	mute("alice", until.Add(time.Minute))
	if e := b.lastSeen(t, chat.Muted); e.User != "alice" || !e.Until.Equal(until.Add(time.Minute)) {
		t.Fatalf("the tail saw %+v", e)
	}
	want(map[string]time.Time{"bob": until, "alice": until.Add(time.Minute)})
	mute("bob", until.Add(-time.Minute))
	mute("alice", time.Now().Add(-time.Hour))
	want(map[string]time.Time{"bob": until.Add(-time.Minute)})
	a := b.account(t, "bob")
	a.Removed = true
	b.change(t, changeOf(a))
	want(nil)
}
