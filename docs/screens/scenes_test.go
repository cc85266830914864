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
			kept, err := os.ReadFile(sc.name + ".svg")
			if err != nil {
				t.Fatal(err)
			}
			picture, err := sc.play(programs, func(drawn []byte) bool { return bytes.Equal(drawn, kept) })
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

// What a program draws is in the picture to the last cell: also what it has coloured by erasing, and true colours.
func TestEveryCell(t *testing.T) {
	parleytest.Need(t, "tmux")
	programs := t.TempDir()
	if err := os.Symlink(parleytest.Build(t, "parleyd"), filepath.Join(programs, "parleyd")); err != nil {
		t.Fatal(err)
	}
	const program = `#!/bin/sh
printf 'Password of alice'
read password
printf '\033[H\033[2J\033[44mbar\033[K\033[m\n\033[38;2;1;2;3mtrue\033[m \033[48;5;22m\033[4X\033[m\nthere'
exec sleep 600
`
	if err := os.WriteFile(filepath.Join(programs, "parley"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	sc := scene{width: 40, height: 6, people: []string{"alice"}, of: "alice", steps: []step{signIn("alice", "there")}}
	parts := []string{`class="c4" x="0" y="0" width="336"`, `fill="#010203"`, `fill="#005f00" x="42" y="16" width="33.6"`}
	lacks := func(drawn []byte) string {
		for _, part := range parts {
			if !bytes.Contains(drawn, []byte(part)) {
				return part
			}
		}
		return ""
	}
	picture, err := sc.play(programs, func(drawn []byte) bool { return lacks(drawn) == "" })
	if err != nil {
		t.Fatal(err)
	}
	if part := lacks(picture); part != "" {
		t.Errorf("there is no %s in\n%s", part, picture)
	}
}

// A scene that does not come to its end says why.
func TestSceneFails(t *testing.T) {
	parleytest.Need(t, "tmux")
	sc := scene{name: "nobody", width: 40, height: 5, of: "alice", steps: []step{func(s *stage) { s.Fatalf("as told") }}}
	if _, err := sc.play(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "parleyd certs") {
		t.Errorf("without programs: %v", err)
	}
	parleytest.Build(t, "parley")
	if _, err := sc.play(filepath.Dir(parleytest.Build(t, "parleyd")), nil); err == nil || err.Error() != "as told" {
		t.Errorf("a step that fails: %v", err)
	}
}
