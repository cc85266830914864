package main_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// livingRoom is home with folders whose contents the test looks at.
func livingRoom(t *testing.T) (env []string, config, state string) {
	t.Helper()
	config, state = t.TempDir(), t.TempDir()
	return append(home(t), "XDG_CONFIG_HOME="+config, "XDG_STATE_HOME="+state), config, state
}

// pinOf is the pin that the operator of a server reads in its log.
func pinOf(t *testing.T, server *parleytest.Server) string {
	t.Helper()
	for line := range strings.Lines(server.Log()) {
		var entry struct{ Msg, Pin string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			return entry.Pin
		}
	}
	t.Fatal("the server does not log its pin")
	return ""
}

// foundIn are the files below dir that hold text.
func foundIn(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), text) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// (The form is drawn cell by cell: only words are waited for.)
func TestFirstRun(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	server.User("bob")
	bob := server.SignIn("bob")
	env, config, state := livingRoom(t)
	x := openTerminal(t, env)
	x.expect("Server")
	x.enter(server.Addr)
	x.expect(pinOf(t, server))
	x.enter("sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	x.expect("mistyped")
	x.enter("\x15" + pinOf(t, server))
	x.expect("Name")
	x.enter("alice")
	x.expect("guest")
	x.enter("something wrong")
	x.expect("wrong.")
	x.enter(parleytest.Password)
	x.expect("you are alice, and speak in lobby")
	bob.Await("JOIN|lobby|alice")
	x.enter("hello from the form")
	bob.Await("|lobby|alice|hello from the form")
	x.enter("\x04")
	x.end(0)
	for _, secret := range []string{parleytest.Password, "something wrong"} {
		if strings.Contains(x.shown(), secret) {
			t.Error("a password is shown")
		}
		if found := append(foundIn(t, config, secret), foundIn(t, state, secret)...); len(found) > 0 {
			t.Errorf("a password is in %v", found)
		}
	}
	if found := foundIn(t, config, pinOf(t, server)); len(found) != 1 || found[0] != filepath.Join(config, "parley", "profiles.json") {
		t.Errorf("the pin is in %v", found)
	}

	// Again, without arguments and by name; neither form nor password is asked for.
	for _, args := range [][]string{nil, {"alice@" + server.Addr}} {
		x := openTerminal(t, env, args...)
		x.expect("you are alice, and speak in lobby")
		x.enter("\x04")
		x.end(0)
		if strings.Contains(x.shown(), "\x1b[?1049h") {
			t.Errorf("%v: the form is shown", args)
		}
	}
	cmd := exec.Command(parleytest.Build(t, "parley"), "send", "alice@"+server.Addr, "lobby", "trusted all the same")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("parley send: %v\n%s", err, out)
	}
	bob.Await("|lobby|alice|trusted all the same")
	cmd = exec.Command(parleytest.Build(t, "parley"), "--pin", "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "send", "alice@"+server.Addr, "lobby", "x")
	cmd.Env = env
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("the command line's pin does not count: %d\n%s", cmd.ProcessState.ExitCode(), out)
	}
	cmd = exec.Command(parleytest.Build(t, "parley"))
	cmd.Env, cmd.Stdin = env, strings.NewReader("piped by profile\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("parley, with a pipe: %v\n%s", err, out)
	}
	bob.Await("|lobby|alice|piped by profile")

	// A form asks anew, and what is typed counts, not the session that is still stored.
	x = openTerminal(t, env, "--profile", "other", "--ca", server.CA)
	x.expect("Server")
	x.enter("alice@" + server.Addr)
	x.expect("vouches")
	x.enter("")
	x.expect("guest")
	x.enter("something wrong")
	x.expect("wrong.")
	x.master.WriteString("\x03")
	x.end(1)
}

// The operator's ca.pem does as well as a pin; an invited account chooses its password; the server's throttle is waited for.
func TestFirstRunOfAnInvitedAccount(t *testing.T) {
	server := parleytest.Start(t, "--login-rate", "1")
	server.User("carol", "--invite")
	env, config, _ := livingRoom(t)
	x := openTerminal(t, env, "--profile", "work")
	x.expect("work")
	x.enter("carol@" + server.Addr)
	x.expect("pin")
	x.enter(filepath.Join(server.Certs, "server-key.pem"))
	x.expect("certificate")
	x.enter("\x15" + server.CA)
	x.expect("vouches")
	x.expect("carol")
	x.enter("")
	x.expect("guest")
	x.enter("wrong")
	x.expect("wrong.")
	for tries := 0; ; tries++ { // the throttle begins with a second, and doubles: this machine may stand still for longer
		x.enter("wrong again")
		if x.expectOne("failed", "wrong.") == 0 {
			x.expect("wrong.")
			break
		}
		if tries == 3 {
			t.Fatal("there is no throttle")
		}
	}
	x.enter(parleytest.Password)
	x.expect("choose")
	x.enter("too weak")
	x.enter("too weak")
	x.expect("weak")
	x.enter("a password of my own")
	x.enter("a password of my own")
	x.expect("you are carol")
	x.enter("\x04")
	x.end(0)
	x = openTerminal(t, env, "--profile", "work")
	x.expect("you are carol")
	x.enter("\x04")
	x.end(0)
	for _, secret := range []string{parleytest.Password, "a password of my own"} {
		if len(foundIn(t, config, secret)) > 0 || strings.Contains(x.shown(), secret) {
			t.Error("a password is kept or shown")
		}
	}

	x = openTerminal(t, env) // there is still no other profile
	x.expect("Server")
	x.master.WriteString("\x1b")
	x.expect("nothing was saved")
	x.end(1)
}

// Guests are remembered as guests, and where the profile can't be kept, one is in all the same.
func TestFirstRunOfAGuest(t *testing.T) {
	server := parleytest.Start(t, "--guests")
	env, config, _ := livingRoom(t)
	x := openTerminal(t, env, "--ca", server.CA)
	x.expect("Server")
	x.enter(server.Addr)
	x.expect("vouches")
	x.enter("dave")
	x.expect("guest")
	x.enter("")
	x.expect("you are ~dave")
	x.enter("/quit")
	x.end(0)
	x = openTerminal(t, env)
	x.expect("you are ~dave")
	x.enter("/quit")
	x.end(0)

	file := filepath.Join(config, "parley", "profiles.json")
	os.Remove(file)
	x = openTerminal(t, env, "--ca", server.CA, "--guest")
	x.expect("Server")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil { // somebody is editing it
		t.Fatal(err)
	}
	x.enter(server.Addr)
	x.expect("vouches")
	x.enter("dave")
	x.expect("the profile could not be kept")
	x.expect("you are ~dave")
	x.enter("/quit")
	x.end(0)
}

// The form gives its screen back before the full screen takes it.
func TestFirstRunLeadsToTheFullScreen(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	env, _, _ := livingRoom(t)
	x := openTerminal(t, append(env, "PARLEY_PLAIN=false"), "--ca", server.CA)
	x.expect("Server")
	x.enter("alice@" + server.Addr)
	x.expect("vouches")
	x.enter("")
	x.expect("guest")
	x.enter(parleytest.Password)
	x.expect("\x1b[?1049l")
	x.expect("\x1b[?1049h")
	x.expect("alice")
	x.master.WriteString("\x03\x03")
	x.end(0)
}
