package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// fails runs parleyd to its end, which must be a failure, and returns the exit code and what it said.
func fails(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(parleytest.Build(t, "parleyd"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("parleyd %q went well:\n%s", args, out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestUserCommands: the same with a server and without one, by turns.
func TestUserCommands(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	password := parleytest.Password + "\n"
	user := func(stdin, verb string, more ...string) string {
		t.Helper()
		args := append([]string{"user", verb}, more...)
		return s.Run(stdin, append(args, "--data", s.Data, "--bcrypt-cost", "4")...)
	}
	for _, running := range []bool{true, false} {
		prefix := "with-"
		if !running {
			prefix = "without-"
			if code := s.Stop(); code != 0 {
				t.Fatal(code)
			}
		}
		user(password, "add", prefix+"plain")
		user(password, "add", prefix+"admin", "--admin")
		user(password, "add", prefix+"invited", "--invite")
		user(password, "add", prefix+"disabled")
		user("", "disable", prefix+"disabled")
		user(password, "add", prefix+"enabled")
		user("", "disable", prefix+"enabled")
		user("", "enable", prefix+"enabled")
		user(password, "add", prefix+"removed")
		user("", "remove", prefix+"removed")
		user(password, "add", prefix+"changed")
		user("an entirely different one\n", "passwd", prefix+"changed")
		user(strings.TrimSuffix(password, "\n"), "add", prefix+"no-newline")
		user(strings.TrimSuffix(password, "\n")+"\r\n", "add", prefix+"crlf")
		refusals := []struct{ stdin, verb, name, says string }{
			{password, "add", prefix + "plain", "taken"}, {"short\n", "add", prefix + "short", "short"}, {"", "disable", "nobody", "no such account"},
			{password, "add", prefix + "removed", "taken"}, {password, "add", "Upper", "name"}, {password, "add", "~guest", "name"}, {"", "add", prefix + "none", "password"},
			{"\n", "add", prefix + "empty", "short"}, {"", "remove", prefix + "removed", "no such"}, {password, "passwd", "nobody", "no such"},
		}
		if !running {
			refusals = refusals[:3] // each opens the database anew, for the same words
		}
		for _, tt := range refusals {
			code, out := fails(t, tt.stdin, "user", tt.verb, tt.name, "--data", s.Data, "--bcrypt-cost", "4")
			if code != 1 || !strings.Contains(strings.ToLower(out), tt.says) {
				t.Errorf("user %s %s: exit code %d, %q does not say %q", tt.verb, tt.name, code, out, tt.says)
			}
			if strings.Contains(out, parleytest.Password) {
				t.Error("a password is in what it said")
			}
		}
		list := user("", "list")
		for name, mark := range map[string]string{"plain": "", "admin": "admin", "invited": "invited", "disabled": "disabled", "enabled": "", "removed": "removed", "changed": ""} {
			found := false
			for line := range strings.Lines(list) {
				f := strings.Fields(line)
				if f[0] == prefix+name {
					found = strings.Join(f[2:], " ") == mark
				}
			}
			if !found {
				t.Errorf("%s is not listed as %q:\n%s", prefix+name, mark, list)
			}
		}
	}
	s.Launch()
	for _, prefix := range []string{"with-", "without-"} {
		hello := func(name string) string { return "HELLO|" + prefix + name + "|" + parleytest.Password }
		for name, want := range map[string]string{
			"plain": "OK|*|pt1.*|lobby", "admin": "OK|*", "invited": "OK|*||", "disabled": "denied", "enabled": "OK|*", "removed": "denied", "changed": "denied",
			"no-newline": "OK|*", "crlf": "OK|*",
		} {
			hold(t, s.Dial(), []exchange{{hello(name), want}})
		}
		hold(t, s.Dial(), []exchange{{"HELLO|" + prefix + "changed|an entirely different one", "OK|*"}})
		hold(t, s.SignIn(prefix+"admin"), []exchange{{"EJECT|" + prefix + "plain|x", "OK|*"}})
	}
	mode := func(name string) os.FileMode {
		info, err := os.Stat(filepath.Join(s.Data, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if dir, socket := mode("."), mode("control.sock"); dir != 0o700 || socket != 0o600 {
		t.Errorf("modes %o and %o", dir, socket)
	}
}

// TestOperatorsReach: what operators change holds for live sessions as soon as the command has ended: nothing that they say then is heard.
func TestOperatorsReach(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob", "carol", "dave")
	witness := s.SignIn("dave")
	for name, args := range map[string][]string{
		"alice": {"user", "disable", "alice"}, "bob": {"user", "remove", "bob"}, "carol": {"user", "passwd", "carol"},
	} {
		one, two := s.SignIn(name), s.SignIn(name)
		drop(witness)
		s.Run("an entirely different one\n", append(args, "--data", s.Data)...)
		for _, c := range []*parleytest.Conn{one, two} {
			c.TLS.Write([]byte("MSG|too late\n")) // an error where the server has closed already
			ended(t, c, "BYE|ejected|*")
			refused(t, s, name, c.Token())
		}
		if got := witness.Event(); got != "LEAVE|lobby|"+name {
			t.Error(got)
		}
	}
	hold(t, witness, []exchange{{"HISTORY|lobby", "OK|0"}, {"SEND|@bob||x", "no-such-user"}, {"SEND|@alice||for when you are back", "OK|*"}, {"JOIN|lobby", "OK|lobby|3|*"}})
	s.User("eve")
	hold(t, witness, []exchange{{"SEND|@eve||welcome", "OK|*"}, {"JOIN|lobby", "OK|lobby|4|*"}})
	s.Run("", "user", "enable", "alice", "--data", s.Data)
	hold(t, s.SignIn("alice"), []exchange{{"HISTORY|@dave", "OK|1"}})
}
