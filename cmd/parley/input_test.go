package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

func TestPasteAsks(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.take(tea.PasteMsg{Content: "one\r\ntwo\n"})
		s.press("enter")
		s.settle()
		s.shows("anna │ one")
		s.shows("anna │ two")
		s.take(tea.PasteMsg{Content: "1\n2\n3\n4\n5\n6\n7\n"})
		s.press("enter")
		s.shows("These are 7 lines. Enter says them all in lobby")
		s.press("esc")
		s.hides("These are")
		s.press("ctrl+u", "backspace") // the seventh
		s.press("enter")
		s.shows("These are 6 lines")
		s.server.limited = 2
		s.press("enter")
		s.wait(10 * time.Second)
		for i := 1; i <= 6; i++ {
			s.shows(fmt.Sprintf("anna │ %d", i))
		}
		if n := len(s.server.log); n != 8 {
			t.Errorf("%d messages", n)
		}
		s.take(tea.PasteMsg{Content: strings.Repeat("x\n", 30)}) // more than may wait
		s.press("enter", "enter")
		s.shows("too much waits to be said already")
		if left := countLines(s.input.editor.text()); left == 0 || left == 30 {
			t.Errorf("%d lines are given back", left)
		}
	})
}

func TestCompletion(t *testing.T) {
	for _, row := range []struct{ typed, want string }{
		{"be", "ben: "},
		{"hello be", "hello ben "},
		{"hello CA", "hello carla "},
		{"@be", "@ben: "},
		{"/jo", "/join "},
		{"/join at", "/join attic "}, // one that could be joined
		{"/join ga", "/join ga"},     // one that was
		{"/lock ga", "/lock garden "},
		{"/invite ca", "/invite carla "},
		{"/invite ben ga", "/invite ben garden "},
		{"/room @b", "/room @ben "},
		{"/msg b", "/msg ben "},
		{"/nosuch b", "/nosuch b"},
		{"xyz", "xyz"},
	} {
		play(t, 100, 24, crowd(), func(s *stage) {
			for _, r := range row.typed {
				s.take(press(string(r)))
			}
			s.press("tab")
			if got := s.input.editor.text(); got != row.want {
				t.Errorf("%q becomes %q, want %q", row.typed, got, row.want)
			}
		})
	}
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.say(lobby, "carla", "I was the last to speak")
		s.settle()
		s.press("tab")
		s.shows("lobby> carla: ")
		s.shows("* carla:  ben:")
		s.press("tab")
		s.shows("lobby> ben: ")
		s.press("tab")
		s.shows("lobby> carla: ")
		s.press("shift+tab")
		s.shows("lobby> ben: ")
	})
}

func TestLeaving(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.take(press("x"))
		s.press("ctrl+c")
		s.shows("Ctrl-C again ends")
		s.press("y")
		s.hides("Ctrl-C again")
		s.press("ctrl+c")
		s.hides("> y")
		if s.quit {
			t.Fatal("it has ended at once")
		}
		s.press("ctrl+c")
		if !s.quit {
			t.Fatal("it goes on")
		}
	})
}

// What was typed before comes back with the arrows, and what was being typed behind it.
func TestHistoryOfInput(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		for i := range maxHistory + 10 {
			s.input.history.add(fmt.Sprint("line ", i))
		}
		if n := len(s.input.history.lines); n != maxHistory {
			t.Errorf("%d lines are kept", n)
		}
		s.take(press("x"))
		s.press("up")
		s.shows(fmt.Sprint("lobby> line ", maxHistory+9, "_"))
		s.press("up", "down", "down")
		s.shows("lobby> x_")
		s.press("down")
		s.shows("lobby> x_")
		for range maxHistory + 20 {
			s.press("up")
		}
		s.shows("lobby> line 10_")
		s.press("ctrl+u")
		s.take(tea.PasteMsg{Content: "above\nbelow"})
		s.press("up", "home", "delete")
		s.shows("lobby> bove⏎")
		s.press("down", "end", "backspace")
		if got := s.input.editor.text(); got != "bove\nbelo" {
			t.Errorf("%q", got)
		}
	})
}

// Commands wait for one another, and only so many do.
func TestManyCommands(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.mu.Lock() // it answers nothing
		for i := range maxErrands {
			s.enter(fmt.Sprintf("/topic %d", i))
		}
		s.enter("/topic one more")
		if said := strings.Join(s.said, ""); !strings.Contains(said, "too many commands wait") {
			t.Errorf("said %q", said)
		}
		s.server.mu.Unlock()
	})
}
