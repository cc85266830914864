package parleytest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

var bin struct {
	sync.Mutex
	dir   string
	built map[string]error
}

// Main is for TestMain: it runs the tests, ends what they shared, and removes what Build has made.
func Main(m *testing.M, end ...func()) {
	// Else every program built with the race detector sleeps a second at its end.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	code := m.Run()
	for _, f := range end {
		f()
	}
	os.RemoveAll(bin.dir)
	os.Exit(code)
}

// AtOnce is for TestMain, before Main, where most tests wait: it lets n of them run at once, however few processors there are. Under the race
// detector, where they compute, it does nothing.
func AtOnce(n int) {
	if !Race {
		flag.Parse()
		flag.Set("test.parallel", strconv.Itoa(n))
	}
}

// Build returns the path of one of the repository's programs, built once a test run; with the race detector where the test has it.
func Build(t testing.TB, name string) string {
	t.Helper()
	if Race {
		return build(t, filepath.Join("race", name), "-race", "parley/cmd/"+name)
	}
	return BuildPlain(t, name)
}

// BuildPlain is Build without the race detector, for what is over soon and has nothing at once.
func BuildPlain(t testing.TB, name string) string {
	t.Helper()
	return build(t, name, "parley/cmd/"+name)
}

// BuildExample is Build for a program of docs, by its folder there.
func BuildExample(t testing.TB, folder string) string {
	t.Helper()
	return build(t, filepath.Base(folder), "parley/docs/"+folder)
}

// build is Build for a program of any module, by go build with these arguments.
func build(t testing.TB, name string, args ...string) string {
	t.Helper()
	bin.Lock()
	defer bin.Unlock()
	if bin.dir == "" {
		dir, err := os.MkdirTemp("", "parley-test-")
		if err != nil {
			t.Fatal(err)
		}
		bin.dir, bin.built = dir, make(map[string]error)
	}
	path := filepath.Join(bin.dir, name) // go build makes the folder
	err, known := bin.built[name]
	if !known {
		out, failed := exec.Command("go", append([]string{"build", "-o", path}, args...)...).CombinedOutput()
		if failed != nil {
			err = fmt.Errorf("go build %s: %w\n%s", name, failed, out)
		}
		bin.built[name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Need returns the path of a program that is not parley's. Where it is missing
// the test is skipped, and fails where CI=true.
func Need(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "%s is not installed", name)
	}
	return path
}

// Missing skips the test for want of what it says, and fails it where CI=true.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI needs it: "+format, args...)
	}
	t.Skipf(format, args...)
}
