package picture

import (
	"bytes"
	"fmt"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
)

// Frame is a screen, and when it is there to be seen, from the film's beginning.
type Frame struct {
	At     time.Duration
	Screen *Screen
}

// Film are screens of one size, each shown until the next.
type Film struct {
	Frames []Frame
	Length time.Duration
}

// SVG draws the film as a picture that moves, for ever from its beginning; for who prefers that nothing moves it is the last screen. A line that
// stays is drawn once. It holds no script, and loads nothing.
func (f *Film) SVG() []byte {
	var shown bytes.Buffer
	css := fmt.Sprintf(".f{visibility:hidden;animation-duration:%.2fs;animation-iteration-count:infinite;animation-timing-function:step-end}"+
		"@media (prefers-reduced-motion:reduce){.f{animation:none!important}.l{visibility:visible}}", f.Length.Seconds())
	last := f.Frames[len(f.Frames)-1].Screen
	parts := 0
	part := func(from, to time.Duration, draw func(*bytes.Buffer)) {
		var drawn bytes.Buffer
		draw(&drawn)
		if drawn.Len() == 0 {
			return
		}
		class := "f"
		if to == f.Length {
			class = "f l"
		}
		css += fmt.Sprintf("@keyframes k%d{%s}", parts, f.keys(from, to))
		fmt.Fprintf(&shown, `<g class="%s" style="animation-name:k%d">`+"\n%s</g>\n", class, parts, &drawn)
		parts++
	}
	for y := range last.Height {
		f.runs(func(s *Screen) string { return lineOf(s, y).Render() }, func(s *Screen, from, to time.Duration) {
			part(from, to, func(b *bytes.Buffer) { drawLine(b, lineOf(s, y), y) })
		})
	}
	f.runs(func(s *Screen) string { return fmt.Sprint(s.Cursor, s.Column, s.Row) }, func(s *Screen, from, to time.Duration) {
		part(from, to, s.drawCursor)
	})
	var b bytes.Buffer
	last.begin(&b, css)
	b.Write(shown.Bytes())
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// runs finds the times in which something of the screens stays as it is.
func (f *Film) runs(of func(*Screen) string, each func(s *Screen, from, to time.Duration)) {
	from := 0
	for i := range f.Frames {
		switch {
		case i+1 == len(f.Frames):
			each(f.Frames[from].Screen, f.Frames[from].At, f.Length)
		case of(f.Frames[i+1].Screen) != of(f.Frames[from].Screen):
			each(f.Frames[from].Screen, f.Frames[from].At, f.Frames[i+1].At)
			from = i + 1
		}
	}
}

// keys are the key frames of what is shown from one time to another.
func (f *Film) keys(from, to time.Duration) string {
	percent := func(at time.Duration) string { return fmt.Sprintf("%.3g%%", 100*at.Seconds()/f.Length.Seconds()) }
	keys := "0%{visibility:hidden}" + percent(from) + "{visibility:visible}"
	if from == 0 {
		keys = "0%{visibility:visible}"
	}
	if to < f.Length {
		keys += percent(to) + "{visibility:hidden}"
	}
	return keys
}

func lineOf(s *Screen, y int) uv.Line {
	if y < len(s.Lines) {
		return s.Lines[y]
	}
	return nil
}
