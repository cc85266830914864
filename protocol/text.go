package protocol

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of fields.
const (
	MaxText  = 2000          // bytes of a text
	MaxName  = 32            // bytes of a user's or room's name
	MaxKey   = 64            // bytes of a SEND key
	MaxLimit = 500           // messages one HISTORY may ask for
	MaxMute  = 365 * 24 * 60 // minutes of a MUTE: a year
)

// CheckText says whether s may be said: 1 to MaxText bytes, not blank, UTF-8
// without characters that steer a terminal or turn text around.
// Errors, in this order: Empty, TooLong, BadText.
func CheckText(s string) *Error {
	if isBlank(s) {
		return Errorf(Empty, "there is no text")
	}
	if len(s) > MaxText {
		return Errorf(TooLong, "a text has at most %d bytes, this one %d", MaxText, len(s))
	}
	return CheckCharacters(s)
}

// CheckCharacters is the part of CheckText that holds for empty and blank
// strings as well: valid UTF-8 and no character that is not allowed.
func CheckCharacters(s string) *Error {
	if !utf8.ValidString(s) {
		return Errorf(BadText, "the text is not valid UTF-8")
	}
	if i := strings.IndexFunc(s, notAllowed); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return Errorf(BadText, "the character %U is not allowed in a text", r)
	}
	return nil
}

// notAllowed are control characters (C0 but tab, DEL, C1), the line and
// paragraph separators, and bidirectional overrides and isolates
// (CVE-2021-42574). Joiners and direction marks stay: scripts need them.
func notAllowed(r rune) bool {
	switch {
	case r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x2028, r == 0x2029:
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// isBlank: nothing that a reader could see, and nothing that is not allowed.
func isBlank(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return notAllowed(r) || !unicode.In(r, unseen...)
	}) < 0
}

// unseen is what shows as nothing by itself: white space, format characters and all else that is Default_Ignorable_Code_Point
// (Unicode, DerivedCoreProperties), such as variation selectors and the Hangul fillers; and the Braille pattern without a dot.
var unseen = []*unicode.RangeTable{
	unicode.White_Space, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
	{R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}}},
}

// CheckName says whether s is the name of a user or a room: 1 to MaxName of
// a-z 0-9 . _ - beginning with a letter or digit. Nothing is folded. Error: BadData.
func CheckName(s string) *Error {
	if len(s) == 0 || len(s) > MaxName || !isAll(s, isNameByte) || strings.IndexByte("._-", s[0]) >= 0 {
		return Errorf(BadData, "a name has 1 to %d of a-z 0-9 . _ - and begins with a letter or digit", MaxName)
	}
	return nil
}

// GuestMark begins the shown name of a guest; no account's name can.
const GuestMark = "~"

// CheckShownName is CheckName for a user as others see it: a guest's name, with its mark, as well.
func CheckShownName(s string) *Error {
	return CheckName(strings.TrimPrefix(s, GuestMark))
}

// Target is whom a text is for, or whose history is read: a room, or the
// conversation with a user.
type Target struct {
	Room string // "" where User is set
	User string
}

// ParseTarget reads a room's name or @user. Error: BadData.
func ParseTarget(s string) (Target, *Error) {
	if user, found := strings.CutPrefix(s, "@"); found {
		return Target{User: user}, CheckName(user)
	}
	return Target{Room: s}, CheckName(s)
}

// String is the target as a field of a line.
func (t Target) String() string {
	if t.User != "" {
		return "@" + t.User
	}
	return t.Room
}

// CheckKey says whether s is a SEND key: up to MaxKey of A-Z a-z 0-9 _ -, or empty. Error: BadData.
func CheckKey(s string) *Error {
	if len(s) > MaxKey || !isAll(s, isKeyByte) {
		return Errorf(BadData, "a key has at most %d of A-Z a-z 0-9 _ -", MaxKey)
	}
	return nil
}

// ParseID reads a message's id, 0 included: decimal digits alone, no sign, no
// leading zero, at most 2^63-1. Error: BadData.
func ParseID(s string) (int64, *Error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || !isAll(s, isDigit) || len(s) > 1 && s[0] == '0' {
		return 0, Errorf(BadData, "an id is a whole number from 0, digits alone")
	}
	return id, nil
}

// ParseLimit reads a count of messages, 1 to MaxLimit. Error: BadData.
func ParseLimit(s string) (int, *Error) {
	n, err := ParseID(s)
	if err != nil || n < 1 || n > MaxLimit {
		return 0, Errorf(BadData, "a limit is a whole number from 1 to %d", MaxLimit)
	}
	return int(n), nil
}

// ParseMinutes reads how long a MUTE lasts, 0 to MaxMute. Error: BadData.
func ParseMinutes(s string) (time.Duration, *Error) {
	n, err := ParseID(s)
	if err != nil || n > MaxMute {
		return 0, Errorf(BadData, "the minutes are a whole number from 0 to %d", MaxMute)
	}
	return time.Duration(n) * time.Minute, nil
}

// TimeLayout is how times stand in lines: RFC 3339, UTC, milliseconds.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// AppendTime appends t as lines hold it.
func AppendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, TimeLayout)
}

// Printable returns s with every character that could steer a terminal or
// turn text around written as \u{…}, and bytes that are no UTF-8 as \x…: what foreign
// text must go through before it is shown. What CheckText allows stays as it is, but for tabs.
func Printable(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, mustEscape) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])+0x100, 16)[1:])
		case r == '\t':
			b.WriteByte(' ')
		case mustEscape(r):
			b.WriteString(`\u{` + strconv.FormatInt(int64(r), 16) + `}`)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func mustEscape(r rune) bool { return r == '\t' || notAllowed(r) }

func isAll(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isNameByte(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || strings.IndexByte("._-", c) >= 0
}
func isKeyByte(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-'
}
