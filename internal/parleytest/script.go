package parleytest

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Scripts runs the scripts in testdata/script with the repository's programs
// on the PATH and env in the environment; each has a home of its own. Beside testscript's commands
// there is `exits CODE PROGRAM ARG...`: a program that must end with this code.
func Scripts(t *testing.T, env map[string]string, programs ...string) {
	t.Helper()
	path := os.Getenv("PATH")
	for _, name := range programs {
		path = filepath.Dir(Build(t, name)) + string(os.PathListSeparator) + path
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", path)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			e.Setenv("PASS", Password)
			for _, name := range slices.Sorted(maps.Keys(env)) {
				e.Setenv(name, env[name])
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if (got == want) == neg {
		ts.Fatalf("%v ends with %d, want %d", args[1:], got, want)
	}
}
