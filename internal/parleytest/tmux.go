package parleytest

import (
	"testing"

	"parley/internal/tmux"
)

// OpenTmux opens a terminal of that many cells with a program in it, which is killed at the test's end. It skips where tmux is missing.
func OpenTmux(t testing.TB, width, height int, env []string, command ...string) *tmux.Terminal {
	t.Helper()
	Need(t, "tmux")
	x := tmux.Open(t, tmux.Options{Dir: t.TempDir(), Width: width, Height: height, Env: env, Command: command, Patience: Patience})
	t.Cleanup(x.Close)
	t.Cleanup(func() { // before it is closed
		if t.Failed() {
			t.Logf("the terminal was sent %q", tail(x.Written(), 6000))
		}
	})
	return x
}
