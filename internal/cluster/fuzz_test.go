package cluster

import (
	"log/slog"
	"testing"

	"parley/auth"
	"parley/auth/authtest"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/session"
)

// FuzzHear has a node hear anything, three times over: it does not panic, knows no more nodes than spoke, and
// nobody is present any more when those are silent.
func FuzzHear(f *testing.F) {
	const node = `"node":"00000000-0000-4000-8000-000000000001"`
	for _, seed := range []string{
		`{"kind":"beat",` + node + `,"seq":3}`,
		`{"kind":"beat",` + node + `}`,
		`{"kind":"change",` + node + `,"seq":1,"people":[{"n":"alice","p":true,"s":2},{"n":"~x","p":true,"s":1,"r":["den","lobby"]}]}`,
		`{"kind":"state",` + node + `,"ask":1,"seq":3,"part":0,"parts":1,"people":[{"n":"alice","p":true,"s":2}]}`,
		`{"kind":"state",` + node + `,"ask":1,"seq":3,"part":4,"parts":9}`,
		`{"kind":"want",` + node + `,"ask":1}`,
		`{"kind":"note",` + node + `,"seq":1,"notices":[{"k":1,"n":"alice","a":"192.0.2.0/24"},{"k":3}]}`,
		`{"kind":"ask",` + node + `,"ask":1,"guest":"~x","reason":"out"}`,
		`{"kind":"answer",` + node + `,"ask":1,"count":1}`,
	} {
		f.Add([]byte(seed), []byte(`{"kind":"beat",`+node+`}`))
		f.Add([]byte(`{"kind":"beat",`+node+`,"seq":3}`), []byte(seed))
	}
	quiet := slog.New(slog.DiscardHandler)
	a, err := auth.New(f.Context(), authtest.NewStore(), auth.Options{Cost: auth.MinCost, LoginRate: 5, LoginRateAddress: 50})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(a.Close)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		hub := chat.New(&chattest.Log{}, chat.State{Accounts: []string{"alice", "bob"}}, chat.Options{Append: session.Append})
		defer hub.Close()
		n := &Node{id: "00000000-0000-4000-8000-000000000009", hub: hub, auth: a, sessions: session.New(hub, a, quiet, session.Options{}), log: quiet,
			warned: newPaces(), toSay: make(chan said, maxToSay), wake: make(chan struct{}, 1),
			peers: make(map[string]*peer), known: make(map[string]struct{}), wanted: make(map[string]uint64), asked: make(map[uint64]*question)}
		for range 3 {
			n.hearData(one)
			n.hearData(two)
		}
		if len(n.peers) > 2 || len(n.peers) != len(n.known) {
			t.Fatalf("%d nodes, %d known", len(n.peers), len(n.known))
		}
		for range silence + 1 {
			n.count()
		}
		seat, err := hub.Admit(nobody{}, chat.Who{Session: "s", Name: "bob"})
		if err != nil {
			t.Fatal(err)
		}
		seat.Enter(chat.Lobby)
		if here, _ := seat.Present(chat.Lobby); len(here) != 1 || len(n.peers) > 0 {
			t.Fatalf("%d nodes, and here are %q", len(n.peers), here)
		}
	})
}

type nobody struct{}

func (nobody) Deliver([]byte) {}
func (nobody) Flush()         {}
func (nobody) End(string)     {}
