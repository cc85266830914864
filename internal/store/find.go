package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/internal/chat"
)

// findScan is how many messages one search looks at: the newest of the room
// where no word is in the index, else the newest that the index offers.
const findScan = 10000

// Find implements chat.Log. A word is found where the text holds it, letter
// case aside, and where its letters and digits begin and end words of the
// text: "foo" finds "Foo-bar" but not "food", "foo-bar" does not find
// "foo bar". Words without a letter or digit ("!!!", an emoji) are looked for
// in the room's newest 10,000 messages where no other word is given.
func (s *Store) Find(ctx context.Context, room string, words []string, limit int) ([]chat.Message, error) {
	list, err := s.find(ctx, room, words, clamp(limit))
	if err != nil {
		return nil, fmt.Errorf("store: search: %w", err)
	}
	slices.Reverse(list)
	return list, nil
}

func (s *Store) find(ctx context.Context, name string, words []string, limit int) (list []chat.Message, err error) {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	if len(words) == 0 {
		return nil, nil
	}
	holds, looked := holdsAll(words), 0
	err = s.backwards(name, math.MaxInt64, func(int64) (*sql.Rows, error) {
		var id int64
		if ok, err := found(s.query.room.QueryRowContext(ctx, name), &id); !ok {
			return nil, err
		}
		if match := matchExpr(newRoom(id), words); match != "" {
			return s.query.search.QueryContext(ctx, match, findScan)
		}
		return s.query.newest.QueryContext(ctx, id, findScan)
	}, func(m chat.Message) bool {
		if holds(m.Text) {
			list = append(list, m)
		}
		looked++
		return len(list) < limit && looked < findScan
	})
	return list, err
}

// matchExpr returns the index's query for the words, "" where none can be in
// the index. Every word becomes one quoted phrase, in which nothing has a
// meaning but the quote itself, which is doubled.
func matchExpr(r room, words []string) string {
	var phrases []string
	for _, w := range words {
		if indexed(w) {
			phrases = append(phrases, `"`+strings.ReplaceAll(w, `"`, `""`)+`"`)
		}
	}
	if len(phrases) == 0 {
		return ""
	}
	return `room : "` + r.word + `" AND text : (` + strings.Join(phrases, " AND ") + `)`
}

// indexed reports whether a word leaves something in the index: a letter or
// digit, as unicode61 has it. NUL would end the query, and no text holds it.
func indexed(word string) bool {
	return utf8.ValidString(word) && !strings.ContainsRune(word, 0) &&
		strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// holdsAll returns a function that tells whether a text holds all words as Find says.
func holdsAll(words []string) func(text string) bool {
	folded := make([]string, len(words))
	cased := false // most text in scripts without case needs no folding
	for i, w := range words {
		folded[i] = strings.Map(fold, w)
		cased = cased || strings.ContainsFunc(w, func(r rune) bool { return unicode.SimpleFold(r) != r })
	}
	return func(text string) bool {
		if cased {
			text = strings.Map(fold, text)
		}
		for _, w := range folded {
			if !holds(text, w) {
				return false
			}
		}
		return true
	}
}

// holds says whether text has w in it and no letter or digit of a longer word goes on beside it.
func holds(text, w string) bool {
	first, _ := utf8.DecodeRuneInString(w)
	last, _ := utf8.DecodeLastRuneInString(w)
	for at := 0; ; {
		i := strings.Index(text[at:], w)
		if i < 0 {
			return false
		}
		at += i
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(w):])
		if !(inWord(first) && inWord(before)) && !(inWord(last) && inWord(after)) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
}

// inWord says whether a word of the index goes on with r, as unicode61 has it.
func inWord(r rune) bool {
	return r != utf8.RuneError && unicode.In(r, unicode.L, unicode.N, unicode.Mn, unicode.Co)
}

// fold maps all letters that differ in case alone to one of them.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if 'A' <= least && least <= 'Z' { // K for the Kelvin sign
		return fold(least)
	}
	return least
}
