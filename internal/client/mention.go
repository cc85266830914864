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
	name, guest := strings.CutPrefix(m.self, protocol.GuestMark)
	text := strings.ToLower(e.Text)
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		if !comesFrom(text[:start], guest) && !goesOn(text[end:]) {
			return true
		}
		from = end
	}
}

// comesFrom tells whether a name has begun in what stands before it: a full stop or dash there begins none. A guest's name is another one
// than the account's.
func comesFrom(before string, guest bool) bool {
	if strings.HasSuffix(before, protocol.GuestMark) {
		return !guest
	}
	before = strings.TrimRightFunc(strings.TrimRight(before, "._-"), unicode.IsMark)
	r, _ := utf8.DecodeLastRuneInString(before)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// goesOn tells whether a name goes on in rest: a full stop or dash at the end of a word is none of it.
func goesOn(rest string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, "._-"))
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}
