package historytest_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "parley/internal/historytest"
)

// TestGood: nothing is said against a history that is good.
func TestGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if bad := good(t).Check(); len(bad) > 0 {
			t.Fatalf("%q", bad)
		}
	})
}

// TestMutations: each single fault is seen, and called by its name, wherever it is in whatever history.
func TestMutations(t *testing.T) {
	if testing.Short() {
		t.Skip("too few are drawn for each kind to come")
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			made := 0
			for tries := 0; made < 10 && tries < 5; tries++ { // a kind for which few histories have a place may have too few at first
				rapid.Check(t, func(t *rapid.T) {
					h := good(t)
					if !m.make(t, h) {
						return // there is no place for it
					}
					made++
					if bad := h.Check(); !slices.ContainsFunc(bad, func(s string) bool { return strings.HasPrefix(s, m.kind+": ") }) {
						t.Fatalf("not seen; but %q", bad)
					}
				})
			}
			t.Logf("made %d", made)
			if made < 10 {
				t.Errorf("made %d times only", made)
			}
		})
	}
}

// TestNothing: a test that wrote nothing down proves nothing.
func TestNothing(t *testing.T) {
	if len(new(History).Check()) == 0 {
		t.Error("no node was asked, and all is well")
	}
}

// TestFlood: a broken history is told of in few words.
func TestFlood(t *testing.T) {
	h := &History{Nodes: map[string][]Message{"a": nil}}
	for i := range int64(1000) {
		h.Nodes["a"] = append(h.Nodes["a"], Message{ID: i + 1, Time: "2026-01-02T03:04:05.000Z", Text: "nobody's"})
	}
	if bad := h.Check(); len(bad) != Most {
		t.Errorf("%d complaints", len(bad))
	}
}
