package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"parley/internal/parleytest"
)

// TestSecretsStaySecret: a password and a token are in no log, no reply, no process list, no file of the data directory and no
// trace of goroutines, and the memory they are in goes to no core file.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--log-level", "debug")...)
	const canary, second = "canary in the coal mine 4711", "another canary, number 4712"
	s.Run(canary+"\n", "user", "add", "alice", "--data", s.Data)
	c := s.Dial().Hello("alice", canary)
	replies := []string{c.Do("PASSWD|" + second)}
	resumed := resume(s, "alice", c.Token())
	for _, line := range []string{"HELLO|" + canary, "HELLO|" + canary + "|x", "HELLO|alice|" + canary, "HELLO|alice|" + c.Token(), canary, "HELLO" + canary + "|x",
		"PASSWD|" + canary, "JOIN|" + canary, "JOIN|" + resumed.Token(), "SEND|@alice|" + canary + "|x", "EJECT|" + canary + "|x", "HISTORY|lobby|after|" + canary + "|1"} {
		replies = append(replies, s.Dial().Do(line), resumed.Do(line))
	}
	if len(proc(t, s, "cmdline")) == 0 || !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).MatchString(proc(t, s, "limits")) {
		t.Errorf("the server would leave a core file:\n%s", proc(t, s, "limits"))
	}
	places := map[string]string{"the replies": strings.Join(replies, "\n"), "the process list": proc(t, s, "cmdline") + proc(t, s, "environ")}
	s.Cmd.Process.Signal(syscall.SIGQUIT) // Go's runtime answers with a trace of every goroutine, as for a crash
	s.Wait()
	places["the log"] = s.Log()
	if !strings.Contains(s.Log(), "goroutine ") || !strings.Contains(s.Log(), "ReadLine") {
		t.Error("there is no trace of goroutines in the log")
	}
	files, err := filepath.Glob(filepath.Join(s.Data, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
		b, err := os.ReadFile(f)
		if err != nil && filepath.Base(f) != "control.sock" {
			t.Error(err)
		}
		places[f] = string(b)
	}
	for place, text := range places {
		for _, secret := range []string{canary, second, c.Token(), resumed.Token()} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, place)
			}
		}
	}
}

// proc is what the kernel tells everybody, or the owner, of the server's process.
func proc(t *testing.T, s *parleytest.Server, name string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.Cmd.Process.Pid, name))
	if err != nil {
		parleytest.Missing(t, "there is no /proc to look at a process with: %v", err)
	}
	return string(b)
}
