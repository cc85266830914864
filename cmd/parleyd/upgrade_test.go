package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestUpgradeUnderLoad: an older program, which PARLEY_OLDER names, is stopped, or killed, while people talk, and this one goes on with its data: nothing that either
// acknowledged is lost, there twice or in another order. The older program then refuses the database. (.ci/audit builds one.)
func TestUpgradeUnderLoad(t *testing.T) {
	older := os.Getenv("PARLEY_OLDER")
	if older == "" {
		t.Skip("PARLEY_OLDER names no program to upgrade from")
	}
	for _, end := range []string{"stopped", "killed"} {
		t.Run(end, func(t *testing.T) {
			s := parleytest.StartUnder(t, []string{"sh", "-c", `shift; exec "$PARLEY_OLDER" "$@"`, "older"}, "--msg-rate", "0", "--command-rate", "0", "--byte-rate", "0")
			names := numbered("mover", 6)
			addUsers(s, append(slices.Clone(names), "reader")...)
			c := &trio{t: t, rand: rand.New(rand.NewPCG(rand.Uint64(), 0)), nodes: []*parleytest.Server{s, s, s}}
			c.move(names...)
			for range 5 {
				c.working()
			}
			if end == "killed" {
				s.Kill()
			} else if code := s.Stop(); code != 0 {
				t.Errorf("the older program ends with %d", code)
			}
			s.Unwrap()
			s.Launch()
			for range 5 {
				c.working()
			}
			c.judge("reader")
			if !strings.Contains(s.Log(), "database.upgrade") {
				t.Error("it was no upgrade")
			}
			if copies, _ := filepath.Glob(filepath.Join(s.Data, "parley.db.v*")); len(copies) != 1 {
				t.Errorf("copies: %q", copies)
			}
			s.Stop()
			out, err := exec.Command(older, "--listen", "127.0.0.1:0", "--data", s.Data, "--cert", filepath.Join(s.Certs, "server.pem"), "--key", filepath.Join(s.Certs, "server-key.pem")).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "newer version") {
				t.Errorf("the older program says %v: %s", err, out)
			}
		})
	}
}
