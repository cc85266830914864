package client

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/protocol"
)

// Mentioned tells whether somebody else's message speaks of this account: holds its name as a word, in any case.
func (m *Mirror) Mentioned(e protocol.Event) bool {
	if e.User == m.self || e.Command != protocol.EventMsg {
		return false
	}
	name := strings.TrimPrefix(m.self, protocol.GuestMark)
	text := strings.ToLower(e.Text)
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		if !isNameRune(before) && !goesOn(text[end:]) {
			return true
		}
		from = end
	}
}

func isNameRune(r rune) bool {
	return r == '_' || r == '-' || r == '.' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// goesOn tells whether a name goes on in rest: a full stop or dash at the end of a word is none of it.
func goesOn(rest string) bool {
	rest = strings.TrimLeft(rest, "._-")
	r, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && isNameRune(r)
}
