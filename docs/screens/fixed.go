package main

import (
	"fmt"
	"regexp"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

const (
	shownClock = "09:41"
	// shownAddr is what a picture has for the server's address.
	shownAddr = "chat.example.org:7443"
)

var clock = regexp.MustCompile(`\b([01][0-9]|2[0-3]):[0-5][0-9]\b`)

// fix replaces what would be another one at the next time: clocks, and addr, the server's address. No cell moves.
func (p *shot) fix(addr string) error {
	p.title = strings.TrimSuffix(strings.ReplaceAll(p.title, addr, shownAddr), ":7443") // as one would type it
	for _, line := range p.lines {
		if err := replace(line, regexp.MustCompile(regexp.QuoteMeta(addr)), shownAddr); err != nil {
			return err
		}
		if err := replace(line, clock, shownClock); err != nil {
			return err
		}
	}
	return nil
}

// replace puts with, which is ASCII, in the place of every match, which must be as wide.
func replace(line uv.Line, pattern *regexp.Regexp, with string) error {
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
		if to-from != len(with) {
			return fmt.Errorf("%q can't stand for %q, which is not as wide", with, text.String()[m[0]:m[1]])
		}
		for i := from; i < to; i++ {
			line[i].Content = with[i-from : i-from+1]
		}
	}
	return nil
}
