package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/protocol"
)

var fieldStages = []stage{
	{name: "lookalikes", row: 21, people: 1, run: lookalikes,
		tried: "the account's password under names that look like its own: other case, alphabets, widths, joiners, accents, spaces; the lobby under such names"},
	{name: "injection", row: 15, people: 1, room: true, run: injection,
		tried: "20 names of paths, SQL, formats and wildcards; 18 numbers with signs, spaces, hex, exponents, overflow; 23 searches in FTS5's syntax"},
}

// homoglyphs are letters of other scripts that look like ASCII's (Unicode TR 39); what has none is written full-width.
var homoglyphs = map[rune]rune{
	'a': 'а', 'b': 'Ь', 'c': 'с', 'd': 'ԁ', 'e': 'е', 'h': 'һ', 'i': 'і', 'j': 'ј', 'l': 'ӏ',
	'n': 'ո', 'o': 'о', 'p': 'р', 'q': 'ԛ', 's': 'ѕ', 'u': 'ս', 'w': 'ԝ', 'x': 'х', 'y': 'у',
}

func fullWidth(r rune) rune { return r - '!' + '！' }

func homoglyph(r rune) rune {
	if other, known := homoglyphs[r]; known {
		return other
	}
	return fullWidth(r)
}

// lookalike are names that look like this one, or that a careless comparison takes for it.
func lookalike(name string) []string {
	first, rest := name[:1], name[1:]
	all := []string{
		strings.ToUpper(name), strings.ToUpper(first) + rest, strings.Map(homoglyph, name), string(homoglyph(rune(name[0]))) + rest,
		strings.Map(fullWidth, name), first + "\u200b" + rest, first + "\u200d" + rest, first + "\u00ad" + rest, "\ufeff" + name,
		first + "\u0323" + rest, name + "\u0301", name + " ", " " + name, name + "\t", name + "\u00a0", name + "\x00", name + ".\u202e",
	}
	return slices.DeleteFunc(all, func(other string) bool { return other == name })
}

// lookalikes comes from one address, so that tries which count as the account's own would throttle it there.
func lookalikes(ctx context.Context, t *target) (finding, error) {
	who, from := t.people[0], t.stranger()
	names := lookalike(who.name)
	var replies []string
	for _, name := range append(slices.Clone(names), who.name) {
		c, err := t.dial(ctx, from)
		if err != nil {
			return finding{}, err
		}
		reply, err := c.patient(ctx, "HELLO|"+name+"|"+who.password)
		c.leave()
		switch code := codeOf(reply); {
		case err != nil:
			return finding{}, err
		case name == who.name && code != accepted:
			return seenFell("%d tries under other names count against %s itself: %s", len(names), who.name, short(reply)), nil
		case name != who.name && code == accepted:
			return seenFell("%s signs in as %s", short(name), who.name), nil
		}
		replies = append(replies, reply)
	}
	var joins []string
	for _, room := range lookalike("lobby") {
		joins = append(joins, "JOIN|"+room)
	}
	joined, _, err := t.answers(ctx, who, joins)
	if err != nil {
		return finding{}, err
	}
	for i, reply := range joined {
		if codeOf(reply) == accepted {
			_, _, err := t.answers(ctx, who, []string{strings.Replace(joins[i], "JOIN", "LEAVE", 1)})
			return seenFell("a second lobby can be joined: %s", short(joins[i])), err
		}
	}
	return seenHeld("%d names refused (%s), the account not throttled after that; %d rooms refused (%s)",
		len(names), codes(replies[:len(names)]), len(joined), codes(joined)), nil
}

// asked is a line, and the answer that is right; a refusal is right too, and the only one where want is empty.
type asked struct{ line, want string }

// strangeNames are no names.
func strangeNames(room string) (lines []asked) {
	for _, name := range []string{
		"", "..", "../x", "/etc/passwd", "a'; DROP TABLE messages;--", "%s%n", "*", "?", "a|b", "@", "@@x", "@" + room, "~x", ".x", "-x",
		room + "@x", " " + room, strings.Repeat("a", protocol.MaxName+1), "$(id)", "a;b",
	} {
		lines = append(lines, asked{line: "JOIN|" + name})
	}
	return lines
}

// strangeNumbers are no numbers, or none of those allowed.
func strangeNumbers(room string) (lines []asked) {
	for _, id := range []string{
		"", "-1", "+1", "0x10", "1e3", "1.0", " 1", "1 ", "1_000", "１", "٣", strings.Repeat("0", 22) + "1", "9223372036854775808", "1;1", "NaN",
	} {
		lines = append(lines, asked{line: "HISTORY|" + room + "|after|" + id + "|1"})
	}
	for _, rest := range []string{"|after|0|0", "|before|1|501", "|sideways|0|1"} {
		lines = append(lines, asked{line: "HISTORY|" + room + rest})
	}
	return lines
}

// searches are in the syntax of SQLite's FTS5 (https://www.sqlite.org/fts5.html), of LIKE and of SQL. One message holds plain and two other words,
// the other quoted and the words of syntax: taken as words, the first searches find nothing, and the last find the other message.
func searches(room, plain, quoted string) (lines []asked) {
	find := func(words, want string) {
		lines = append(lines, asked{"FIND|" + room + "|" + words, protocol.ReplyOK + "|" + want})
	}
	for _, words := range []string{
		"%s alp*", "%s OR gamma", "%s NOT gamma", "%s AND alpha", "NEAR(%s alpha)", "text:%s", "text : %s", "\"%s alpha\"", "%s -gamma",
		"^%s", "%s + alpha", "{text room} : %s", "%s%%", "%s' OR '1'='1", "(%s)",
	} {
		find(fmt.Sprintf(words, plain), "0")
	}
	for _, word := range strings.Fields(syntax)[:7] {
		find(quoted+" "+word, "1")
	}
	find(quoted+" "+syntax, "1")
	return lines
}

const syntax = `"quote star* col:x NEAR(a -x (paren OR NOT AND ^b + {c} ' 100% \`

func injection(ctx context.Context, t *target) (finding, error) {
	plain, quoted := mark(), mark()
	said, _, err := t.answers(ctx, t.people[0], []string{"SEND|" + t.room + "||" + plain + " alpha beta", "SEND|" + t.room + "||" + quoted + " " + syntax})
	if err != nil {
		return finding{}, err
	}
	for _, reply := range said {
		if codeOf(reply) != accepted {
			return finding{}, refusal(reply)
		}
	}
	all := slices.Concat(strangeNames(t.room), strangeNumbers(t.room), searches(t.room, plain, quoted))
	var lines []string
	for _, a := range all {
		lines = append(lines, a.line)
	}
	replies, inStep, err := t.answers(ctx, t.people[0], lines)
	if err != nil {
		return finding{}, err
	}
	for i, reply := range replies {
		if code := codeOf(reply); code == protocol.Internal || code == accepted && reply != all[i].want {
			return seenFell("%s is answered %s", short(all[i].line), short(reply)), nil
		}
	}
	if !inStep {
		return seenFell("%d lines have more or fewer answers", len(lines)), nil
	}
	return seenHeld("%d lines, one answer each (%s); searches found words, and nothing else", len(lines), codes(replies)), nil
}
