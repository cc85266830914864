package flags_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
	"parley/internal/parleytest"
)

var hostileManual = flags.Manual{
	Section: 8,
	Topics: []flags.Topic{{
		Title: "IT'S \"ONE\"", Text: ".TH is no macro. " + hostileHelp,
		Terms: []flags.Term{{Name: ".name", Usage: "[\\u] 'x'", Text: "'text " + hostileHelp}, {Name: "empty"}},
	}},
	Environment: []flags.Term{{Name: "PATH", Text: hostileHelp}},
	Files:       []flags.Term{{Name: "/dev/null\\", Text: strings.Repeat("x", 60)}},
}

// hostilePage is the hostile command line's manual page, in a file.
func hostilePage(t *testing.T) string {
	t.Helper()
	var page bytes.Buffer
	if err := flags.WriteMan(&page, hostileModel(t, "hold-it"), hostileManual); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hold-it.8")
	if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestManIsSound: the tools that check a page find nothing, whatever the texts hold.
func TestManIsSound(t *testing.T) {
	page := hostilePage(t)
	for _, check := range [][]string{{"mandoc", "-Tlint"}, {"groff", "-man", "-ww", "-z", "-Tutf8"}} {
		t.Run(check[0], func(t *testing.T) {
			out, err := exec.Command(parleytest.Need(t, check[0]), append(check[1:], page)...).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestManHyphens: each hyphen is one that can be copied into a command line, also where the system's macros do not see to it.
func TestManHyphens(t *testing.T) {
	page, err := os.ReadFile(hostilePage(t))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(page), "\n") // the first line has the date
	if bare := regexp.MustCompile(`.*[^\\]-.*`).FindString(body); bare != "" {
		t.Errorf("a bare hyphen: %s", bare)
	}
}

// TestManShowsTextsAsTheyAre reads the page as people do.
func TestManShowsTextsAsTheyAre(t *testing.T) {
	page := hostilePage(t)
	for _, program := range [][]string{{"mandoc", "-Tutf8"}, {"groff", "-man", "-Tutf8", "-P-cbou", "-rLL=50n"}} {
		t.Run(program[0], func(t *testing.T) {
			out, err := exec.Command(parleytest.Need(t, program[0]), append(program[1:], page)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			shown := strings.Join(strings.Fields(unstruck(string(out))), " ")
			if n := strings.Count(shown, hostileHelp); n < 15 {
				t.Errorf("the help that each has is on the page only %d times:\n%s", n, out)
			}
			for _, text := range []string{
				"NAME hold-it - hold it SYNOPSIS",
				"hold-it [OPTION]... [talk] WHO",
				"hold-it [OPTION]... user add NAME one|other [FILES...]",
				"hold-it [OPTION]... user drop IN",
				"-l, --level=low|high:er|$(touch ran)|it's " + hostileHelp + " Default: low. Environment: HOLD_LEVEL.",
				"--colour, --no-colour",
				"--plain, --simple, --fancy",
				"--data=DIR",
				"--owner=OWNER The user's. Environment: HOLD_OWNER.",
				".SH not a section 'nor this",
				`hold-it --x\y first ` + hostileHelp,
				".so /etc/passwd",
				`IT'S "ONE" .TH is no macro. `,
				`.name [\u] 'x' 'text ` + hostileHelp,
				`empty ENVIRONMENT`,
				"PATH " + hostileHelp,
				`FILES /dev/null\ xxx`,
				"EXIT STATUS 0 done 1 failed (once; or twice) 2 " + hostileHelp + " hold-it",
			} {
				if !strings.Contains(shown, text) {
					t.Errorf("%q is not on the page", text)
				}
			}
			for _, text := range []string{"--secret", "hush", "Exit codes", "\u2010"} {
				if strings.Contains(shown, text) {
					t.Errorf("%q is on the page", text)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}

// unstruck is text without what makes it bold or underlined on a printer: a character, and another over it.
func unstruck(text string) string {
	var shown []rune
	for _, r := range text {
		if r == '\b' {
			shown = shown[:len(shown)-1]
		} else {
			shown = append(shown, r)
		}
	}
	return string(shown)
}

type plain struct {
	Go struct{} `cmd:"" help:"Go."`
}

// TestManOfLittle: a program with nothing special has no empty sections.
func TestManOfLittle(t *testing.T) {
	parser, err := kong.New(&plain{}, kong.Name("plain"), kong.Description("Do it."))
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := flags.WriteMan(&page, parser.Model, flags.Manual{Section: 1}); err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{"ENVIRONMENT", "FILES", "EXIT STATUS"} {
		if strings.Contains(page.String(), title) {
			t.Errorf("a page with nothing to say has the section %s:\n%s", title, &page)
		}
	}
}
