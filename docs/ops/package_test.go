package ops_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// script runs docs/ops/NAME of the repository in dir, and returns the path of what it made.
func script(t *testing.T, dir, name string, env ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(dir, "docs/ops", name), t.TempDir())
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docs/ops/%s: %v\n%s", name, err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestPackages: two clones in two places make the same package and the same image, programs and all; the package is installed, upgraded, removed
// and purged, and the image's server runs: PARLEY_SOAK=1. What is not committed has no part in it.
func TestPackages(t *testing.T) {
	if os.Getenv("PARLEY_SOAK") == "" {
		t.Skip("compiles everything: PARLEY_SOAK=1")
	}
	git := parleytest.Need(t, "git")
	from := "../.."
	made := make(map[string]string)
	for _, place := range []string{"one", "another/one/deeper"} {
		dir := filepath.Join(t.TempDir(), place)
		run(t, git, "clone", "--quiet", from, dir)
		from = dir
		for _, name := range []string{"package", "image"} {
			path := script(t, dir, name, "GOFLAGS=")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if first, ok := made[name]; !ok {
				made[name] = path
			} else if was, err := os.ReadFile(first); err != nil || !bytes.Equal(was, b) || filepath.Base(first) != filepath.Base(path) {
				t.Errorf("%s and %s, of one commit, are not the same: %v", first, path, err)
			}
		}
	}
	t.Run("deb", func(t *testing.T) { testDeb(t, made["package"], from) })
	t.Run("image", func(t *testing.T) {
		image := openImage(t, made["image"])
		image.check()
		image.serve()
	})
}

// testDeb leads the package through its life, below a root of its own.
func testDeb(t *testing.T, deb, repository string) {
	dpkg := parleytest.Need(t, "dpkg")
	if lintian, err := exec.LookPath("lintian"); err == nil {
		t.Logf("lintian: %s", run(t, lintian, "--allow-root", "--fail-on", "error,warning", deb))
	}
	root := t.TempDir()
	in := func(path string) string { return filepath.Join(root, path) }
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(in(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(in(path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("var/lib/dpkg/status", "")
	for _, dir := range []string{"info", "updates"} {
		if err := os.MkdirAll(in("var/lib/dpkg/"+dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	do := func(args ...string) {
		t.Helper()
		run(t, append([]string{dpkg, "--root=" + root, "--log=/dev/null", "--force-script-chrootless", "--force-not-root", "--force-confdef", "--force-confold"}, args...)...)
	}
	has := func(path string, want bool) {
		t.Helper()
		if _, err := os.Lstat(in(path)); (err == nil) != want {
			t.Errorf("%s is there: %v", path, err == nil)
		}
	}
	const settings, database, key = "etc/parley/parleyd.env", "var/lib/private/parley/parley.db", "etc/parley/server-key.pem"

	do("--install", deb)
	for _, path := range []string{settings, "usr/bin/parley", "usr/bin/parley-probe", "usr/share/man/man8/parleyd.8.gz", "usr/share/man/man1/parley.1.gz",
		"lib/systemd/system/parleyd.service", "lib/systemd/system/parleyd.socket", "lib/systemd/system/parleyd-backup.timer", "usr/share/parley/alerts.yml", "usr/share/zsh/vendor-completions/_parleyd"} {
		has(path, true)
	}
	if enabled, _ := filepath.Glob(in("etc/systemd/system/*")); len(enabled) > 0 {
		t.Errorf("installing it has enabled %q", enabled)
	}
	commit := strings.TrimSpace(run(t, "git", "-C", repository, "rev-parse", "HEAD"))
	for _, program := range []string{"parleyd", "parley", "parley-probe"} {
		if said := run(t, in("usr/bin/"+program), "--version"); !strings.HasPrefix(said, program+" v0.") || !strings.Contains(said, " "+commit+" go1.") {
			t.Errorf("%s --version says %q, and was built from %s", program, said, commit)
		}
	}

	// The operator changes the settings, and so does the next version.
	write(settings, "PARLEY_GUESTS=true\n")
	write(database, "what people said")
	write(key, "secret")
	if err := os.Symlink("private/parley", in("var/lib/parley")); err != nil {
		t.Fatal(err)
	}
	next := t.TempDir()
	run(t, "dpkg-deb", "--raw-extract", deb, next+"/tree")
	run(t, "sed", "-i", "s/^Version: .*/Version: 99/", next+"/tree/DEBIAN/control")
	run(t, "sed", "-i", "$a # new", next+"/tree/"+settings)
	run(t, "dpkg-deb", "-z0", "--build", next+"/tree", next+"/next.deb")
	do("--install", next+"/next.deb")
	if said := run(t, dpkg, "--root="+root, "--status", "parleyd"); !strings.Contains(said, "\nVersion: 99\n") || !strings.Contains(said, "\nStatus: install ok installed\n") {
		t.Errorf("after the upgrade: %s", said)
	}
	if kept, err := os.ReadFile(in(settings)); string(kept) != "PARLEY_GUESTS=true\n" {
		t.Errorf("the upgrade made the settings %q, %v", kept, err)
	}

	do("--remove", "parleyd")
	has("usr/bin/parleyd", false)
	has("lib/systemd/system/parleyd.service", false)
	for _, path := range []string{settings, database, key} {
		has(path, true)
	}
	do("--purge", "parleyd")
	for _, path := range []string{settings, database, "var/lib/parley", "var/lib/private/parley"} {
		has(path, false)
	}
	has(key, true)
}
