package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

// family is one character of seven code points.
const family = "👩‍👩‍👧‍👦"

// press is a key by its name, or a text.
func press(key string) tea.KeyPressMsg {
	named := map[string]tea.Key{
		"enter": {Code: tea.KeyEnter}, "tab": {Code: tea.KeyTab}, "shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift}, "esc": {Code: tea.KeyEscape}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown},
		"left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "backspace": {Code: tea.KeyBackspace},
		"delete": {Code: tea.KeyDelete}, "pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown},
	}
	name, mod := key, tea.KeyMod(0)
	for prefix, m := range map[string]tea.KeyMod{"ctrl+": tea.ModCtrl, "alt+": tea.ModAlt} {
		if rest, found := strings.CutPrefix(name, prefix); found {
			name, mod = rest, mod|m
		}
	}
	if k, found := named[name]; found {
		k.Mod |= mod
		return tea.KeyPressMsg(k)
	}
	r, size := utf8.DecodeRuneInString(name)
	if mod != 0 && size == len(name) {
		return tea.KeyPressMsg{Code: r, Mod: mod}
	}
	return tea.KeyPressMsg{Code: r, Text: name}
}

func TestEditor(t *testing.T) {
	for _, row := range []struct{ keys, want string }{
		{"a b c left left X", "aX|bc"}, // a space between keys is none of the text
		{"one \u00a0 two alt+b X", "one\u00a0X|two"},
		{family + " " + family + " backspace", family + "|"},
		{family + " left a", "a|" + family},
		{"e \u0301 backspace", "|"}, // an accent that came later is one character with its letter
		{"a b c home delete ctrl+e d", "bcd|"},
		{"a b c ctrl+b ctrl+u ctrl+e ctrl+y", "cab|"},
		{"a b c ctrl+a ctrl+k x ctrl+y", "xabc|"},
		{"a \n b ctrl+u c", "a\nc|"},
		{"left backspace delete ctrl+w ctrl+k ctrl+y x", "x|"},
		{"a.b ctrl+w", "|"},
		{"a.b alt+backspace", "a.|"},
		{"中 文 backspace", "中|"},
		{"\r\n \r", "\n\n|"},
	} {
		var e editor
		for _, key := range strings.Split(row.keys, " ") {
			e.press(press(key))
		}
		if got := strings.Join(e.cells[:e.at], "") + "|" + strings.Join(e.cells[e.at:], ""); got != row.want {
			t.Errorf("%q: %q, want %q", row.keys, got, row.want)
		}
	}
}

func TestEditorTakesSoMuch(t *testing.T) {
	var e editor
	if !e.insert(strings.Repeat("x", maxTyped)) || e.insert("y") || len(e.text()) != maxTyped {
		t.Fatal(len(e.text()))
	}
}

func TestPasswordIsNotShown(t *testing.T) {
	e := editor{masked: true}
	e.insert("geheim")
	e.press(press("ctrl+u"))
	e.press(press("ctrl+y"))
	if !e.isEmpty() {
		t.Error("a password can be yanked")
	}
	e.insert("pass word")
	if rows, _, _ := e.rows(ansi.GraphemeWidth, 40); rows[0] != "•••••••••" {
		t.Errorf("%q", rows)
	}
}

// Rows hold the whole text, fit, and have the cursor on one of them.
func TestEditorRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e editor
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab \n中é\u0301\u200d👩👧\x1bא"))).Draw(t, "text")
		e.insert(text)
		e.at = rapid.IntRange(0, len(e.cells)).Draw(t, "at")
		width := rapid.IntRange(0, 12).Draw(t, "width")
		for _, measure := range []ansi.Method{ansi.WcWidth, ansi.GraphemeWidth} {
			rows, x, y := e.rows(measure, width)
			most := max(width, 2) // a cell that is wider has a row of its own
			for _, cell := range e.cells {
				most = max(most, measure.StringWidth(cell))
			}
			for i, row := range rows {
				if w := measure.StringWidth(row); w > most || strings.ContainsAny(row, "\n\x1b") {
					t.Fatalf("row %d %q is %d wide", i, row, w)
				}
			}
			if y < 0 || y >= len(rows) || x < 0 || x >= most {
				t.Fatalf("the cursor is at %d, %d of %q", x, y, rows)
			}
		}
		if got := e.text(); got != text {
			t.Fatalf("%q", got)
		}
	})
}
