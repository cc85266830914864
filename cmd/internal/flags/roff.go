package flags

import (
	"fmt"
	"strings"
	"unicode"
)

// roff gathers a page in the man(7) macros. What its methods take was made by escape, bold and italic.
type roff struct{ source strings.Builder }

// roffLine is how long a line of the source gets, in bytes; beyond it mandoc complains.
const roffLine = 78

// asciiOnly are the characters that roff takes for something else: escapes, or typographic quotes, dashes and accents in place of ASCII.
var asciiOnly = map[rune]string{
	'\\': `\(rs`, '-': `\-`, '\'': `\(aq`, '`': `\(ga`, '^': `\(ha`, '~': `\(ti`, '"': `\(dq`,
}

// escape makes roff show text as it is. Runs of white space become one space, control characters go.
func escape(text string) string {
	var b strings.Builder
	for _, r := range oneLine(text) {
		special, found := asciiOnly[r]
		switch {
		case found:
			b.WriteString(special)
		case unicode.IsControl(r):
		case r >= 0x80:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func bold(text string) string   { return `\fB` + escape(text) + `\fR` }
func italic(text string) string { return `\fI` + escape(text) + `\fR` }

// macro is a line that roff obeys.
func (r *roff) macro(name string, args ...string) {
	r.source.WriteString("." + name)
	for _, a := range args {
		r.source.WriteString(` "` + a + `"`)
	}
	r.source.WriteByte('\n')
}

// line is a line of text that is set as it is in the source: no other joins it there, and it is none that roff obeys.
func (r *roff) line(escaped string) {
	if strings.HasPrefix(escaped, ".") {
		r.source.WriteString(`\&`)
	}
	r.source.WriteString(escaped + "\n")
}

// text is running text, in source lines of at most roffLine bytes where words allow it.
func (r *roff) text(escaped string) {
	line := ""
	for word := range strings.FieldsSeq(escaped) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > roffLine:
			r.line(line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		r.line(line)
	}
}

// term is an entry of a list: what it is about, and what there is to say of it.
func (r *roff) term(name, body string) {
	r.macro("TP")
	r.line(name)
	if body == "" {
		body = `\&`
	}
	r.text(body)
}
