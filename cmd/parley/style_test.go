package main

import (
	"strings"
	"testing"
	"time"

	"parley/protocol"
)

func TestMessagesAreShown(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	plain := style{now: func() time.Time { return time.Date(2026, 3, 2, 1, 0, 0, 0, zone) }}
	e := protocol.Event{Command: protocol.EventMsg, Time: time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC), Room: "ops", User: "bob", Text: "hi"}
	if got := plain.message(e, "ops"); got != "00:30 bob: hi" {
		t.Errorf("in the current room: %q", got)
	}
	if got := plain.message(e, "lobby"); got != "00:30 [ops] bob: hi" {
		t.Errorf("in another room: %q", got)
	}
	coloured := plain
	coloured.colour = true
	if a, b := coloured.name("bob"), coloured.name("bob"); a != b || !strings.HasPrefix(a, "\x1b[38;5;") || !strings.HasSuffix(a, "mbob\x1b[0m") {
		t.Errorf("%q and %q", a, b)
	}
	if got := coloured.faint(""); got != "" {
		t.Errorf("nothing is shown as %q", got)
	}
}

func TestEventsAreShown(t *testing.T) {
	for want, e := range map[string]protocol.Event{
		"* bob is here (ops)":                         {Command: protocol.EventJoin, Room: "ops", User: "bob"},
		"* you have joined ops":                       {Command: protocol.EventJoin, Room: "ops", User: "alice"},
		"* bob has gone (ops)":                        {Command: protocol.EventLeave, Room: "ops", User: "bob"},
		"* you are not in ops any more":               {Command: protocol.EventLeave, Room: "ops", User: "alice"},
		"* 201 are here (ops)":                        {Command: protocol.EventHere, Room: "ops", Count: 201},
		"* bob has set the topic: a\\u{1b} (ops)":     {Command: protocol.EventTopic, Room: "ops", User: "bob", Text: "a\x1b"},
		"* bob has cleared the topic (ops)":           {Command: protocol.EventTopic, Room: "ops", User: "bob"},
		"* message #7 of \\u{202e} was taken back ()": {Command: protocol.EventGone, ID: 7, User: "\u202e"},
		"* hear": {Command: protocol.EventNote, Text: "hear"},
		"":       {Command: protocol.EventSeen, Room: "ops", ID: 7},
	} {
		if got := (style{}).event(e, "alice"); got != want {
			t.Errorf("%+v is shown as %q, want %q", e, got, want)
		}
	}
}

func TestColoursCanBeOff(t *testing.T) {
	for _, test := range []struct {
		noColor, term string
		want          bool
	}{{"", "xterm", true}, {"1", "xterm", false}, {"", "dumb", false}, {"", "", false}} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := newStyle().colour; got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestDayChange(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	now := time.Date(2026, 3, 2, 23, 50, 0, 0, zone)
	var c calendar
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, ""}, {9 * time.Minute, ""}, {10 * time.Minute, "--- Tuesday, 3 March 2026 ---"}, {11 * time.Minute, ""},
		{24*time.Hour + 10*time.Minute, "--- Wednesday, 4 March 2026 ---"},
	} {
		then := now.Add(step.after)
		if got := c.turn(then.UTC(), then); got != step.want {
			t.Errorf("after %v: %q, want %q", step.after, got, step.want)
		}
	}
	var old calendar
	if got := old.turn(now.AddDate(0, 0, -1), now); got != "--- Sunday, 1 March 2026 ---" {
		t.Errorf("a message of yesterday: %q", got)
	}
}

// Every code of the protocol has its sentence, and every command its row.
func TestTablesAreWhole(t *testing.T) {
	for _, code := range []protocol.Code{
		protocol.BadData, protocol.Empty, protocol.TooLong, protocol.BadText, protocol.Denied, protocol.Throttled, protocol.RateLimited, protocol.NotMember,
		protocol.NoSuchUser, protocol.Forbidden, protocol.WeakPassword, protocol.PasswordChange, protocol.Busy, protocol.Internal, protocol.UnknownCommand,
	} {
		if refusals[code].text == "" {
			t.Errorf("there is no sentence for %s", code)
		}
	}
	seen := map[string]bool{}
	for _, c := range commands {
		if seen[c.name] || c.help == "" || c.run == nil {
			t.Errorf("/%s is there twice, or is not whole", c.name)
		}
		if len(c.name+c.usage) > 20 {
			t.Errorf("/%s %s does not fit the column of /help", c.name, c.usage)
		}
		seen[c.name] = true
	}
}
