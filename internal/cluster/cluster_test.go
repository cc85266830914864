package cluster_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/cluster"
	"parley/internal/parleytest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func TestPresenceHoldsAcrossNodes(t *testing.T) {
	tm := newTeam(t, "alice", "bob", "carol")
	a := tm.join()
	alice := a.come("alice")
	b := tm.join() // alice was there before it
	bob := b.come("bob")
	bob.sees(t, chat.Lobby, "alice", "bob")
	alice.sees(t, chat.Lobby, "alice", "bob")
	if alice.has("JOIN|lobby|bob\n") != 1 || bob.has("JOIN|lobby|alice\n") > 1 {
		t.Errorf("alice heard %q, bob %q", alice, bob)
	}
	for range 2 { // bob has three sessions then, on two nodes
		a.come("bob")
	}
	eventually(t, "a fourth session is one too many on either node", func() bool {
		v, err := b.admit("bob")
		if err == nil {
			v.Exit(false)
		}
		_, err2 := a.admit("bob")
		return err == chat.ErrTooManySessions && err2 == chat.ErrTooManySessions
	})
	bob.Exit(false)
	b.come("carol") // told after that
	alice.sees(t, chat.Lobby, "alice", "bob", "carol")
	if n := alice.has("bob"); n != 1 {
		t.Errorf("bob is on the other node still, and alice heard %q", alice)
	}
}

func TestMovingIsNoLeaving(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, "alice", "bob", "carol")
	a, b := tm.join(), tm.join()
	alice, bob := a.come("alice"), b.come("bob")
	alice.sees(t, chat.Lobby, "alice", "bob")
	bob.sees(t, chat.Lobby, "alice", "bob")
	bob.Exit(true) // lost: the grace begins
	again := a.come("bob")
	eventually(t, "the grace is over", func() bool { return !b.hub.HereOf("bob").Present })
	b.come("carol") // told after that
	alice.sees(t, chat.Lobby, "alice", "bob", "carol")
	if alice.has("LEAVE") != 0 || alice.has("JOIN|lobby|bob\n") != 1 {
		t.Errorf("alice heard %q", alice)
	}
	again.Exit(true)
	eventually(t, "bob is gone after the grace", func() bool { return alice.has("LEAVE|lobby|bob\n") == 1 })
}

// A node that dies says nothing; its people are gone after five beats, and who is on another node too is not.
func TestDeadNodeIsGone(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, "alice", "bob", "carol")
	tm.timing = cluster.Fast
	a, b := tm.join(), tm.join()
	alice := a.come("alice")
	b.come("bob")
	b.come("carol")
	carol := a.come("carol")
	b.come("~guest")
	alice.sees(t, chat.Lobby, "alice", "bob", "carol", "~guest")
	died := time.Now()
	b.nc.Close()
	alice.sees(t, chat.Lobby, "alice", "carol")
	if took := time.Since(died); took < 3*cluster.Fast.Beat() {
		t.Errorf("gone after %v: there was no time to move", took)
	}
	if alice.has("LEAVE|lobby|bob\n") != 1 || alice.has("LEAVE|lobby|~guest\n") != 1 || alice.has("LEAVE|lobby|carol\n") != 0 {
		t.Errorf("alice heard %q", alice)
	}
	carol.Exit(false)
	alice.sees(t, chat.Lobby, "alice")
	if _, err := a.admit("~guest"); err != nil {
		t.Errorf("the guest's name is taken still: %v", err)
	}
}

// A NATS server that is away for a moment changes nothing; one that is away for long takes the others' people, and gives them back.
func TestNATSRestarts(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, "alice", "bob", "carol", "dave")
	tm.timing = cluster.Fast
	a, b := tm.join(), tm.join()
	alice, bob := a.come("alice"), b.come("bob")
	alice.sees(t, chat.Lobby, "alice", "bob")
	away := time.Now()
	tm.shutdown()
	carol := b.come("carol") // said to nobody
	tm.serve()
	alice.sees(t, chat.Lobby, "alice", "bob", "carol")
	if n := alice.has("LEAVE"); n != 0 && time.Since(away) < 3*cluster.Fast.Beat() {
		t.Errorf("NATS was away for less than five beats, and alice heard %q", alice)
	}
	tm.shutdown()
	alice.sees(t, chat.Lobby, "alice")
	bob.sees(t, chat.Lobby, "bob", "carol")
	carol.Exit(false)
	a.come("dave")
	began := time.Now()
	if _, reply := a.connect("HELLO|stranger"); !strings.HasPrefix(reply, "OK|") || time.Since(began) > parleytest.Patience/2 {
		t.Errorf("without NATS: %s after %v", reply, time.Since(began))
	}
	tm.serve()
	alice.sees(t, chat.Lobby, "alice", "bob", "dave", "~stranger")
	bob.sees(t, chat.Lobby, "alice", "bob", "dave", "~stranger")
	if joined, left := bob.has("JOIN|lobby|alice\n"), bob.has("LEAVE|lobby|alice\n"); joined != left && joined != left+1 {
		t.Errorf("bob heard %q", bob)
	}
}

func TestGuestsAcrossNodes(t *testing.T) {
	tm := newTeam(t, "alice", "bob")
	a, b := tm.join(), tm.join()
	alice, bob := a.come("alice"), b.come("bob")
	for _, v := range []*visitor{alice, bob} { // each log is its own here
		v.join(t, "den")
	}
	guest := a.come("~carol")
	guest.join(t, "den")
	bob.sees(t, "den", "bob", "~carol")
	if bob.has("JOIN|lobby|~carol\n") != 1 || bob.has("JOIN|den|~carol\n") != 1 {
		t.Errorf("bob heard %q", bob)
	}
	if _, err := b.admit("~carol"); err != chat.ErrNameTaken {
		t.Errorf("the name of another node's guest: %v", err)
	}
	guest.Leave("den", func(error) {})
	bob.sees(t, "den", "bob")
	bob.sees(t, chat.Lobby, "alice", "bob", "~carol")
	guest.Exit(true)
	bob.sees(t, chat.Lobby, "alice", "bob")
	if bob.has("LEAVE|lobby|~carol\n") != 1 || bob.has("LEAVE|den|~carol\n") != 1 {
		t.Errorf("bob heard %q", bob)
	}
}

// Two guests who take one name at the same moment on two nodes: one stays.
func TestGuestsRace(t *testing.T) {
	tm := newTeam(t, "alice")
	a, b := tm.place(), tm.place()
	one, two := a.come("~carol"), b.come("~carol") // before either node hears of the other
	a.start()
	b.start()
	var reason string
	var stays, goes *visitor
	select {
	case reason = <-one.ended:
		stays, goes = two, one
	case reason = <-two.ended:
		stays, goes = one, two
	case <-time.After(parleytest.Patience):
		t.Fatal("both guests stay")
	}
	if !strings.Contains(reason, "take another name") {
		t.Errorf("the reason is %q", reason)
	}
	goes.Exit(true)
	time.Sleep(200 * time.Millisecond)
	if len(stays.ended) > 0 {
		t.Error("neither guest stays")
	}
	stays.sees(t, chat.Lobby, "~carol")
	if _, err := a.admit("~carol"); err != chat.ErrNameTaken {
		t.Error(err)
	}
	if _, err := b.admit("~carol"); err != chat.ErrNameTaken {
		t.Error(err)
	}
}

func TestEjectCountsAllNodes(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, "alice", "root")
	if _, err := tm.store.Change(t.Context(), auth.Change{Account: auth.Account{Name: "root", Admin: true, Hash: rootHash(t)}}); err != nil {
		t.Fatal(err)
	}
	b, c := tm.join(), tm.join()
	tm.timing = cluster.Hasty
	a := tm.join()
	_, reply := b.connect("HELLO|carol")
	if !strings.HasPrefix(reply, "OK|") {
		t.Fatal(reply)
	}
	alice := c.come("alice")
	alice.sees(t, chat.Lobby, "alice", "~carol")
	admin, reply := a.connect("HELLO|root|" + rootPassword)
	if !strings.HasPrefix(reply, "OK|") {
		t.Fatal(reply)
	}
	eventually(t, "node a knows of ~carol", func() bool { _, away, _ := a.hub.EndGuest("~carol", ""); return away == 1 })
	if reply = do(t, admin, "EJECT|~carol|enough"); reply != "OK|1" {
		t.Errorf("EJECT of another node's guest: %s", reply)
	}
	eventually(t, "alice sees ~carol go", func() bool { return alice.has("LEAVE|lobby|~carol\n") == 1 })
	// An account's sessions end by the log, on each node by itself; the count is that of all.
	a.come("alice")
	eventually(t, "node a knows of both", func() bool {
		_, err := a.admit("alice")
		return err == nil
	})
	eventually(t, "node a counts three", func() bool { _, err := a.admit("alice"); return err == chat.ErrTooManySessions })
	a.hub.Tail([]chat.Outcome{{Entry: chat.Entry{ID: 99, Kind: chat.SessionsEnded, Account: "alice"}, News: true, Done: func(chat.Entry, error) {}}})
	if n := a.hub.Ended("alice"); n != 3 {
		t.Errorf("%d sessions were ended, want 3", n)
	}
	// With a node that does not answer the ejection is not claimed.
	s := tm.stranger("00000000-0000-4000-8000-000000000001")
	s.beats()
	s.says("", map[string]any{"kind": "change", "seq": 1, "people": []any{map[string]any{"n": "~dora", "p": true, "s": 1}}})
	eventually(t, "node a knows of ~dora", func() bool { _, away, _ := a.hub.EndGuest("~dora", ""); return away == 1 })
	if reply = do(t, admin, "EJECT|~dora|enough"); !strings.HasPrefix(reply, "ERROR|busy|") {
		t.Errorf("EJECT of a guest whose node does not answer: %s", reply)
	}
}

func TestThrottleHoldsAcrossNodes(t *testing.T) {
	tm := newTeam(t)
	a, b := tm.join(), tm.join()
	eventually(t, "they know each other", func() bool { return a.logged.has("a node is there") == 1 && b.logged.has("a node is there") == 1 })
	from := netip.MustParseAddr("192.0.2.7")
	for i := range 3 {
		a.auth.SignIn(t.Context(), "bob", "wrong", from)
		a.auth.SignIn(t.Context(), fmt.Sprintf("Not A Name %d", i), "wrong", from)
	}
	eventually(t, "b throttles bob", func() bool { return len(b.auth.Throttled()) == 2 })
	if _, err := b.auth.SignIn(t.Context(), "bob", "wrong", from); err == nil || err == auth.ErrDenied {
		t.Errorf("a try at b: %v", err)
	}
	b.auth.Lift("", "")
	eventually(t, "lifted at a", func() bool { return len(a.auth.Throttled()) == 0 })
}

func TestSessionsLiveAcrossNodes(t *testing.T) {
	tm := newTeam(t, "root")
	if _, err := tm.store.Change(t.Context(), auth.Change{Account: auth.Account{Name: "root", Hash: rootHash(t)}}); err != nil {
		t.Fatal(err)
	}
	a, b := tm.join(), tm.join()
	eventually(t, "they know each other", func() bool { return a.logged.has("a node is there") == 1 && b.logged.has("a node is there") == 1 })
	_, reply := a.connect("HELLO|root|" + rootPassword)
	token := strings.Split(reply, "|")[2]
	holder, reply := a.connect("HELLO|root|" + token)
	if !strings.HasPrefix(reply, "OK|") {
		t.Fatal(reply)
	}
	// The token is spent, and its session lives on the other node, where no line confirmed it yet.
	if _, reply := b.connect("HELLO|root|" + token); !strings.HasPrefix(reply, "ERROR|denied|") {
		t.Errorf("a spent token whose session lives on the other node: %s", reply)
	}
	holder.Close()
	// Over without a line heard in it: the reply may have been lost, and the token is good once more.
	eventually(t, "the token opens a session once its session is over", func() bool {
		_, reply := b.connect("HELLO|root|" + token)
		return strings.HasPrefix(reply, "OK|")
	})
}
