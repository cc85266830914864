package flags

import (
	"fmt"
	"io"
	"reflect"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// Manual is what a manual page tells beside the command line that kong knows. Its texts are plain.
type Manual struct {
	Section     int     // of the manual: 1 for everybody's programs, 8 for those of operators
	Topics      []Topic // sections of the program's own
	Environment []Term  // the variables that are no flag's
	Files       []Term
}

// Topic is a section of a manual page: a text, and a list.
type Topic struct {
	Title, Text string
	Terms       []Term
}

// Term is an entry of a list: a name, what is written behind it, what it means.
type Term struct{ Name, Usage, Text string }

// WriteMan writes to w the manual page of the program that app describes, in the man(7) macros. The description of app is set by its
// shape: a block of indented lines is examples, each with what follows it behind two spaces, and a paragraph "Exit codes: 0 done; 1 failed"
// is the section EXIT STATUS. Commands and flags that are hidden are left out. The date is that of the commit which the program
// was built from, and today's where that is not known.
func WriteMan(w io.Writer, app *kong.Application, m Manual) error {
	version, date := built()
	page := &roff{}
	page.macro("TH", escape(strings.ToUpper(app.Name)), fmt.Sprint(m.Section), date, escape(app.Name+" "+version))
	page.source.WriteString(".nh\n.ad l\n") // what is copied from the page has no hyphen more, and no space
	text, codes := description(app.Help)
	page.macro("SH", "NAME")
	page.text(escape(app.Name) + ` \- ` + escape(summary(text)))
	page.macro("SH", "SYNOPSIS")
	page.synopsis(app.Node)
	page.macro("SH", "DESCRIPTION")
	page.prose(text)
	page.macro("SH", "COMMANDS")
	for _, command := range leaves(app.Node) {
		page.command(command)
	}
	page.macro("SH", "OPTIONS")
	page.options(app.Flags)
	for _, topic := range m.Topics {
		page.topic(topic)
	}
	environment := Topic{Title: "ENVIRONMENT", Terms: m.Environment}
	if hasVariables(app.Node) {
		environment.Text = "Each option can be set by the variable that is named with it; the command line goes before it."
	}
	for _, topic := range []Topic{environment, {Title: "FILES", Terms: m.Files}, {Title: "EXIT STATUS", Terms: codes}} {
		if topic.Text != "" || len(topic.Terms) > 0 {
			page.topic(topic)
		}
	}
	_, err := io.WriteString(w, page.source.String())
	return err
}

// hasVariables tells whether a flag of node, or below it, can be set in the environment.
func hasVariables(node *kong.Node) bool {
	return slices.ContainsFunc(node.Flags, func(f *kong.Flag) bool { return len(f.Envs) > 0 }) || slices.ContainsFunc(node.Children, hasVariables)
}

// built tells the version of this program, and the date (YYYY-MM-DD) of what it was built from.
func built() (version, date string) {
	version, date = "devel", time.Now().UTC().Format(time.DateOnly)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, date
	}
	for _, s := range info.Settings {
		if at, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
			date = at.UTC().Format(time.DateOnly)
		}
	}
	return info.Main.Version, date
}

const exitCodes = "Exit codes: "

var exitCode = regexp.MustCompile(`(?:^|; )([0-9]+) `)

// description is a program's help without the paragraph of its exit codes, and these.
func description(help string) (text string, codes []Term) {
	var kept []string
	for paragraph := range strings.SplitSeq(help, "\n\n") {
		list, found := strings.CutPrefix(oneLine(paragraph), exitCodes)
		if !found {
			kept = append(kept, paragraph)
			continue
		}
		list = strings.TrimSuffix(list, ".")
		for found := exitCode.FindAllStringSubmatchIndex(list, -1); len(found) > 0; found = found[1:] {
			end := len(list)
			if len(found) > 1 {
				end = found[1][0]
			}
			codes = append(codes, Term{Name: list[found[0][2]:found[0][3]], Text: list[found[0][1]:end]})
		}
	}
	return strings.Join(kept, "\n\n"), codes
}

// summary is the first sentence of a text, as the line NAME has it: no capital, no full stop.
func summary(text string) string {
	first, _, _ := strings.Cut(text, "\n\n")
	first, _, _ = strings.Cut(oneLine(first), ". ")
	r, n := utf8.DecodeRuneInString(first)
	return strings.TrimSuffix(string(unicode.ToLower(r))+first[n:], ".")
}

// leaves are the commands that can be run.
func leaves(node *kong.Node) (all []*kong.Node) {
	for _, child := range commandsOf(node) {
		if below := leaves(child); len(below) > 0 {
			all = append(all, below...)
		} else {
			all = append(all, child)
		}
	}
	return all
}

func (r *roff) synopsis(app *kong.Node) {
	for i, command := range leaves(app) {
		if i > 0 {
			r.macro("br")
		}
		r.text(bold(app.Name) + " [" + italic("OPTION") + "]... " + usage(command))
	}
}

// usage is how a command is called, after the program's name and its options. In brackets is what may be left out.
func usage(command *kong.Node) string {
	var words []string
	for n := command; n.Parent != nil; n = n.Parent {
		name := bold(n.Name)
		if n.Parent.DefaultCmd == n {
			name = "[" + name + "]"
		}
		words = append([]string{name}, words...)
	}
	for _, argument := range command.Positional {
		name := placeOf(argument)
		if argument.IsCumulative() {
			name += "..."
		}
		if !argument.Required {
			name = "[" + name + "]"
		}
		words = append(words, name)
	}
	return strings.Join(words, " ")
}

// placeOf is what stands for a value: the words to choose from, or a name.
func placeOf(value *kong.Value) string {
	switch {
	case value.Enum != "":
		var words []string
		for _, w := range answerOf(value, "").Words {
			words = append(words, bold(w))
		}
		return strings.Join(words, "|")
	case value.Flag != nil && value.Flag.PlaceHolder != "":
		return italic(value.Flag.PlaceHolder)
	case value.Target.Type() == reflect.TypeFor[time.Duration]():
		return italic("DURATION")
	}
	return italic(strings.ToUpper(value.Name))
}

func (r *roff) command(command *kong.Node) {
	r.macro("SS", usage(command))
	r.text(escape(command.Help))
	if command.Detail != "" {
		r.macro("PP")
		r.text(escape(command.Detail))
	}
	for _, argument := range command.Positional {
		r.term(placeOf(argument), escape(argument.Help))
	}
	for _, group := range command.AllFlags(true)[1:] { // the first are the program's
		r.options(group)
	}
}

// options are those of the flags that are to be seen.
func (r *roff) options(flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		var names []string
		for _, spelling := range spellings(f) {
			names = append(names, bold(spelling))
		}
		name, body := strings.Join(names, ", "), []string{escape(f.Help)}
		if !f.IsBool() && !f.IsCounter() {
			name += "=" + placeOf(f.Value)
		}
		if f.HasDefault && f.Default != "" {
			body = append(body, "Default: "+bold(f.Default)+".")
		}
		for _, variable := range f.Envs {
			body = append(body, "Environment: "+bold(variable)+".")
		}
		r.term(name, strings.Join(body, " "))
	}
}

func (r *roff) topic(topic Topic) {
	r.macro("SH", escape(topic.Title))
	r.text(escape(topic.Text))
	for _, term := range topic.Terms {
		name := bold(term.Name)
		if term.Usage != "" {
			name += " " + italic(term.Usage)
		}
		r.term(name, escape(term.Text))
	}
}

var behind = regexp.MustCompile(` {2,}`)

// prose sets paragraphs, and blocks of indented lines.
func (r *roff) prose(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			r.macro("PP")
		}
		if !strings.HasPrefix(paragraph, " ") {
			r.text(escape(paragraph))
			continue
		}
		lines := strings.Split(paragraph, "\n")
		r.macro("RS", "4")
		if slices.ContainsFunc(lines, func(l string) bool { return behind.MatchString(strings.TrimSpace(l)) }) {
			r.explained(lines)
		} else {
			r.macro("nf") // not EX: at its end hyphens are back
			for _, l := range lines {
				r.line(escape(l))
			}
			r.macro("fi")
		}
		r.macro("RE")
	}
}

// explained are examples with what they are for, below each rather than behind it: so they fit on a narrow terminal.
func (r *roff) explained(lines []string) {
	for _, l := range lines {
		example := behind.Split(strings.TrimSpace(l), 2)
		r.term(bold(example[0]), escape(strings.Join(example[1:], "")))
	}
}
