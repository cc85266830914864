package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/protocol"
)

var textStages = []stage{
	{name: "bad-bytes", row: 14, people: 1, room: true, run: badBytes,
		tried: fmt.Sprintf("%d texts with NUL, CR or bytes that are no UTF-8, and 3 lines with such bytes elsewhere; then reading what was said", len(badUTF8))},
	{name: "escapes", row: 22, people: 1, room: true, run: escapes,
		tried: fmt.Sprintf("%d texts with terminal escapes (OSC 52, titles, C1), line separators and bidi overrides, and 8 other fields with some; then reading what was said", len(steering))},
}

// badUTF8 are bytes that no text may hold (Unicode 16, table 3-7), and two that would end a string or a line elsewhere.
var badUTF8 = []string{
	"\x00", "\r", "\xff", "\xfe", "\x80", "\xc3", "\xe2\x82", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
	"\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80",
}

// steering are characters that steer a terminal (ECMA-48, xterm's OSC 52) or turn text around (CVE-2021-42574).
var steering = []string{
	"\x1b]52;c;cGFybGV5\x07", "\x1b]0;title\x07", "\x1b[2J", "\x1bP+q\x1b\\", "\x1b", "\x07", "\b", "\v", "\f", "\x7f",
	"\u009b2J", "\u009d0;title\u009c", "\u0085", "\u2028", "\u2029", "\u202a", "\u202d", "\u202e", "\u2066", "\u2067", "\u2069",
}

// harmless are characters that writing systems need.
const harmless = "a\u200db a\u200cb a\u200eb a\u200fb a\u061cb a\tb"

func badBytes(ctx context.Context, t *target) (finding, error) {
	return t.refusedTexts(ctx, badUTF8, func(mark string) []string {
		return []string{"PING|" + mark + "\xff", "P\x00NG|" + mark, "\xe2\x82|" + mark}
	})
}

func escapes(ctx context.Context, t *target) (finding, error) {
	f, err := t.refusedTexts(ctx, steering, func(mark string) []string {
		return []string{
			"MSG|" + mark + "\x1b[31m", "PING|" + mark + "\x1b[31m", "JOIN|" + mark + "\x1b[31m", "LEAVE|" + mark + "\u202e", "WHO|" + t.room + "\u202e",
			"HISTORY|" + t.room + "\u2066", "FIND|" + t.room + "|\x1b]0;" + mark, "SEND|" + t.room + "|key\x1b|" + mark,
		}
	})
	if err != nil || f.verdict == fell {
		return f, err
	}
	replies, _, err := t.answers(ctx, t.people[0], []string{"SEND|" + t.room + "||parley-probe: " + harmless})
	if err != nil {
		return finding{}, err
	}
	f.seen += "; joiners, direction marks and a tab: " + string(codeOf(replies[0]))
	return f, nil
}

// refusedTexts says each text in the room, sends other lines too, and wants all of them refused, and nothing of them to be read after that.
func (t *target) refusedTexts(ctx context.Context, texts []string, others func(mark string) []string) (finding, error) {
	c, err := t.open(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	mark := mark()
	if reply, err := c.patient(ctx, "SEND|"+t.room+"||parley-probe: a text like any other"); err != nil || codeOf(reply) != accepted {
		return finding{}, errors.Join(err, fmt.Errorf("a harmless text is answered %s", short(reply)))
	}
	var lines []string
	for _, text := range texts {
		lines = append(lines, "SEND|"+t.room+"||"+mark+text+mark)
	}
	lines = append(lines, others(mark)...)
	replies, inStep, err := t.answers(ctx, t.people[0], lines)
	if err != nil {
		return finding{}, err
	}
	for i, reply := range replies {
		switch {
		case codeOf(reply) == accepted || codeOf(reply) == protocol.Internal:
			return seenFell("%s is answered %s", short(strings.ReplaceAll(lines[i], mark, "…")), short(reply)), nil
		case protocol.Printable(reply) != reply:
			return seenFell("%s comes back: %s", short(lines[i]), short(reply)), nil
		}
	}
	if !inStep {
		return seenFell("%d lines have more or fewer answers", len(lines)), nil
	}
	if _, err := c.ok("HISTORY|" + t.room); err != nil {
		return finding{}, err
	}
	if holds(c.events, mark) {
		return seenFell("all were refused, and yet some of it was said"), nil
	}
	return seenHeld("%d refused (%s), nothing of it was said", len(replies), codes(replies)), nil
}

// codes counts replies by code.
func codes(replies []string) string {
	counts := make(map[protocol.Code]int)
	for _, reply := range replies {
		code := codeOf(reply)
		counts[code[:min(len(code), protocol.MaxCommand)]]++
	}
	var list []string
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s: %d", code, counts[code]))
	}
	return strings.Join(list, ", ")
}

// answers sends lines one by one in a session of who and returns the reply to each, and whether the session was in step after them. Where too
// many errors end the session another goes on.
func (t *target) answers(ctx context.Context, who *account, lines []string) (replies []string, inStep bool, err error) {
	for began := 0; len(replies) < len(lines); began = len(replies) {
		c, err := t.open(ctx, who)
		if err != nil {
			return nil, false, err
		}
		for err == nil && len(replies) < len(lines) {
			var reply string
			if reply, err = c.patient(ctx, lines[len(replies)]); err == nil {
				replies = append(replies, reply)
			}
		}
		if err == nil {
			inStep, err = c.inStep(ctx)
		}
		c.leave()
		switch {
		case ended(err) && len(replies) == began:
			return nil, false, errors.New(short(lines[began]) + " ended the session without an answer")
		case ended(err):
			inStep = true // as far as it went
		case err != nil:
			return nil, false, err
		}
	}
	return replies, inStep, nil
}
