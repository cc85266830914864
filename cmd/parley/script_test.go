package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

// TestScripts drives the real program against a real server. Each script has a home of its own; the server and its accounts
// (alice, bob and carol; carol is invited) are shared.
func TestScripts(t *testing.T) {
	server := parleytest.Start(t, "--login-rate", "0", "--msg-rate", "0")
	server.User("alice", "--admin")
	server.User("bob")
	server.User("carol", "--invite")
	for _, name := range []string{"alice", "bob"} {
		server.SignIn(name).Do("JOIN|ops")
	}
	parley := parleytest.Build(t, "parley")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(parley)+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("AT", server.Addr)
			e.Setenv("CA", server.CA)
			e.Setenv("PASS", parleytest.Password)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

// exits CODE PROGRAM ARG... runs a program that must end with this code.
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
