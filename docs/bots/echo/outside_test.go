package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFromOutside builds the example as a module of its own, the way that docs/bots.md tells.
func TestFromOutside(t *testing.T) {
	house, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, from := range map[string]string{"main.go": "main.go", "go.sum": filepath.Join(house, "go.sum")} {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"mod", "init", "example.org/echo"},
		{"mod", "edit", "-require=parley@v0.0.0", "-replace=parley=" + house},
		{"build", "-mod=mod", "-o", os.DevNull, "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local") // all that it needs is here already
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %q: %v\n%s", args, err, out)
		}
	}
}
