package internal_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"parley/internal/parleytest"
)

// TestReproducibleBuild: who has the commit and the same Go gets the same bytes.
// It builds as the README says, from two clones in two places, stamped with their
// commit, each from nothing: PARLEY_SOAK=1. What is not committed has no part in it.
func TestReproducibleBuild(t *testing.T) {
	if os.Getenv("PARLEY_SOAK") == "" {
		t.Skip("compiles everything twice: PARLEY_SOAK=1")
	}
	git := parleytest.Need(t, "git")
	from := ".." // then the first clone: meanwhile there may be a new commit here
	var first map[string]string
	for _, place := range []string{"one", "another/one/deeper"} {
		dir := filepath.Join(t.TempDir(), place)
		if out, err := exec.Command(git, "clone", "--quiet", from, dir).CombinedOutput(); err != nil {
			t.Fatalf("git clone: %v\n%s", err, out)
		}
		built := sums(t, build(t, dir))
		for name, sum := range built {
			t.Logf("%s  %s (built in %s)", sum, name, dir)
			if first != nil && first[name] != sum {
				t.Errorf("%s is another one in another place", name)
			}
		}
		if first == nil {
			first, from = built, dir
		}
	}
	for _, name := range []string{"parleyd", "parley"} {
		if first[name] == "" {
			t.Errorf("%s was not built", name)
		}
	}
}

// build builds the programs of a clone, with a cache of its own, and returns where they are.
// The flag says what Go does by itself, unless go env was told otherwise.
func build(t *testing.T, dir string) string {
	t.Helper()
	programs := t.TempDir()
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-o", programs+"/", "./cmd/...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOCACHE="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return programs
}

// sums are the SHA-256 of a directory's files, by name.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	sums := make(map[string]string)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sums[f.Name()] = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	return sums
}
