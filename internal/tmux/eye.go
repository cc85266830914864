package tmux

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Screen is the text on the screen, a line each, without the blanks at a line's end.
func (x *Terminal) Screen() string {
	x.r.Helper()
	return x.do("capture-pane", "-p")
}

// History is Screen with what has scrolled off it above, at most 5000 lines.
func (x *Terminal) History() string {
	x.r.Helper()
	return x.do("capture-pane", "-p", "-S", "-")
}

// Styled is the screen with the escape sequences (SGR) of its colours, and with the blanks at a line's end.
func (x *Terminal) Styled() string {
	x.r.Helper()
	return x.do("capture-pane", "-p", "-e", "-N")
}

// Cursor is where the cursor is, from 0 at the left and the top, and whether it is shown.
func (x *Terminal) Cursor() (column, row int, shown bool) {
	x.r.Helper()
	var flag int
	at := x.do("display-message", "-p", "#{cursor_x} #{cursor_y} #{cursor_flag}")
	if _, err := fmt.Sscan(at, &column, &row, &flag); err != nil {
		x.r.Fatalf("tmux has the cursor at %q", at)
	}
	return column, row, flag == 1
}

// Written is every byte that the program wrote to the terminal, from its first on. It may be a moment behind the screen.
func (x *Terminal) Written() string {
	x.r.Helper()
	all, err := os.ReadFile(x.record())
	if err != nil && !os.IsNotExist(err) {
		x.r.Fatalf("%v", err)
	}
	written, _, _ := strings.Cut(string(all), "\x1b]2;"+endTitle) // which the keeper wrote
	return written
}

// Await waits until the screen holds text. A line that the terminal has wrapped is two.
func (x *Terminal) Await(text string) {
	x.r.Helper()
	x.AwaitScreen(fmt.Sprintf("%q is not shown", text), func(screen string) bool { return strings.Contains(screen, text) })
}

// AwaitScreen waits until the screen is as wanted; failure is what is told where it does not come to that: at once when the program has ended.
func (x *Terminal) AwaitScreen(failure string, wanted func(screen string) bool) {
	x.r.Helper()
	x.until(failure, func() bool {
		_, ended := x.state() // before the look
		if wanted(x.Screen()) {
			return true
		}
		if ended {
			x.r.Fatalf("%s, and the program has ended; the screen is\n%s", failure, x.Screen())
		}
		return false
	})
}

// AwaitWritten waits until the program has written text, which may be an escape sequence.
func (x *Terminal) AwaitWritten(text string) {
	x.r.Helper()
	x.until(fmt.Sprintf("%q is not written", text), func() bool { return strings.Contains(x.Written(), text) })
}

// until waits, and tells with the last screen what did not come.
func (x *Terminal) until(failure string, done func() bool) {
	x.r.Helper()
	for deadline := time.Now().Add(x.opts.Patience); !done(); time.Sleep(poll) {
		if time.Now().After(deadline) {
			x.r.Fatalf("%s; the screen is\n%s", failure, x.Screen())
		}
	}
}
