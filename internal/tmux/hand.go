package tmux

import "strconv"

// Type types text as it is, as fast as the program reads. Control characters are the keys that send them, and escape sequences what a
// terminal would send: "\x1b[<0;5;3M" is a click.
func (x *Terminal) Type(text string) {
	x.r.Helper()
	x.do("send-keys", "-l", "--", literal(text))
}

// Keys presses keys by tmux's names, one after the other: "Enter", "M-Up", "C-n", "PPage".
func (x *Terminal) Keys(names ...string) {
	x.r.Helper()
	x.do(append([]string{"send-keys", "--"}, names...)...)
}

// Enter types a line.
func (x *Terminal) Enter(line string) {
	x.r.Helper()
	x.Type(line)
	x.Keys("Enter")
}

// Paste pastes text as a terminal does: line ends become carriage returns, and the whole is in brackets where the program has asked for that.
func (x *Terminal) Paste(text string) {
	x.r.Helper()
	if _, err := x.try([]byte(text), "load-buffer", "-b", "paste", "-", ";", "paste-buffer", "-p", "-d", "-b", "paste"); err != nil {
		x.r.Fatalf("%v", err)
	}
}

// Resize gives the terminal another size, in cells; the program gets SIGWINCH.
func (x *Terminal) Resize(width, height int) {
	x.r.Helper()
	x.do("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}
