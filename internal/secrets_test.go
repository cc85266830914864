package internal_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// secretFlags are the flags in a program's help whose values would be secrets: what is given on a command line, everybody on the machine can read.
func secretFlags(help string) (bad []string) {
	for _, m := range helpFlag.FindAllStringSubmatch(help, -1) {
		name := m[1]
		if secretWord.MatchString(name) && !strings.Contains(name, "-file") && !slices.Contains(noSecrets, name) {
			bad = append(bad, "--"+name)
		}
	}
	return bad
}

var (
	secretWord = regexp.MustCompile(`pass|secret|token|credential`)
	noSecrets  = []string{"password-min"} // a number
)

// TestNoSecretOnACommandLine: no flag takes a password or a token; a file, a prompt or standard input does.
func TestNoSecretOnACommandLine(t *testing.T) {
	programs, err := os.ReadDir("../cmd")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, p := range programs {
		if p.Name() == "internal" {
			continue
		}
		for _, command := range [][]string{nil, {"serve"}, {"user", "add"}, {"user", "passwd"}} {
			if command != nil && p.Name() != "parleyd" {
				continue
			}
			help, err := exec.Command(parleytest.Build(t, p.Name()), append(command, "--help")...).Output()
			if err != nil {
				t.Fatalf("%s %q: %v", p.Name(), command, err)
			}
			seen += len(helpFlag.FindAllString(string(help), -1))
			for _, flag := range secretFlags(string(help)) {
				t.Errorf("%s %s would put a secret into the process list", p.Name(), flag)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d flags were looked at", seen)
	}
	if len(secretFlags("  -h, --help\n      --password=TEXT    The password.\n      --password-file=FILE\n")) != 1 {
		t.Error("the check does not see a flag for a password")
	}
}
