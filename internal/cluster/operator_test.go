package cluster_test

import (
	"errors"
	"testing"

	"parley/internal/chat"
	"parley/internal/cluster"
)

// TestOperatorsReachAllNodes: one session is ended wherever it is, and a broadcast is told on every node.
func TestOperatorsReachAllNodes(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, "alice", "bob")
	b := tm.join()
	tm.timing = cluster.Hasty
	a := tm.join()
	eventually(t, "they know each other", func() bool { return a.logged.has("a node is there") == 1 && b.logged.has("a node is there") == 1 })
	alice, bob, other := a.come("alice"), b.come("bob"), b.come("bob")
	if n, err := a.sessions.Note(t.Context(), "", "back in five minutes"); n != 3 || err != nil {
		t.Errorf("a note to everybody: %d sessions, %v", n, err)
	}
	for _, v := range []*visitor{alice, bob, other} {
		if v.has("NOTE|back in five minutes\n") != 1 {
			t.Errorf("%s heard %q", v.Name, v)
		}
	}
	alice.join(t, "garden")
	if n, err := a.sessions.Note(t.Context(), "garden", "to gardeners"); n != 1 || err != nil || bob.has("gardeners") > 0 {
		t.Errorf("a note to one room: %d sessions, %v; bob heard %q", n, err, bob)
	}
	if found, err := a.sessions.EndSession(t.Context(), bob.Session, "enough"); !found || err != nil {
		t.Errorf("a session of the other node: %v, %v", found, err)
	}
	if reason := <-bob.ended; reason != "enough" {
		t.Errorf("bob was told %q", reason)
	}
	if found, err := a.sessions.EndSession(t.Context(), "nobody's", ""); found || err != nil || len(other.ended) > 0 || len(alice.ended) > 0 {
		t.Errorf("a session of nobody's: %v, %v", found, err)
	}
	tm.stranger("00000000-0000-4000-8000-000000000001").beats()
	eventually(t, "a third node is there", func() bool { return a.logged.has("a node is there") == 2 })
	if n, err := a.sessions.Note(t.Context(), "", "anybody?"); n != 3 || !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("with a node that does not answer: %d sessions, %v", n, err)
	}
}
