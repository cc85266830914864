package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	zxcvbn "github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/matching"
)

// Bounds of a password.
const (
	// DefaultPasswordMin is the least number of characters (NIST SP 800-63B-4,
	// 3.1.1.2: fifteen where the password is the only factor).
	DefaultPasswordMin = 15
	// PasswordMaxBytes is what fits into a line of 4096 bytes beside HELLO and the longest name.
	PasswordMaxBytes = 4000
)

const (
	// judged is how many characters the strength is judged by. The time it takes
	// grows faster than the length: some 25 ms for 64 characters made to be slow, a second for 512.
	judged = 64
	// leastBits is the strength asked for: common passwords and keyboard walks,
	// doubled and decorated, stay below 33 bits; four plain words have 45 and more.
	leastBits = 33
	// A name shorter than this is in too many words to be looked for.
	shortestName = 3
)

// WeakError says why a password is not taken and what to do. It never holds the password.
type WeakError struct{ Why string }

func (e *WeakError) Error() string { return e.Why }

// Rules say which passwords are taken, after NIST SP 800-63B-4, 3.1.1.2: long
// ones, none that is common or holds the account's name, and no rules about
// which kinds of characters they are made of. They hold when a password is set,
// never when one is checked.
type Rules struct {
	Min int // characters; 0: DefaultPasswordMin
}

// CheckPassword returns nil, or a *WeakError. It needs up to 60 ms of processor time.
func (r Rules) CheckPassword(name string, password Secret) error {
	least := r.Min
	if least == 0 {
		least = DefaultPasswordMin
	}
	for _, rule := range []struct {
		broken func() bool
		why    string
	}{
		{func() bool { return !utf8.ValidString(string(password)) },
			"the password is not valid UTF-8: type it on a terminal that is set to UTF-8"},
		{func() bool { return len(password) > PasswordMaxBytes },
			fmt.Sprintf("the password is too long: use at most %d bytes", PasswordMaxBytes)},
		{func() bool { return strings.ContainsFunc(string(password), unspeakable) },
			"the password holds a control character: leave it out"},
		{func() bool { return utf8.RuneCountInString(string(password)) < least },
			fmt.Sprintf("the password is too short: use at least %d characters, several words for example", least)},
		{func() bool { return strings.HasPrefix(string(password), tokenPrefix) },
			"the password begins with " + tokenPrefix + ", as resume tokens do: begin it otherwise"},
		{func() bool { return holdsName(string(password), name) },
			"the password holds the account's name: leave the name out"},
		{func() bool { return bits(string(password)) < leastBits },
			"the password is too easy to guess: use several words that do not belong together, or a generated one"},
	} {
		if rule.broken() {
			return &WeakError{Why: rule.why}
		}
	}
	return nil
}

// unspeakable tells of what a session refuses in any line, so that a password
// holding it could never be given: controls, line separators, bidirectional overrides and isolates.
func unspeakable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' ||
		'\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

func holdsName(password, name string) bool {
	return len(name) >= shortestName && strings.Contains(strings.ToLower(password), strings.ToLower(name))
}

// bits estimates the strength of a password in bits. What is the same thing over
// and over is worth that thing. It is asked as it is and with look-alikes undone
// ("p4$$w0rd"): the library's own matcher for those tries every combination,
// which takes seconds for passwords made to be slow.
func bits(password string) float64 {
	s := plain(unit([]rune(password)))
	strength := func(s string) float64 {
		return zxcvbn.PasswordStrength(s, nil, matching.FilterL33tMatcher).Entropy
	}
	return min(strength(s), strength(lookAlikes.Replace(s)))
}

var lookAlikes = strings.NewReplacer(
	"4", "a", "@", "a", "8", "b", "(", "c", "3", "e", "6", "g", "1", "i", "!", "i",
	"|", "l", "0", "o", "5", "s", "$", "s", "7", "t", "+", "t", "2", "z")

// unit returns the shortest beginning that, written over and over, gives all of
// s, if it comes twice at least; else s. (The border table of Knuth, Morris and Pratt.)
func unit(s []rune) []rune {
	if len(s) == 0 {
		return s
	}
	border := make([]int, len(s))
	for i, k := 1, 0; i < len(s); i++ {
		for k > 0 && s[i] != s[k] {
			k = border[k-1]
		}
		if s[i] == s[k] {
			k++
		}
		border[i] = k
	}
	if period := len(s) - border[len(s)-1]; 2*period <= len(s) {
		return s[:period]
	}
	return s
}

// plain cuts s to what is judged, and puts a sign for every character outside
// ASCII: the library counts bytes here and characters there.
func plain(s []rune) string {
	const signs = "~^;=_:'\"<>" // in no word of the library's lists
	s = s[:min(len(s), judged)]
	out := make([]byte, len(s))
	for i, r := range s {
		if r < utf8.RuneSelf {
			out[i] = byte(r)
		} else {
			out[i] = signs[int(r)%len(signs)]
		}
	}
	return string(out)
}
