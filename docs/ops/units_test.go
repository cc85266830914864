// Package ops_test asks the tools of others whether what is in docs/ops is right: systemd, dpkg, and the kernel.
package ops_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

// unraced skips what has been looked at without the race detector, which has nothing to find in programs of others.
func unraced(t *testing.T) {
	t.Helper()
	if parleytest.Race {
		t.Skip("there is nothing for the race detector")
	}
}

// mostExposed is what systemd-analyze security may say of the unit, of 10.
const mostExposed = 2.0

// units copies the units, as they would be where parleyd is installed, with drop-ins by the unit's extension, if any.
func units(t *testing.T, program, dropIn string) (dir string, paths []string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"parleyd.service", "parleyd.socket", "parleyd-backup.service", "parleyd-backup.timer"} {
		b, err := os.ReadFile(filepath.Join("systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte("\nDocumentation=man:parleyd(8)\n")) {
			t.Errorf("%s does not name the manual page", name)
		}
		// Which is not installed, nor is the program.
		b = bytes.ReplaceAll(b, []byte("\nDocumentation=man:parleyd(8)\n"), []byte("\n"))
		b = bytes.ReplaceAll(b, []byte("/usr/bin/parleyd"), []byte(program))
		paths = append(paths, filepath.Join(dir, name))
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		if dropIn == "" || strings.Contains(name, "backup") {
			continue
		}
		more, err := os.ReadFile(filepath.Join("systemd", dropIn+strings.TrimPrefix(filepath.Ext(name), ".")+".conf"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, name+".d"), 0o755); err != nil {
			t.Fatal(err)
		}
		more = bytes.ReplaceAll(more, []byte("/usr/bin/parleyd"), []byte(program))
		if err := os.WriteFile(filepath.Join(dir, name+".d", "more.conf"), more, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, paths
}

// TestUnitsAreRight: systemd understands every line, and finds the services well locked up; also with the drop-ins for ACME.
func TestUnitsAreRight(t *testing.T) {
	unraced(t)
	analyze := parleytest.Need(t, "systemd-analyze")
	program := parleytest.Build(t, "parleyd")
	for _, dropIn := range []string{"", "acme-"} {
		dir, paths := units(t, program, dropIn)
		if out, err := exec.Command(analyze, append([]string{"verify"}, paths...)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("systemd-analyze verify, with drop-ins %q: %v\n%s", dropIn, err, out)
		}
		for _, name := range []string{"parleyd.service", "parleyd-backup.service"} {
			out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", filepath.Join(dir, name)).CombinedOutput()
			said := regexp.MustCompile(`Overall exposure level for ` + regexp.QuoteMeta(name) + `: ([0-9.]+)`).FindSubmatch(out)
			if err != nil || said == nil {
				t.Fatalf("systemd-analyze security: %v\n%s", err, out)
			}
			if exposed, err := strconv.ParseFloat(string(said[1]), 64); err != nil || exposed >= mostExposed {
				t.Errorf("systemd-analyze security says %s of %s, and it is to be below %v\n%s", said[1], name, mostExposed, out)
			}
		}
	}
}

// TestUnitLetsTheServerWork: a server makes no system call that the unit's filter refuses.
func TestUnitLetsTheServerWork(t *testing.T) {
	unraced(t)
	analyze, strace := parleytest.Need(t, "systemd-analyze"), parleytest.Need(t, "strace")
	allowed := filter(t, analyze)
	for name, want := range map[string]bool{"read": true, "accept4": true, "fdatasync": true, "mount": false, "ptrace": false, "keyctl": false, "setuid": false} {
		if allowed[name] != want {
			t.Fatalf("the filter was not understood: it allows %s: %v", name, allowed[name])
		}
	}
	calls := filepath.Join(t.TempDir(), "calls")
	s := parleytest.StartUnder(t, []string{strace, "-D", "-f", "-qq", "-c", "-U", "name", "-o", calls})
	s.User("ann")
	c := s.SignIn("ann")
	said := c.Do("MSG|hello")
	c.Do("DELETE|" + strings.SplitN(said, "|", 3)[1])
	c.Do("HISTORY|lobby")
	s.Run("", "throttle", "list", "--data", s.Data)
	s.Cmd.Process.Signal(syscall.SIGHUP)
	c.Close()
	if code := s.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	var made []string // strace writes it down after the server has ended
	for until := time.Now().Add(parleytest.Patience); len(made) < 40; time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		if made = strings.Fields(string(b)); time.Now().After(until) {
			t.Fatalf("strace saw only %q", made)
		}
	}
	if os.Geteuid() == 0 {
		allowed["fchown"] = true // SQLite's, which does so as root alone
	}
	for _, name := range made {
		if regexp.MustCompile(`^[a-z_0-9]+$`).MatchString(name) && name != "syscall" && name != "total" && !allowed[name] {
			t.Errorf("the server calls %s, which the unit's SystemCallFilter refuses", name)
		}
	}
}

// filter is what the unit's SystemCallFilter allows.
func filter(t *testing.T, analyze string) map[string]bool {
	t.Helper()
	out, err := exec.Command(analyze, "syscall-filter", "--no-pager").Output()
	if err != nil {
		t.Fatal(err)
	}
	sets := make(map[string][]string)
	var set string
	for line := range strings.Lines(string(out)) {
		switch word := strings.TrimSpace(line); {
		case word == "" || word[0] == '#':
		case line[0] == '@':
			set = strings.Fields(word)[0]
		default:
			sets[set] = append(sets[set], word)
		}
	}
	b, err := os.ReadFile("systemd/parleyd.service")
	if err != nil {
		t.Fatal(err)
	}
	allowed := make(map[string]bool)
	var put func(name string, allow bool)
	put = func(name string, allow bool) {
		allowed[name] = allow
		for _, member := range sets[name] {
			put(member, allow)
		}
	}
	put("@default", true) // always, and also what execve needs
	for _, m := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllStringSubmatch(string(b), -1) {
		for _, name := range strings.Fields(m[2]) {
			put(name, m[1] == "")
		}
	}
	return allowed
}
