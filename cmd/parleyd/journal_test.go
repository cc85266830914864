package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley/internal/parleytest"
)

// TestJournal: where standard error is the journal, each line begins with its level; where the variable is of another stream, or there is none, with none.
func TestJournal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("journald is Linux's")
	}
	priorities := map[string]string{"DEBUG": "<7>", "INFO": "<6>", "WARN": "<4>", "ERROR": "<3>"}
	for name, off := range map[string]uint64{"its own": 0, "another's": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parleytest.Start(t)
			s.Stop()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			info, err := w.Stat()
			if err != nil {
				t.Fatal(err)
			}
			id := info.Sys().(*syscall.Stat_t)
			all, stop := logTo(t, s, "auto", w, r, fmt.Sprintf("JOURNAL_STREAM=%d:%d", id.Dev, id.Ino+off))
			if code := s.Dial().Code("HELLO|nobody|nothing"); code != "denied" {
				t.Fatal(code)
			}
			if err := os.WriteFile(filepath.Join(s.Certs, "server.pem"), []byte("no certificate"), 0o600); err != nil {
				t.Fatal(err)
			}
			eventually(t, "an error is logged", func() bool { return strings.Contains(all(), `"cert.refused"`) })
			stop()
			seen := make(map[string]bool)
			for line := range strings.Lines(all()) {
				begin, rest := "", line
				if i := strings.IndexByte(line, '{'); i > 0 {
					begin, rest = line[:i], line[i:]
				}
				var entry struct{ Level string }
				if err := json.Unmarshal([]byte(rest), &entry); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				want := priorities[entry.Level]
				if off != 0 {
					want = ""
				}
				if begin != want {
					t.Errorf("it begins with %q, want %q: %s", begin, want, line)
				}
				seen[entry.Level] = true
			}
			if !seen["INFO"] || !seen["ERROR"] {
				t.Errorf("only %v were logged", seen)
			}
		})
	}
}

// TestLogrotate: the log that is appended to a file goes on at its beginning once it was copied and emptied.
func TestLogrotate(t *testing.T) {
	t.Parallel()
	logrotate := parleytest.Need(t, "logrotate")
	s := parleytest.Start(t)
	s.Stop()
	dir := t.TempDir()
	path := filepath.Join(dir, "parleyd.log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // as a shell's >>
	if err != nil {
		t.Fatal(err)
	}
	cmd := startTo(t, s, "json", log)
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	holds := func(path, text string) func() bool {
		return func() bool {
			b, err := os.ReadFile(path)
			return err == nil && bytes.Contains(b, []byte(text))
		}
	}
	eventually(t, "it listens", holds(path, "listening"))
	config, err := os.ReadFile(filepath.Join("..", "..", "docs", "ops", "logrotate.d", "parleyd"))
	if err != nil {
		t.Fatal(err)
	}
	config = bytes.Replace(config, []byte("/var/log/parley/parleyd.log"), []byte(path), 1)
	if err := os.WriteFile(filepath.Join(dir, "conf"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		s.Dial().Do("HELLO|" + name + "|nothing")
		eventually(t, name+" is logged", holds(path, name))
		if out, err := exec.Command(logrotate, "--force", "--state", filepath.Join(dir, "state"), filepath.Join(dir, "conf")).CombinedOutput(); err != nil {
			t.Fatalf("logrotate: %v\n%s", err, out)
		}
		if !holds(path+".1", name)() {
			t.Errorf("what was logged is not in the copy: %s", name)
		}
	}
	s.Dial().Do("HELLO|third|nothing")
	eventually(t, "the log goes on", holds(path, "third"))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("second")) || bytes.IndexByte(b, 0) >= 0 || !json.Valid(b[:bytes.IndexByte(b, '\n')]) {
		t.Errorf("the emptied log does not begin anew: %.300q", b)
	}
}

var jailName = regexp.MustCompile(`(?m)^\[(\S+)\]$`)

// TestJails: fail2ban takes the jails as they are, with the filter.
func TestJails(t *testing.T) {
	t.Parallel()
	client := parleytest.Need(t, "fail2ban-client")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("/etc/fail2ban")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "jail.d")); err != nil { // what else is on this machine
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "docs", "ops", "fail2ban"))); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(client, "-c", dir, "--dump").CombinedOutput()
	if err != nil {
		t.Fatalf("fail2ban-client: %v\n%s", err, out)
	}
	jails, err := os.ReadFile(filepath.Join(dir, "jail.d", "parleyd.conf"))
	if err != nil {
		t.Fatal(err)
	}
	names := jailName.FindAllStringSubmatch(string(jails), -1)
	if len(names) != 2 || !slices.ContainsFunc(names, func(m []string) bool { return m[1] == "parleyd" }) {
		t.Fatalf("jails: %q", names)
	}
	for _, m := range names {
		for _, want := range []string{"['start', '" + m[1] + "']", "['set', '" + m[1] + "', 'addjournalmatch', '_SYSTEMD_UNIT=parleyd.service']", "'" + m[1] + "', 'addfailregex', ", "['set', '" + m[1] + "', 'usedns', 'no']"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: fail2ban does not say %s\n%s", m[1], want, out)
			}
		}
	}
}
