package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

// TestScenes: the pictures show the client as it is.
func TestScenes(t *testing.T) {
	parleytest.Need(t, "tmux")
	parleytest.Build(t, "parleyd")
	programs := filepath.Dir(parleytest.Build(t, "parley"))
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			picture, err := sc.play(programs)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := os.ReadFile(sc.name + ".svg")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(picture, kept) {
				t.Errorf("%s.svg is of another client; go run ./docs/screens makes it anew. Now it is\n%s", sc.name, picture)
			}
			for _, foreign := range []string{"<script", "href", "url(", "@import", password} {
				if strings.Contains(string(picture), foreign) {
					t.Errorf("%s is in the picture", foreign)
				}
			}
		})
	}
}

// A scene that does not come to its end says why.
func TestSceneFails(t *testing.T) {
	parleytest.Need(t, "tmux")
	sc := scene{name: "nobody", width: 40, height: 5, of: "alice", steps: []step{func(s *stage) { s.Fatalf("as told") }}}
	if _, err := sc.play(t.TempDir()); err == nil || !strings.Contains(err.Error(), "parleyd certs") {
		t.Errorf("without programs: %v", err)
	}
	parleytest.Build(t, "parley")
	if _, err := sc.play(filepath.Dir(parleytest.Build(t, "parleyd"))); err == nil || err.Error() != "as told" {
		t.Errorf("a step that fails: %v", err)
	}
}
