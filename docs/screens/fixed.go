package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	uv "github.com/charmbracelet/ultraviolet"

	"parley/internal/picture"
)

// shownAddr is what a picture has for the server's address.
const shownAddr = "chat.example.org:7443"

// fixed is what would be another one the next time, and what a picture has instead.
var fixed = []struct {
	pattern *regexp.Regexp
	with    string
	fill    string // follows in the match, as often as is needed; "" for what always has one width
}{
	{regexp.MustCompile(`\b([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\b`), "09:41:00", ""},
	{regexp.MustCompile(`\b([01][0-9]|2[0-3]):[0-5][0-9]\b`), "09:41", ""},
	{regexp.MustCompile(`next try in [0-9]s`), "next try in 4s", ""},
	{regexp.MustCompile(`sha256/[A-Za-z0-9+/]{43}=`), "sha256/Jv3Zc0M2w5Q0b9l1mJp7n4Xk8sTq6uYfRz+Hd2eGaLo=", ""},
	{regexp.MustCompile(`\b[A-Z][a-z]+day, [0-9]{1,2} [A-Z][a-z]+ [0-9]{4} ─+`), "Monday, 21 September 2026 ", "─"},
}

// fix replaces clocks, the days on the full screen's rules, and addr, the server's address. No cell moves.
func fix(p *picture.Screen, addr string) error {
	p.Title = strings.TrimSuffix(strings.ReplaceAll(p.Title, addr, shownAddr), ":7443") // as one would type it
	address := regexp.MustCompile(regexp.QuoteMeta(addr))
	for _, line := range p.Lines {
		if err := replace(line, address, shownAddr, ""); err != nil {
			return err
		}
		for _, f := range fixed {
			if err := replace(line, f.pattern, f.with, f.fill); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace puts with, and behind it fill as often as is needed, in the place of every match. Their characters are of one cell each.
func replace(line uv.Line, pattern *regexp.Regexp, with, fill string) error {
	var text strings.Builder
	var cells []int // by byte of text
	for i, c := range line {
		text.WriteString(c.Content)
		for range len(c.Content) {
			cells = append(cells, i)
		}
	}
	for _, m := range pattern.FindAllStringIndex(text.String(), -1) {
		from, to := cells[m[0]], cells[m[1]-1]+1
		shown := with + strings.Repeat(fill, max(0, to-from-utf8.RuneCountInString(with)))
		if utf8.RuneCountInString(shown) != to-from {
			return fmt.Errorf("%q can't stand for %q, which is not as wide", with, text.String()[m[0]:m[1]])
		}
		for _, r := range shown {
			line[from].Content = string(r)
			from++
		}
	}
	return nil
}
