package main_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// onFullScreen is home without what keeps the other tests in line mode.
func onFullScreen(t testing.TB) []string { return append(home(t), "PARLEY_PLAIN=false") }

// keys as an xterm sends them.
const (
	keyAltUp = "\x1b[1;3A"
	keyPgUp  = "\x1b[5~"
	keyCtrlF = "\x06"
	keyTab   = "\t"
)

// press types without Enter.
func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// Of what a hostile server puts into every field, nothing steers the terminal, wherever on the screen it is shown.
func TestEscapesOnTheFullScreen(t *testing.T) {
	addr, ca := hostile(t, func(line string) string {
		return strings.Replace(obedient(line), "room:3:0:21|", "room:3:0:121|", 1) // more than are fetched at first
	})
	x := openTerminal(t, onFullScreen(t), "--ca", ca, "alice@"+addr)
	x.expect("Password of")
	x.enter("whatever it is")
	x.expect("TLS 1.3")
	x.enter("hello")
	x.expect("refused")
	clear := func() {
		x.enter("/nosuch")
		x.expect("nosuch says it")
	}
	for _, command := range []string{"/leave a", "/find a", "/invite bob", "/expel bob", "/lock", "/open"} {
		x.enter(command)
		x.expect("explained")
		clear()
	}
	for command, shown := range map[string]string{"/who": "zed", "/rooms": "members: 3", "/history": "author was taken back"} {
		x.enter(command)
		x.expect(shown)
		clear()
	}
	x.press(keyAltUp + keyAltUp) // to a room of an evil name
	x.expect("few")
	x.expect("text")
	x.press(keyPgUp + keyCtrlF + "words\r")
	x.expect("explained")
	x.press("u" + keyTab + keyTab + "\x15@" + keyTab + "\x15?")
	x.expect("this list")
	x.enter("/quit")
	x.end(0)
	shown := x.shown()
	if !strings.Contains(shown, `\u{1b}]52;c;`) {
		t.Errorf("nothing of it is shown at all: %q", shown)
	}
	steersNothing(t, shown)
}

// steersNothing fails the test where a full screen's output has a sequence that is not the program's own.
func steersNothing(t *testing.T, shown string) {
	t.Helper()
	parser := ansi.NewParser()
	parser.SetHandler(ansi.Handler{
		Print: func(r rune) {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' {
				t.Errorf("%U is shown", r)
			}
		},
		Execute: func(b byte) {
			if !strings.ContainsRune("\a\b\t\n\r", rune(b)) {
				t.Errorf("the control character %#x is shown", b)
			}
		},
		HandleOsc: func(command int, data []byte) {
			if body := string(data); command != 9 && command != 777 || strings.ContainsFunc(body, unicode.IsControl) {
				t.Errorf("OSC %d: %q", command, data)
			}
		},
		HandleDcs: func(cmd ansi.Cmd, _ ansi.Params, data []byte) { t.Errorf("DCS %v: %q", cmd, data) },
		HandleEsc: func(cmd ansi.Cmd) {
			if final := cmd.Final(); !strings.ContainsRune("78=>\\MDE", rune(final)) {
				t.Errorf("ESC %c", final)
			}
		},
		HandleCsi: func(cmd ansi.Cmd, _ ansi.Params) {
			if final := cmd.Final(); !strings.ContainsRune("mHKJhlABCDEFGIdXPpqu@cLMrbTSZsW`aef", rune(final)) {
				t.Errorf("CSI %c", final)
			}
		},
	})
	for _, b := range []byte(shown) {
		parser.Advance(b)
	}
}
