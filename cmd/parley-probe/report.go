package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"golang.org/x/term"

	"parley/protocol"
)

// shown are the verdicts as people read them.
var shown = map[verdict]string{held: "held", fell: "FELL", untried: "could not be tried"}

// threat is the row of the threat table that the stage belongs to, by number and name.
func (s stage) threat() string { return fmt.Sprintf("%d %s", s.row, threats[s.row]) }

// list prints the stages.
func list(w io.Writer, stages []stage) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STAGE\tTHREAT\tNEEDS")
	for _, s := range stages {
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.name, s.threat(), s.needs())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe numbers are those of the threats in docs/security-analysis.md. The password that is changed is the second account's, or that of the\n"+
		"only one; it is put back at once. If the probe is killed meanwhile, it may be the old one followed by\n    %q\nor, where the server takes that,", passwordTail)
	for _, weak := range weakPasswords {
		fmt.Fprintf(w, "\n    %q", weak.password)
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (s stage) needs() string {
	var what []string
	if s.people > 0 {
		what = append(what, []string{"", "an account", "two accounts"}[s.people])
	}
	if s.many {
		what = append(what, "a server on 127.0.0.1")
	}
	return strings.Join(what, ", ")
}

// writeJSON prints the results for programs.
func writeJSON(w io.Writer, results []result) error {
	type row struct {
		Threat  string  `json:"threat"`
		Tried   string  `json:"tried"`
		Seen    string  `json:"seen"`
		Verdict verdict `json:"verdict"`
		Late    bool    `json:"late,omitempty"` // it fell by times alone
	}
	rows := make([]row, 0, len(results))
	for _, r := range results {
		rows = append(rows, row{r.threat(), r.name + ": " + r.tried, protocol.Printable(r.seen), r.verdict, r.late})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

// Widths of the table. A column takes what the terminal has beyond the others.
const (
	defaultWidth = 150
	leastWidth   = 100
	flagWidth    = 21
	verdictWidth = 8
	threatWidth  = 18
	gap          = 2
)

// writeTable prints the results for people.
func writeTable(w *os.File, results []result) error {
	width, _, err := term.GetSize(int(w.Fd()))
	if err != nil {
		width = defaultWidth
	}
	rest := max(width-1, leastWidth) - threatWidth - verdictWidth - flagWidth - 4*gap
	widths := []int{threatWidth, rest * 2 / 5, rest - rest*2/5, verdictWidth, flagWidth}
	var b strings.Builder
	writeRow(&b, widths, "THREAT", "WHAT WAS TRIED", "WHAT WAS SEEN", "VERDICT", "TIGHTENED BY")
	for _, r := range results {
		b.WriteByte('\n')
		writeRow(&b, widths, r.threat(), r.name+": "+r.tried, protocol.Printable(r.seen), shown[r.verdict], r.flag)
	}
	fmt.Fprintf(&b, "\n%s\n", summary(results))
	_, err = w.WriteString(b.String())
	return err
}

// writeRow writes cells side by side, each wrapped to its width.
func writeRow(b *strings.Builder, widths []int, cells ...string) {
	columns := make([][]string, len(cells))
	lines := 0
	for i, cell := range cells {
		columns[i] = wrap(cell, widths[i])
		lines = max(lines, len(columns[i]))
	}
	for n := range lines {
		line := ""
		for i, column := range columns {
			text := ""
			if n < len(column) {
				text = column[n]
			}
			line += text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+gap)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// wrap breaks text at spaces into lines of at most width characters; a longer word is broken.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		for used := utf8.RuneCountInString(line); used > 0; used = 0 {
			if used+1+utf8.RuneCountInString(word) <= width {
				word = line + " " + word
			} else {
				lines = append(lines, line)
			}
			line = ""
		}
		for utf8.RuneCountInString(word) > width {
			cut := []rune(word)
			lines, word = append(lines, string(cut[:width])), string(cut[width:])
		}
		line = word
	}
	return append(lines, line)
}
