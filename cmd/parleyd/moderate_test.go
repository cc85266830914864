package main

import (
	"encoding/json"
	osuser "os/user"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/control"
	"parley/internal/parleytest"
)

// objects reads one JSON object a line.
func objects[T any](t *testing.T, out string) (all []T) {
	t.Helper()
	for line := range strings.Lines(out) {
		var one T
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, one)
	}
	return all
}

// TestOperatorsSessions: they are listed, and end one by one or all of an account, and by nobody's token go on.
func TestOperatorsSessions(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "bob")
	operate := func(args ...string) string { return s.Run("", append(args, "--data", s.Data)...) }
	one, two, bob, stranger := s.SignIn("alice"), s.SignIn("alice"), s.SignIn("bob"), s.Dial()
	guest := s.Dial()
	guest.Do("HELLO|gast")
	stranger.Do("PING|")
	bob.Do("PING|") // its token is its own from here on
	two.Do("PING|")

	var list []control.Session
	eventually(t, "everybody has taken what was written to them", func() bool {
		list = objects[control.Session](t, operate("session", "list", "--json"))
		return !slices.ContainsFunc(list, func(l control.Session) bool { return l.Waiting != 0 })
	})
	users := map[string]int{}
	var waits string
	for _, l := range list {
		users[l.User]++
		if l.Address != "127.0.0.1" || l.Front != "line" || time.Since(l.Since) > time.Hour || l.Idle < 0 || l.Idle > 3600 {
			t.Errorf("a session is %+v", l)
		}
		if l.User == "" {
			waits = l.ID
		}
	}
	if len(list) != 5 || users["alice"] != 2 || users["bob"] != 1 || users["~gast"] != 1 || users[""] != 1 {
		t.Errorf("%v are listed", users)
	}
	text := operate("session", "list", "--user", "bob")
	if !strings.Contains(text, bob.Session()) || strings.Contains(text, one.Session()) || strings.Count(text, "\n") != 2 {
		t.Errorf("bob's:\n%s", text)
	}

	operate("session", "end", two.Session(), "--reason", "come back by daylight")
	ended(t, two, "BYE|ejected|come back by daylight")
	refused(t, s, "alice", two.Token())
	operate("session", "end", waits)
	ended(t, stranger, "BYE|ejected|*")
	operate("session", "end", "--user", "~gast")
	ended(t, guest, "BYE|ejected|*")
	hold(t, one, []exchange{{"PING|still here", "OK|still here"}})
	if out := operate("session", "end", "--user", "alice"); out != "ended 1\n" {
		t.Error(out)
	}
	ended(t, one, "BYE|ejected|*")
	refused(t, s, "alice", one.Token())
	hold(t, bob, []exchange{{"PING|", "OK|"}})
	s.Dial().Hello("bob", bob.Token()) // others' tokens are as good as before

	me, err := osuser.Current()
	if err != nil {
		t.Fatal(err)
	}
	logged(t, s, `"operator"`, `"by":"`+me.Username+`"`, `"op":"session end"`, `"whose":"`+two.Session()+`"`, "daylight", `"count":1`)
	for _, tt := range []struct {
		code int
		says string
		args []string
	}{
		{2, "--user", []string{"end"}}, {2, "--user", []string{"end", bob.Session(), "--user", "bob"}},
		{1, "no session", []string{"end", one.Session()}}, {1, "such account", []string{"end", "--user", "nobody"}},
		{1, "reason", []string{"end", bob.Session(), "--reason", "\x1b[2J"}}, {1, "nobody", []string{"end", "--user", "~gone"}},
		{1, "nobody", []string{"mute", "nobody", "--for", "1h"}}, {1, "guests", []string{"mute", "~gast", "--for", "1h"}},
		{1, "year", []string{"mute", "bob", "--for", "9000h"}}, {2, "--for", []string{"mute", "bob", "--for", "-1h"}},
	} {
		code, out := fails(t, "", append([]string{"session"}, append(tt.args, "--data", s.Data)...)...)
		if code != tt.code || !strings.Contains(out, tt.says) || strings.Contains(out, "\x1b") {
			t.Errorf("session %q: exit code %d, %q", tt.args, code, out)
		}
	}
	logged(t, s, `"op":"session mute"`, `"name":"nobody"`, `"error":"there is nobody`)
	if code := s.Stop(); code != 0 {
		t.Fatal(code)
	}
	if code, out := fails(t, "", "session", "list", "--data", s.Data); code != 1 || !strings.Contains(out, "no server runs") {
		t.Errorf("without a server: exit code %d, %q", code, out)
	}
}

// TestOperatorsMute: it holds for live sessions at once and over a restart, until it is lifted.
func TestOperatorsMute(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice")
	operate := func(args ...string) string { return s.Run("", append(args, "--data", s.Data)...) }
	alice := s.SignIn("alice")
	operate("session", "mute", "alice", "--for", "2h")
	alice.Await("NOTE|you are muted until ")
	hold(t, alice, []exchange{{"MSG|but", "forbidden"}})
	s.Kill()
	s.Launch()
	alice = s.SignIn("alice")
	hold(t, alice, []exchange{{"MSG|but", "forbidden"}, {"HISTORY|lobby", "OK|0"}})
	muted := objects[control.Mute](t, operate("session", "muted", "--json"))
	if len(muted) != 1 || muted[0].User != "alice" || time.Until(muted[0].Until) > 2*time.Hour || time.Until(muted[0].Until) < time.Hour {
		t.Errorf("muted are %+v", muted)
	}
	operate("session", "unmute", "alice")
	alice.Await("NOTE|you are not muted any more")
	hold(t, alice, []exchange{{"MSG|at last", "OK|*"}})
	if out := operate("session", "muted"); strings.Contains(out, "alice") {
		t.Error(out)
	}
}

// TestOperatorsRooms: a closed room is locked and empty, nobody comes back by themselves, and opening it gives everybody all that was said.
func TestOperatorsRooms(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests")...)
	addUsers(s, "alice", "bob", "carol")
	operate := func(args ...string) string { return s.Run("", append(args, "--data", s.Data)...) }
	alice, bob, carol, guest := s.SignIn("alice"), s.SignIn("bob"), s.SignIn("carol"), s.Dial()
	hold(t, alice, []exchange{{"JOIN|den", "OK|den|1|0"}, {"INVITE|den|carol", "OK|"}, {"MSG|here we are", "OK|*"}})
	hold(t, bob, []exchange{{"JOIN|den", "OK|den|2|*"}})
	hold(t, guest, []exchange{{"HELLO|gast", "OK|*"}, {"JOIN|den", "OK|den|3|*"}})
	find := func() (den control.Room) {
		t.Helper()
		for _, r := range objects[control.Room](t, operate("room", "list", "--json")) {
			if r.Name == "den" {
				den = r
			}
		}
		return den
	}
	if got, want := find(), (control.Room{Name: "den", Maker: "alice", Members: 3, Present: 3, Messages: 1}); got != want {
		t.Errorf("the room is %+v, want %+v", got, want)
	}
	operate("room", "lock", "den")
	alice.Await("NOTE|an operator has locked the room den")
	hold(t, bob, []exchange{{"MSG|members stay", "OK|*"}})
	operate("room", "open", "den")
	alice.Await("NOTE|an operator has opened the room den")
	operate("room", "expel", "den", "bob")
	bob.Await("NOTE|an operator has taken you out of the room den")
	hold(t, bob, []exchange{{"JOIN|den", "OK|den|3|*"}})

	if out := operate("room", "close", "den"); out != "closed den; 4 taken out of it\n" {
		t.Error(out)
	}
	for _, c := range []*parleytest.Conn{alice, bob, guest} {
		c.Await("NOTE|an operator has taken you out of the room den")
		hold(t, c, []exchange{{"SEND|den||but", "not-member"}, {"HISTORY|den", "not-member"}, {"JOIN|den", "not-member"}})
	}
	hold(t, carol, []exchange{{"JOIN|den", "not-member"}}) // the invitation is gone as well
	if got, want := find(), (control.Room{Name: "den", Locked: true, Messages: 2}); got != want {
		t.Errorf("the closed room is %+v, want %+v", got, want)
	}
	if out := operate("room", "list"); !strings.Contains(out, "closed") {
		t.Error(out)
	}
	operate("room", "close", "den") // again: nothing is left to do
	s.Kill()
	s.Launch()
	alice = s.SignIn("alice")
	hold(t, alice, []exchange{{"JOIN|den", "not-member"}})
	operate("room", "open", "den")
	hold(t, alice, []exchange{{"JOIN|den", "OK|den|1|*"}, {"HISTORY|den", "OK|2"}, {"LOCK|den", "forbidden"}})
	for _, tt := range [][]string{{"close", "lobby", "everybody is in"}, {"lock", "nowhere", "no such room"}, {"close", "@alice@bob", "no such room"},
		{"expel", "lobby", "alice", "everybody is in"}, {"expel", "den", "nobody", "nobody of that name"}, {"broadcast", "hello", "--room", "nowhere", "no such room"},
		{"broadcast", "a\u202eb", "text"}, {"broadcast", strings.Repeat("x", 2001), "2000 bytes"}} {
		args, says := tt[:len(tt)-1], tt[len(tt)-1]
		if code, out := fails(t, "", append([]string{"room"}, append(args, "--data", s.Data)...)...); code != 1 || !strings.Contains(out, says) {
			t.Errorf("room %q: exit code %d, %q", args, code, out)
		}
	}
}

// TestBroadcast tells everybody, or one room.
func TestBroadcast(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	hold(t, alice, []exchange{{"JOIN|den", "OK|*"}})
	drop(alice, bob)
	if out := s.Run("", "room", "broadcast", "the server stops at noon | be quick", "--data", s.Data); out != "told 2 sessions\n" {
		t.Error(out)
	}
	for _, c := range []*parleytest.Conn{alice, bob} {
		if got := c.Event(); got != "NOTE|the server stops at noon | be quick" {
			t.Error(got)
		}
	}
	if out := s.Run("from standard input\n", "room", "broadcast", "--room", "den", "--data", s.Data); out != "told 1 sessions\n" {
		t.Error(out)
	}
	if got := alice.Event(); got != "NOTE|from standard input" {
		t.Error(got)
	}
	quiet(t, bob)
	logged(t, s, `"op":"room broadcast"`, "the server stops at noon")
}

// TestOperatorsOfACluster: what is done at one node holds at the other.
func TestOperatorsOfACluster(t *testing.T) {
	t.Parallel()
	way := parleytest.StartNATS(t, 1).Entrance().Flags()
	for _, name := range []string{"alice", "bob"} {
		(&parleytest.Server{T: t}).Run(parleytest.Password+"\n", append([]string{"user", "add", name, "--bcrypt-cost", "4"}, way...)...)
	}
	here, there := parleytest.Start(t, unlimited(way...)...), parleytest.Start(t, unlimited(way...)...)
	operate := func(args ...string) string { return here.Run("", append(args, "--data", here.Data)...) }
	bob := there.SignIn("bob")
	bob.Do("PING|")
	eventually(t, "the nodes know each other", func() bool { return strings.Contains(operate("room", "broadcast", "hello"), "told 1") })
	bob.Await("NOTE|hello")
	operate("session", "mute", "bob", "--for", "1h")
	bob.Await("NOTE|you are muted until ")
	operate("session", "unmute", "bob")
	bob.Await("NOTE|you are not muted any more")
	hold(t, bob, []exchange{{"JOIN|den", "OK|den|1|0"}, {"MSG|hello", "OK|*"}})
	eventually(t, "this node has heard of the room", func() bool { return strings.Contains(operate("room", "list"), "den") })
	operate("room", "close", "den")
	bob.Await("NOTE|an operator has taken you out of the room den")
	hold(t, bob, []exchange{{"JOIN|den", "not-member"}})
	operate("room", "open", "den")
	hold(t, here.SignIn("alice"), []exchange{{"JOIN|den", "OK|den|1|*"}, {"HISTORY|den", "OK|1"}})
	if list := operate("session", "list"); strings.Contains(list, "bob") || !strings.Contains(list, "alice") {
		t.Errorf("this node's sessions:\n%s", list)
	}
	operate("session", "end", bob.Session(), "--reason", "by another node")
	ended(t, bob, "BYE|ejected|by another node")
	refused(t, there, "bob", bob.Token())
}
