package main

import (
	"strings"
	"time"
)

// act is one thing that is done on a terminal, or waited for. It returns when it can be seen.
type act func(s *stage)

// typeOut types text at a person's pace.
func (s *stage) typeOut(pane, text string) {
	const together = 4 // characters between two looks
	for part := range chunks(text, together) {
		s.screens[pane].Type(part)
		s.clock += time.Duration(len(part)) * perKey
		s.look(pane)
	}
}

func chunks(text string, n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			k := min(n, len(text))
			if !yield(text[:k]) {
				return
			}
			text = text[k:]
		}
	}
}

// enter types a line.
func enter(pane, line string) act {
	return func(s *stage) {
		s.typeOut(pane, line)
		s.press(pane, "Enter")
	}
}

func (s *stage) press(pane string, names ...string) {
	s.screens[pane].Keys(names...)
	s.clock += afterLine
	s.look(pane)
}

// keys presses keys by tmux's names.
func keys(pane string, names ...string) act { return func(s *stage) { s.press(pane, names...) } }

// again gives a shell its last command once more.
func again(pane string) act {
	return func(s *stage) {
		s.screens[pane].Keys("C-l")
		s.press(pane, "Up")
		s.press(pane, "Enter")
	}
}

// secretly types the password, which is not shown.
func secretly(pane string) act {
	return func(s *stage) {
		s.screens[pane].Enter(password)
		s.clock += time.Second
	}
}

// paste sends text at once.
func paste(pane, text string) act {
	return func(s *stage) {
		s.screens[pane].Paste(text)
		s.clock += afterLine
		s.look(pane)
	}
}

// await waits until a terminal shows text.
func await(pane, text string) act { return settled(pane, text, 1) }

// settled waits until a terminal shows text so many times.
func settled(pane, text string, times int) act {
	return until(pane, text, func(shown string) bool { return strings.Count(shown, text) >= times })
}

// prompt waits until a terminal's shell has come back.
func prompt(pane string) act {
	return until(pane, "the shell's prompt", func(shown string) bool { return strings.HasSuffix(strings.TrimRight(shown, "\n"), "\n$") })
}

func until(pane, what string, done func(shown string) bool) act {
	return func(s *stage) {
		for deadline := time.Now().Add(patience); ; s.clock += perLook {
			s.lookAll()
			if done(s.text(pane)) {
				s.clock += afterLine
				return
			}
			if time.Now().After(deadline) {
				s.Fatalf("%s does not show %q; it shows\n%s", pane, what, s.text(pane))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}
