package flags

import (
	"embed"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

// Completion is the command that prints what a shell needs to complete the program's command line.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help implements kong.HelpProvider.
func (*Completion) Help() string {
	return "It belongs, NAME being this program's, for bash in ~/.local/share/bash-completion/completions/NAME; " +
		"for zsh in _NAME in a directory of $fpath; for fish in ~/.config/fish/completions/NAME.fish."
}

// Run implements the command.
func (c *Completion) Run(parsed *kong.Context) error {
	return WriteCompletion(parsed.Stdout, parsed.Model, c.Shell)
}

//go:embed completion
var scripts embed.FS

// dialect is how a shell writes things down.
type dialect struct {
	quote  func(text string) string       // a text that the shell takes as it is
	offer  func(word, help string) string // a word to choose, with its help where the shell shows one
	answer func(a *answer) string         // what can stand where a value is asked for
}

var dialects = map[string]dialect{
	"bash": {quoteSh, offerBash, func(a *answer) string { return answerSh(a, offerBash) }},
	"zsh":  {quoteSh, offerZsh, func(a *answer) string { return answerSh(a, offerZsh) }},
	"fish": {quoteFish, offerFish, answerFish},
}

func quoteSh(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func quoteFish(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

func offerBash(word, _ string) string { return quoteSh(word) }

// offerZsh: _describe cuts at the first colon that has no backslash before it.
func offerZsh(word, help string) string {
	word = strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(word)
	if help != "" {
		word += ":" + strings.ReplaceAll(help, `\`, `\\`)
	}
	return quoteSh(word)
}

// offerFish quotes the word twice, since fish expands what it is offered.
func offerFish(word, help string) string {
	offered := "-a " + quoteFish(quoteFish(word))
	if help != "" {
		offered += " -d " + quoteFish(help)
	}
	return offered
}

func answerSh(a *answer, offer func(word, help string) string) string {
	set := "kind=" + a.Kind
	if len(a.Words) == 0 {
		return set
	}
	var offered []string
	for _, w := range a.Words {
		offered = append(offered, offer(w, ""))
	}
	return set + " offered=(" + strings.Join(offered, " ") + ")"
}

func answerFish(a *answer) string {
	switch a.Kind {
	case "file":
		return "-F"
	case "dir":
		return "-f -a '(__fish_complete_directories (string replace -r \"^--[^=]*=\" \"\" -- (commandline -ct)))'"
	case "words":
		var offered []string
		for _, w := range a.Words {
			offered = append(offered, quoteFish(w))
		}
		return "-f -a " + quoteFish(strings.Join(offered, " "))
	}
	return ""
}

// WriteCompletion writes to w the completion script for bash, zsh or fish of the program that app describes: its commands, its flags,
// and the values of those that take a file (by kong's type, or where the help shows FILE or DIR) or one of a few words (enum). All other
// words complete to nothing. The script runs no program. Commands and flags that are hidden are not in it; branching arguments (a kong
// arg with commands below it) are not known.
func WriteCompletion(w io.Writer, app *kong.Application, shell string) error {
	in, known := dialects[shell]
	if !known {
		return fmt.Errorf("there is no completion for %s, only for bash, zsh and fish", shell)
	}
	script, err := template.New(shell).
		Funcs(template.FuncMap{"quote": in.quote, "offer": in.offer, "answer": in.answer, "isLong": isLong, "trimDashes": trimDashes}).
		ParseFS(scripts, "completion/*")
	if err != nil {
		return err
	}
	return script.ExecuteTemplate(w, shell+".tmpl", map[string]any{
		"Program":  app.Name,
		"Function": regexp.MustCompile(`\W`).ReplaceAllString(app.Name, "_"),
		"Places":   places(app.Node, ""),
	})
}

func isLong(spelling string) bool { return strings.HasPrefix(spelling, "--") }

func trimDashes(spelling string) string { return strings.TrimLeft(spelling, "-") }

// place is where a command line has got to: the program alone, or one of its commands.
type place struct {
	Path      string // the commands' names, with a space between
	Commands  []word // those that may follow
	Flags     []flagWord
	Arguments []*answer
	Rest      *answer // of arguments beyond Arguments; nil where there are none
}

// word is one to choose, and where it leads.
type word struct{ Word, Path, Help string }

// answer is what stands where a value is asked for. Kind is file, dir, words, or none, which is whatever the user types.
type answer struct {
	Kind  string
	Words []string // of the kind words
}

// flagWord is one spelling of a flag.
type flagWord struct {
	Spelling, Help string
	Value          *answer // nil where none follows
}

// places are node, whose commands' names are path, and all below it.
func places(node *kong.Node, path string) []place {
	here := place{Path: path}
	for _, group := range node.AllFlags(true) {
		here.flags(group)
	}
	arguments := node.Positional
	if alone := node.DefaultCmd; alone != nil && alone.Tag.Default == "withargs" { // its name may be left out
		here.flags(slices.DeleteFunc(slices.Clone(alone.Flags), func(f *kong.Flag) bool { return f.Hidden }))
		arguments = alone.Positional
	}
	for _, argument := range arguments {
		answer := answerOf(argument, "")
		if argument.IsCumulative() {
			here.Rest = answer
		} else {
			here.Arguments = append(here.Arguments, answer)
		}
	}
	below := []place{}
	for _, child := range commandsOf(node) {
		to := strings.TrimSpace(path + " " + child.Name)
		for _, name := range append([]string{child.Name}, child.Aliases...) {
			here.Commands = append(here.Commands, word{name, to, oneLine(child.Help)})
		}
		below = append(below, places(child, to)...)
	}
	return append([]place{here}, below...)
}

// commandsOf are the commands right below node that are to be seen.
func commandsOf(node *kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(node.Children), func(n *kong.Node) bool { return n.Hidden || n.Type != kong.CommandNode })
}

func (p *place) flags(flags []*kong.Flag) {
	for _, f := range flags {
		var value *answer
		if !f.IsBool() && !f.IsCounter() {
			value = answerOf(f.Value, f.PlaceHolder)
		}
		for _, spelling := range spellings(f) {
			p.Flags = append(p.Flags, flagWord{spelling, oneLine(f.Help), value})
		}
	}
}

// spellings are all that a flag can be written as, the short one first.
func spellings(f *kong.Flag) (all []string) {
	if f.Short != 0 {
		all = append(all, "-"+string(f.Short))
	}
	for _, name := range append([]string{f.Name}, f.Aliases...) {
		all = append(all, "--"+name)
	}
	switch negated := f.Tag.Negatable; negated {
	case "":
	case "_": // kong's mark for the usual name
		all = append(all, "--no-"+f.Name)
	default:
		all = append(all, "--"+negated)
	}
	return all
}

// answerKinds are by what kong calls a type, and by what the help shows in place of a value.
var answerKinds = map[string]string{
	"path": "file", "existingfile": "file", "filecontent": "file", "namedfilecontent": "file", "existingdir": "dir",
	"FILE": "file", "DIR": "dir",
}

func answerOf(value *kong.Value, placeHolder string) *answer {
	if value.Enum != "" {
		return &answer{Kind: "words", Words: slices.DeleteFunc(value.EnumSlice(), func(w string) bool { return w == "" })}
	}
	for _, sign := range []string{placeHolder, value.Tag.Type} {
		if kind, known := answerKinds[sign]; known {
			return &answer{Kind: kind}
		}
	}
	return &answer{Kind: "none"}
}

// oneLine is a help text without line breaks, tabs and double spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
