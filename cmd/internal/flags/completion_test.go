package flags_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
	"parley/internal/parleytest"
)

// hostileHelp is what a careless script would run, cut, or stumble over.
const hostileHelp = "It's a \"help\" [with] (all): `touch ran` $(touch ran) $HOME \\n \\' %s {a,b} *?~ <x> | & ; # ! -- \\fBé\\(aq"

// hostile is a command line with everything that the generators know of.
type hostile struct {
	Level  string   `enum:"low,high:er,$(touch ran),it's" default:"low" short:"l" help:"${hostile}"`
	Config string   `type:"existingfile" placeholder:"X" help:"${hostile}"`
	Data   string   `placeholder:"DIR" help:"${hostile}"`
	Name   string   `help:"${hostile}"`
	Colour bool     `negatable:"" help:"${hostile}"`
	Plain  bool     `negatable:"fancy" aliases:"simple"`
	Many   []string `short:"m" placeholder:"FILE" aliases:"several"`
	Secret string   `hidden:""`

	Talk struct {
		Who  string `arg:""`
		Loud bool   `help:"${hostile}"`
	} `cmd:"" default:"withargs" help:"${hostile}"`
	User struct {
		Owner string `help:"The user's."`
		Add   struct {
			Name  string   `arg:"" help:"${hostile}"`
			Kind  string   `arg:"" enum:"one,other"`
			Files []string `arg:"" optional:"" type:"path"`
		} `cmd:"" aliases:"new" help:"${hostile}"`
		Drop struct {
			In string `arg:"" type:"existingdir"`
		} `cmd:""`
	} `cmd:"" help:"Two\n  lines."`
	Hush struct{} `cmd:"" hidden:""`
}

func hostileModel(t *testing.T, name string) *kong.Application {
	t.Helper()
	parser, err := kong.New(&hostile{}, kong.Name(name), kong.Description("Hold it. "+hostileHelp+"\n\n.SH not a section\n'nor this\n\n  "+name+
		" --x\\y   first "+hostileHelp+"\n  "+name+" -m\n\n    .so /etc/passwd\n\nExit codes: 0 done; 1 failed (once; or twice); 2 "+hostileHelp+"."),
		kong.DefaultEnvars("HOLD"), kong.Vars{"hostile": hostileHelp})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// shell is one that has read the script for the hostile command line, in a directory with one file that begins with f, and one directory.
func shell(t *testing.T, name string) (*parleytest.Shell, string) {
	t.Helper()
	var script bytes.Buffer
	if err := flags.WriteCompletion(&script, hostileModel(t, "hold-it"), name); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "fi le=x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	return parleytest.StartShell(t, name, "hold-it", script.String(), dir), dir
}

func TestCompletion(t *testing.T) {
	all := []string{"--level", "--config", "--data", "--name", "--colour", "--no-colour", "--plain", "--fancy", "--simple", "--many", "--several", "--help"}
	levels := []string{"low", "high:er", "$(touch ran)", "it's"}
	for _, name := range []string{"bash", "zsh", "fish"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, dir := shell(t, name)
			for line, want := range map[string][]string{
				"hold-it ":                            {"talk", "user"},
				"hold-it t":                           {"talk"},
				"hold-it --":                          append([]string{"--loud"}, all...),
				"hold-it someone --lo":                {"--loud"},
				"hold-it user --owner x --":           append([]string{"--owner"}, all...),
				"hold-it user ":                       {"add", "new", "drop"},
				"hold-it --name user ":                {"talk", "user"},
				"hold-it --name=user ":                {"talk", "user"},
				"hold-it -l low ":                     {"talk", "user"},
				"hold-it --several a --colour user a": {"add"},
				"hold-it -- ":                         nil,
				"hold-it -- --":                       nil,
				"hold-it so@me:7443 ":                 nil,
				"hold-it so@me:7443 u":                nil,
				"hold-it --name ":                     nil,
				"hold-it --name=":                     nil,
				"hold-it --level ":                    levels,
				"hold-it user add --level ":           levels,
				"hold-it --level=":                    levels,
				"hold-it --level lo":                  {"low"},
				"hold-it user add ":                   nil,
				"hold-it user new x ":                 {"one", "other"},
				"hold-it user add x@y:1 on":           {"one"},
				"hold-it user add 'x y' --name=a@b o": {"one", "other"},
				"hold-it user add -- x o":             {"one", "other"},
				"hold-it user nobody add ":            nil,
				"hold-it '$(touch ran)' --l":          {"--loud", "--level"},
				"hold-it $(touch ran) --l":            {"--loud", "--level"},
			} {
				got, after := s.Complete(line)
				t.Logf("%q: %q", line, got)
				if !sameWords(got, want, line) {
					t.Errorf("%q offers %q, want %q (and the line is %q)", line, got, want, after)
				}
			}
			if ran, _ := os.ReadDir(dir); len(ran) != 2 {
				t.Errorf("a help text, or what was typed, was run: %v", ran)
			}
		})
	}
}

// sameWords compares what is offered in any order, quoted or not, with or without the flag that stands before it. Short flags are passed over.
func sameWords(got []parleytest.Offer, want []string, line string) bool {
	var words []string
	for _, offer := range got {
		word := strings.NewReplacer(`\`, "").Replace(offer.Word)
		if i := strings.LastIndex(line, " "); strings.HasSuffix(line, "=") {
			word = strings.TrimPrefix(word, line[i+1:])
		}
		if len(word) != 2 || word[0] != '-' {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	want = slices.Sorted(slices.Values(want))
	return slices.Equal(words, want)
}

// TestCompletedLine: a single word is put into the line, quoted where the shell needs it. A file is one for a flag or an argument that is a
// file; directories alone are where one is due.
func TestCompletedLine(t *testing.T) {
	for _, name := range []string{"bash", "zsh", "fish"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := shell(t, name)
			for line, want := range map[string]string{
				"hold-it --config fi":           "fi le=x",
				"hold-it user --config=fi":      "fi le=x",
				"hold-it -m fi":                 "fi le=x",
				"hold-it --data f":              "folder/",
				"hold-it --data=f":              "folder/",
				"hold-it user add x one fi":     "fi le=x",
				"hold-it user add x one two fi": "fi le=x",
				"hold-it user drop f":           "folder/",
				"hold-it --level lo":            "--level low",
				"hold-it --level=lo":            "--level=low",
				"hold-it --level=i":             "--level=it's",
				"hold-it --level high:":         "--level high:er",
				"hold-it --level=high:":         "--level=high:er",
				"hold-it user n":                "user new",
			} {
				got, after := s.Complete(line)
				t.Logf("%q: %q %q", line, got, after)
				if name == "fish" && len(got) == 1 { // the word takes the place of the last
					after = line[:strings.LastIndex(line, " ")+1] + got[0].Word
				}
				after = strings.NewReplacer(`\`, "").Replace(strings.TrimRight(after, " "))
				if !strings.HasSuffix(after, want) {
					t.Errorf("%q becomes %q with %q, want %q", line, after, got, want)
				}
			}
		})
	}
}

// TestCompletionHelp: zsh and fish show the help as it is.
func TestCompletionHelp(t *testing.T) {
	for _, name := range []string{"zsh", "fish"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := shell(t, name)
			for line, want := range map[string]string{"hold-it --data": hostileHelp, "hold-it ta": hostileHelp, "hold-it us": "Two lines."} {
				got, _ := s.Complete(line)
				if len(got) != 1 || strings.TrimSpace(got[0].Help) != want {
					t.Errorf("%q offers %q, want one with the help %q", line, got, want)
				}
			}
		})
	}
}

// TestZshSourced: the script may be sourced as well as found in $fpath, which StartShell does.
func TestZshSourced(t *testing.T) {
	zsh := parleytest.Need(t, "zsh")
	path := filepath.Join(t.TempDir(), "script")
	script, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	if err := flags.WriteCompletion(script, hostileModel(t, "hold-it"), "zsh"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(zsh, "-f", "-c", "autoload compinit && compinit -u -D && source $1 && print -r -- $_comps[hold-it] $+functions[_hold-it]",
		"zsh", path).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "_hold-it 1" {
		t.Errorf("sourced, the script leaves %q, %v", got, err)
	}
}

func TestCompletionOfAnotherShell(t *testing.T) {
	if err := flags.WriteCompletion(&bytes.Buffer{}, hostileModel(t, "x"), "csh"); err == nil {
		t.Error("there is a completion for csh")
	}
}
