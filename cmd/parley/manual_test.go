package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// printed is what the program prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(parleytest.Build(t, "parley"), args...).Output()
	if err != nil {
		t.Fatalf("parley %q: %v", args, err)
	}
	return string(out)
}

var (
	helpFlag    = regexp.MustCompile(`(?m)^ +(?:(-\w), )?(--[a-z-]+)`)
	helpCommand = regexp.MustCompile(`(?m)^  ([a-z]+) `)
)

// offered is what --help tells: for each command, "" being none, its flags; and the names of the commands.
func offered(t *testing.T) (flags map[string][]string, names []string) {
	t.Helper()
	flags = make(map[string][]string)
	help := printed(t, "--help")
	_, list, _ := strings.Cut(help, "\nCommands:\n")
	list, _, _ = strings.Cut(list, "\nFlags:\n")
	for _, m := range helpCommand.FindAllStringSubmatch(list, -1) {
		names = append(names, m[1])
	}
	read := func(text string) (found []string) {
		for _, m := range helpFlag.FindAllStringSubmatch(text, -1) {
			found = append(found, slices.DeleteFunc(m[1:], func(name string) bool { return name == "" })...)
		}
		return found
	}
	for _, name := range names {
		_, own, _ := strings.Cut(printed(t, name, "--help"), "\nFlags:\n")
		flags[name] = read(own)
	}
	if len(names) < 5 || len(flags["send"]) < 8 || len(flags["chat"]) < 8 {
		t.Fatalf("--help tells of the commands %q and flags %q", names, flags)
	}
	flags[""] = flags["chat"] // of which the name may be left out
	return flags, names
}

// TestCompletionIsWhole: each command and each flag that --help tells of is offered by the shells, and nothing else is.
func TestCompletionIsWhole(t *testing.T) {
	flags, names := offered(t)
	for _, name := range []string{"bash", "zsh", "fish"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "server.pem"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s := parleytest.StartShell(t, name, "parley", printed(t, "completion", name), dir)
			lines := map[string][]string{
				"parley ":                       names,
				"parley --ca server.pem se":     {"send"},
				"parley completion ":            {"bash", "zsh", "fish"},
				"parley alice@localhost ":       nil,
				"parley send a@localhost:7443 ": nil,
				"parley tail a@localhost s":     nil,
				"parley send --pin ":            nil,
			}
			for command, want := range flags {
				lines["parley "+command+" -"] = want
			}
			for line, want := range lines {
				got, _ := s.Complete(line)
				var words []string
				for _, o := range got {
					words = append(words, o.Word)
				}
				slices.Sort(words)
				if want := slices.Sorted(slices.Values(want)); !slices.Equal(words, want) {
					t.Errorf("%q offers %q, want %q", line, words, want)
				}
			}
			for _, line := range []string{"parley --ca se", "parley tail a@localhost ops --password-file=se"} {
				got, after := s.Complete(line)
				if after = strings.TrimSpace(after); !strings.HasSuffix(after, "server.pem") && (len(got) != 1 || !strings.HasSuffix(got[0].Word, "server.pem")) {
					t.Errorf("%q becomes %q, with %q", line, after, got)
				}
			}
		})
	}
}

// TestManualIsWhole: so is each on the manual page, with its variable, each of the /commands and each key; and the page is sound.
func TestManualIsWhole(t *testing.T) {
	page := filepath.Join(t.TempDir(), "parley.1")
	if err := os.WriteFile(page, []byte(printed(t, "man")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(parleytest.Need(t, "mandoc"), "-Tlint", page).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
	cmd := exec.Command(parleytest.Need(t, "groff"), "-man", "-ww", "-Tutf8", "-P-cbou", page)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("groff: %v\n%s", err, &complaints)
	}
	shown := strings.Join(strings.Fields(string(out)), " ")
	want := []string{
		"[chat] [[USER@]HOST[:PORT]]", "PARLEY_PROFILE", "profiles.json", "completion bash|zsh|fish", "parley tail alice@chat.example.org ops --json follow a room",
		"--give-up=DURATION", "Default: 5m. Environment: PARLEY_GIVE_UP.", "ENVIRONMENT", "PARLEY_PASSWORD The password", "FILES",
		"EXIT STATUS 0 done 1 failed", "3 the server can't be trusted", "5 no connection",
	}
	flags, names := offered(t)
	for _, name := range names {
		want = append(want, flags[name]...)
		if name != "chat" { // which may be left out, and is in brackets
			want = append(want, "parley [OPTION]... "+name)
		}
	}
	for _, c := range commands {
		want = append(want, strings.Join(strings.Fields("/"+c.name+" "+c.usage+" "+c.help), " "))
	}
	for _, b := range bindings {
		want = append(want, b.shown+" "+b.help)
	}
	for _, text := range want {
		if !strings.Contains(shown, text) {
			t.Errorf("%q is not on the page:\n%s", text, out)
		}
	}
}
