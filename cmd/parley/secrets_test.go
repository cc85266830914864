package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestPasswordOfAClient: while the client is signed in, the password stands nowhere that others can look, and would go to no core file.
func TestPasswordOfAClient(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(parleytest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	cmd := exec.Command(parleytest.Build(t, "parley"), "--ca", server.CA, "--password-file", file, "alice@"+server.Addr)
	cmd.Env = append(home(t), "XDG_STATE_HOME="+state)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	witness := server.SignIn("alice") // shows that it came: the same account's other session hears what it says
	fmt.Fprintln(stdin, "here")
	witness.Await("|here")

	looks := map[string]string{}
	for _, name := range []string{"cmdline", "environ", "limits"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, name))
		if err != nil {
			parleytest.Missing(t, "there is no /proc to look at a process with: %v", err)
		}
		looks[name] = string(b)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).MatchString(looks["limits"]) {
		t.Errorf("the client would leave a core file:\n%s", looks["limits"])
	}
	stdin.Close()
	buf := make([]byte, 4096)
	n, _ := stdout.Read(buf)
	looks["what it prints"] = string(buf[:n])
	filepath.WalkDir(state, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			b, _ := os.ReadFile(path)
			looks[path] = string(b)
		}
		return err
	})
	for where, text := range looks {
		if strings.Contains(text, parleytest.Password) {
			t.Errorf("the password is in %s", where)
		}
	}
}
