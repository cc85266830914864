package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/internal/parleytest"
)

// mutation takes one mitigation out of the server's source, where no flag does. All are compiled into one program, in which the
// environment chooses: new stands in old's place in the file, and asks without("name") whether it is to act.
type mutation struct{ file, old, new string }

var mutations = slices.Concat(tlsMutations, lineMutations, webMutations, roomMutations, sessionMutations, rateMutations, slowMutations, floodMutations, passwordMutations, guessMutations)

// without is added to every package that is mutated.
const without = `package %s

import "os"

func without(name string) bool { return os.Getenv("PARLEY_WITHOUT") == name }
`

var mutant struct {
	sync.Mutex
	path string
	err  error
}

// buildMutant builds the server with all mutations, once. The source stays as it is: go build takes the changed files by its -overlay.
func buildMutant(t *testing.T) string {
	t.Helper()
	mutant.Lock()
	defer mutant.Unlock()
	if mutant.path == "" && mutant.err == nil {
		mutant.path = filepath.Join(filepath.Dir(parleytest.Build(t, "parleyd")), "parleyd-mutant")
		mutant.err = compileMutant(mutant.path)
	}
	if mutant.err != nil {
		t.Fatal(mutant.err)
	}
	return mutant.path
}

func compileMutant(path string) error {
	dir, err := os.MkdirTemp("", "parley-mutant-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	changed := make(map[string]string) // source by file
	for _, m := range mutations {
		source, known := changed[m.file]
		if !known {
			b, err := os.ReadFile(filepath.Join(root, m.file))
			if err != nil {
				return err
			}
			source = string(b)
			pkg := filepath.Base(filepath.Dir(m.file))
			changed[filepath.Join(filepath.Dir(m.file), "without_mutant.go")] = fmt.Sprintf(without, pkg)
		}
		if strings.Count(source, m.old) != 1 {
			return fmt.Errorf("%s has %d places that read %q: what is the mitigation now?", m.file, strings.Count(source, m.old), m.old)
		}
		changed[m.file] = strings.Replace(source, m.old, m.new, 1)
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for file, source := range changed {
		at := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(at, []byte(source), 0o600); err != nil {
			return err
		}
		overlay.Replace[filepath.Join(root, file)] = at
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(at, list, 0o600); err != nil {
		return err
	}
	out, err := exec.Command("go", "build", "-overlay", at, "-o", path, "parley/cmd/parleyd").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the mutant: %w\n%s", err, out)
	}
	return nil
}

// startMutant starts the server without one of its mitigations.
func startMutant(t *testing.T, name string, flags ...string) *parleytest.Server {
	t.Helper()
	// Started under a shell that puts the mutant in the place of the program that the test would have started.
	return parleytest.StartUnder(t, []string{"/bin/sh", "-c", `mutant=$1; shift 2; PARLEY_WITHOUT="$0" exec "$mutant" "$@"`, name, buildMutant(t)}, flags...)
}
