package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/cluster"
	"parley/internal/parleytest"
)

const rootPassword = "four plain words here"

// rootHash is what a store keeps of rootPassword.
func rootHash(t *testing.T) []byte {
	t.Helper()
	other := newTeam(t).place()
	if err := other.auth.Add(t.Context(), "root", rootPassword, false, false); err != nil {
		t.Fatal(err)
	}
	defer other.auth.Close()
	a, err := other.tm.store.Account(t.Context(), "root")
	if err != nil {
		t.Fatal(err)
	}
	return a.Hash
}

func people(names ...string) (list []any) {
	for _, name := range names {
		list = append(list, map[string]any{"n": name, "p": true, "s": 1})
	}
	return list
}

// What comes late, twice, out of order or not at all.
func TestGapsAreAskedFor(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, "alice", "bob", "carol", "dave", "erin")
	tm.timing = cluster.Fast
	a := tm.join()
	alice := a.come("alice")
	s := tm.stranger("00000000-0000-4000-8000-000000000001")
	s.says("", map[string]any{"kind": "beat", "seq": 7})
	s.hears("beat") // at once, to who is new
	asked := s.hears("want")
	part := func(i int, seq int, names ...string) map[string]any {
		return map[string]any{"kind": "state", "ask": asked.Ask, "seq": seq, "part": i, "parts": 3, "people": people(names...)}
	}
	s.says(asked.Node, part(2, 7, "carol"))
	s.says(asked.Node, part(0, 7, "bob"))
	s.says(asked.Node, part(0, 7, "bob", "erin")) // twice
	s.says(asked.Node, part(1, 8, "erin"))        // of another
	alice.sees(t, chat.Lobby, "alice")
	s.says(asked.Node, part(1, 7, "dave"))
	alice.sees(t, chat.Lobby, "alice", "bob", "carol", "dave")
	s.says("", map[string]any{"kind": "change", "seq": 7, "people": people("erin")}) // old
	s.says("", map[string]any{"kind": "change", "seq": 8, "people": []any{map[string]any{"n": "bob"}}})
	s.says("", map[string]any{"kind": "change", "seq": 8, "people": people("bob")})
	alice.sees(t, chat.Lobby, "alice", "carol", "dave")
	if n, _, _ := s.to.Pending(); n > 0 {
		t.Errorf("%d questions, and nothing was missing", n)
	}
	s.says("", map[string]any{"kind": "change", "seq": 10, "people": people("erin")}) // 9 is missing
	late := asked
	asked = s.hears("want")
	s.says(asked.Node, map[string]any{"kind": "state", "ask": late.Ask, "seq": 10, "part": 0, "parts": 1, "people": people("bob")}) // of an earlier question
	s.says(asked.Node, map[string]any{"kind": "state", "ask": asked.Ask, "seq": 10, "part": 0, "parts": 1, "people": people("erin")})
	alice.sees(t, chat.Lobby, "alice", "erin")
	if alice.has("JOIN|lobby|bob\n") != 1 || alice.has("JOIN|lobby|erin\n") != 1 || alice.has("LEAVE|lobby|bob\n") != 1 {
		t.Errorf("alice heard %q", alice)
	}
	alice.sees(t, chat.Lobby, "alice") // and then it is silent
}

// Twenty thousand people are told of in messages of a bounded size, and are there within seconds.
func TestStateInChunks(t *testing.T) {
	const many = 20_000
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("a-name-that-is-rather-long-%05d", i)
	}
	tm := newTeam(t, append(names, "alice")...)
	tm.timing = cluster.Fast
	spy := tm.dial()
	longest, count := 0, 0
	sub, err := spy.SubscribeSync("team.nodes.>")
	if err != nil {
		t.Fatal(err)
	}
	sub.SetPendingLimits(-1, -1)
	spy.Flush()
	a := tm.join()
	began := time.Now()
	for _, name := range names {
		a.come(name)
	}
	b := tm.join()
	alice := b.come("alice")
	eventually(t, "b has all of a's people", func() bool { here, _ := alice.Present(chat.Lobby); return len(here) == many+1 })
	told := time.Since(began)
	if n := alice.has("JOIN"); n > chat.DefaultCrowd {
		t.Errorf("alice heard of %d who came", n)
	}
	for waiting, _, _ := sub.Pending(); waiting > 0; waiting-- {
		msg, err := sub.NextMsg(parleytest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(msg.Data), `"people"`) {
			longest, count = max(longest, len(msg.Data)), count+1
		}
	}
	if most := 200 + int(told/cluster.Batch); count > most {
		t.Errorf("a storm of %d messages in %v", count, told)
	}
	if longest > 32<<10 || count < 2*many*60/(32<<10) {
		t.Errorf("%d messages of at most %d bytes", count, longest)
	}
	b.nc.Close()
	a.nc.Close()
	alice.sees(t, chat.Lobby, "alice")
}

// What is no message of a node is ignored, and logged once a minute, without what it held.
func TestStrangeMessages(t *testing.T) {
	tm := newTeam(t, "alice", "bob")
	a := tm.join()
	alice := a.come("alice")
	nc := tm.dial()
	const node = `"node":"00000000-0000-4000-8000-000000000001"`
	strange := []string{
		"", "{", "[]", "null", `{"kind":"beat"}`, `{"kind":"beat","node":"me"}`, `{"kind":"party",` + node + `}`,
		`{"kind":"beat",` + node + `,"verse":1}`, `{"kind":"beat",` + node + `} {}`, `{"kind":"beat",` + node + `,"seq":-1}`,
		`{"kind":"beat",` + node + `,"reason":"` + strings.Repeat("x", 40<<10) + `"}`,
		`{"kind":"change",` + node + `,"seq":1,"people":[{"n":"Bob","p":true}]}`,
		`{"kind":"change",` + node + `,"seq":1,"people":[{"n":"bob","p":true,"s":-1}]}`,
		`{"kind":"change",` + node + `,"seq":1,"people":[{"n":"~x","p":true,"r":["@alice@bob"]}]}`,
		`{"kind":"state",` + node + `,"seq":1,"part":1,"parts":1}`, `{"kind":"state",` + node + `,"parts":1000000000}`,
		`{"kind":"note",` + node + `,"seq":1,"notices":[{"k":1,"n":"bob","a":"nowhere"}]}`,
		`{"kind":"ask",` + node + `,"guest":"~x","reason":"a\u001b[2Jb"}`,
		`{"kind":"ask",` + node + `,"guest":"no name"}`,
	}
	for _, data := range strange {
		for _, subject := range []string{"team.nodes.all", "team.nodes.to." + a.node.ID()} {
			if err := nc.Publish(subject, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	nc.Flush()
	s := tm.stranger("00000000-0000-4000-8000-000000000002")
	s.says("", map[string]any{"kind": "beat"})
	s.says("", map[string]any{"kind": "change", "seq": 1, "people": people("bob")})
	alice.sees(t, chat.Lobby, "alice", "bob") // all before it was read
	if n := a.logged.has("something strange"); n != 1 {
		t.Errorf("%d lines: %s", n, a.logged)
	}
	if n := a.logged.has("a node is there"); n != 1 {
		t.Errorf("one that said nothing right is a node: %s", a.logged)
	}
	if list := a.auth.Throttled(); len(list) > 0 {
		t.Error(list)
	}
}
