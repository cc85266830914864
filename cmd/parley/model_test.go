package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// crowd is a server where things were said before.
func crowd() *playServer {
	p := newPlay()
	p.rooms[lobby].topic = "what everybody should know"
	p.rooms["garden"] = &playRoom{here: []string{"anna", "ben"}}
	p.rooms["@ben"] = &playRoom{}
	return p
}

func TestScreens(t *testing.T) {
	for _, size := range []struct{ w, h int }{{100, 24}, {40, 10}} {
		name := func(what string) string { return fmt.Sprintf("%s-%dx%d", what, size.w, size.h) }
		play(t, size.w, size.h, crowd(), func(s *stage) {
			s.golden(name("empty"))
			s.server.say(lobby, "ben", "Good morning!")
			s.wait(26 * time.Hour)
			s.server.say(lobby, "carla", "Anna, did you see 中文字 and "+family+" and שלום? A longer text goes on below, under where it began, however narrow the screen is.")
			s.server.say("garden", "ben", "the roses are out")
			s.server.say("garden", "ben", "@anna: come and see")
			s.server.say("@ben", "ben", "psst")
			s.typed("I did.")
			s.settle()
			s.golden(name("talk"))
			s.press("alt+up")
			s.settle()
			s.golden(name("garden"))
			s.press("?")
			s.golden(name("help"))
			s.press("esc")
			s.typed("/room nowhere")
			s.golden(name("refused"))
			s.server.kill()
			s.wait(time.Second)
			s.typed("typed while it was away")
			s.golden(name("lost"))
		})
	}
}

// What is typed while the server is away is said once when it is back, and what was missed comes into place.
func TestLostAndBack(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.say(lobby, "ben", "before")
		s.settle()
		s.server.kill()
		s.wait(3 * time.Second)
		s.shows("offline since 00:00, next try in")
		s.typed("typed meanwhile")
		s.shows("…             anna │ typed meanwhile")
		s.shows("1 to be said")
		for i := range 30 {
			s.server.say("garden", "ben", fmt.Sprintf("missed %d, anna", i))
		}
		s.server.say(lobby, "carla", "missed in the lobby")
		s.server.revive()
		s.wait(30 * time.Second)
		s.shows("missed in the lobby")
		s.shows("anna │ typed meanwhile")
		s.hides("…   ")
		s.hides("offline")
		said := 0
		for _, e := range s.server.log {
			if e.Text == "typed meanwhile" {
				said++
			}
		}
		if said != 1 {
			t.Errorf("it was said %d times", said)
		}
		if i, j := strings.Index(s.screen(), "missed in the lobby"), strings.Index(s.screen(), "typed meanwhile"); i > j {
			t.Errorf("what was missed is not in its place:\n%s", s.screen())
		}
		if len(s.raw) != 1 || !strings.Contains(s.raw[0], "30 messages for you while there was no connection") {
			t.Errorf("notifications %q", s.raw)
		}
		s.shows("garden          @30 30")
	})
}

// Unread messages stay so while nobody looks, and a line shows where reading stopped.
func TestUnread(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		first := s.server.say(lobby, "ben", "read")
		s.wait(5 * time.Second)
		if got := s.server.rooms[lobby].seen; got != first {
			t.Fatalf("read up to %d, want %d", got, first)
		}
		s.take(tea.BlurMsg{})
		s.server.say(lobby, "ben", "not read")
		s.wait(5 * time.Second)
		if got := s.server.rooms[lobby].seen; got != first {
			t.Error("what nobody looks at is read")
		}
		s.shows("lobby                1")
		s.take(tea.FocusMsg{})
		s.wait(5 * time.Second)
		if got := s.server.rooms[lobby].seen; got == first {
			t.Error("what is looked at is not read")
		}
		screen := s.screen()
		if line, text := strings.Index(screen, "─ new ─"), strings.Index(screen, "not read"); line < 0 || line > text || line < strings.Index(screen, "│ read") {
			t.Errorf("the line is not above what is new:\n%s", screen)
		}
		s.press("alt+up", "alt+down")
		s.hides("─ new ─")
		s.server.event("SEEN|garden|99")
		s.server.say("garden", "ben", "one")
		s.settle()
		s.hides("garden               1") // read elsewhere up to 99
	})
}

// Where the terminal never tells whether it has the keyboard, somebody who has not pressed a key for a while is taken to be away.
func TestSilentTerminal(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		seen := func() int64 {
			s.wait(5 * time.Second)
			return s.server.rooms[lobby].seen
		}
		if id := s.server.say(lobby, "ben", "one"); seen() != id {
			t.Error("what one sees just after starting is not read")
		}
		s.wait(attentionSpan)
		id := s.server.say(lobby, "ben", "two, anna")
		if seen() == id || len(s.raw) != 1 {
			t.Errorf("nobody is there: read up to %d, sent %q", s.server.rooms[lobby].seen, s.raw)
		}
		s.press("left")
		if seen() != id {
			t.Error("somebody is there again")
		}
	})
}

// The new-messages line stays while one reads above the newest, and a key goes to it.
func TestNewLineStays(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.say(lobby, "ben", "seen")
		s.settle()
		s.press("alt+up")
		for i := range 60 {
			s.server.say(lobby, "ben", fmt.Sprintf("number %d.", i))
		}
		s.settle()
		s.press("alt+down")
		s.shows("↑ new (Alt-U)")
		s.press("alt+u")
		s.shows("─ new ─")
		s.shows("number 0.")
		s.server.say(lobby, "ben", "one more")
		s.settle()
		s.shows("─ new ─")
		s.shows("number 0.")
		s.press("esc", "alt+u")
		s.shows("number 0.")
		s.press("esc", "alt+up", "alt+down", "alt+u")
		s.shows("* nothing is new here")
	})
}

func TestNotifications(t *testing.T) {
	p := crowd()
	p.add("garden", "ben", "anna, you have not read this yet")
	play(t, 100, 24, p, func(s *stage) {
		calls := func(want ...string) {
			t.Helper()
			if !slices.Equal(s.raw, want) {
				t.Errorf("sent %q, want %q", s.raw, want)
			}
			s.raw = nil
			s.wait(alarmsApart)
		}
		s.server.say(lobby, "ben", "anna, you are looking at it")
		s.settle()
		calls()
		s.server.say("garden", "ben", "nobody is meant")
		s.settle()
		calls()
		s.server.say("garden", "ben", "hello Anna!")
		s.settle()
		calls("\a\x1b]9;parley – ben in garden: hello Anna!\x1b\\")
		s.server.say("@ben", "ben", "psst\x1b]0;x\a")
		s.settle()
		calls("\a\x1b]9;parley – ben: psst\\u{1b}]0;x\\u{7}\x1b\\")
		s.server.say("@ben", "anna", "said from elsewhere")
		s.settle()
		calls()
		s.take(tea.BlurMsg{})
		s.server.say(lobby, "ben", "anna?")
		s.server.say(lobby, "ben", "anna??")
		s.settle()
		calls("\a\x1b]9;parley – ben in lobby: anna?\x1b\\") // and not twice at once
		s.server.event("NOTE|ben invites you to the room attic")
		s.settle()
		calls("\a\x1b]9;parley – note: ben invites you to the room attic\x1b\\")
		s.notify = nil
		s.server.say(lobby, "ben", "anna???")
		s.settle()
		calls()
	})
}

func TestOlderMessages(t *testing.T) {
	p := crowd()
	for i := range 1000 {
		p.add(lobby, "ben", fmt.Sprintf("number %d.", i))
	}
	play(t, 100, 24, p, func(s *stage) {
		s.shows("number 999.")
		s.press("pgup")
		s.shows("number 970.")
		s.server.say(lobby, "carla", "newer")
		s.settle()
		s.hides("newer") // what is looked at stays where it is
		for range 80 {
			s.press("pgup")
		}
		s.shows("number 0.")
		s.shows("this is where lobby begins")
		seen := s.server.rooms[lobby].seen
		s.press("esc")
		s.shows("newer")
		s.wait(5 * time.Second)
		if s.server.rooms[lobby].seen == seen {
			t.Error("what is looked at is not read")
		}
		for _, m := range []tea.MouseButton{tea.MouseWheelUp, tea.MouseWheelUp, tea.MouseWheelDown} {
			s.take(tea.MouseWheelMsg{Button: m, X: 50, Y: 5})
		}
		s.hides("newer")
		s.take(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
		s.shows("newer")
	})
}

func TestFind(t *testing.T) {
	p := crowd()
	for i := range 900 {
		p.add(lobby, "ben", fmt.Sprintf("number %d.", i))
	}
	play(t, 100, 24, p, func(s *stage) {
		for _, r := range "a draft" {
			s.take(press(string(r)))
		}
		s.press("ctrl+f")
		s.shows("find in lobby: _")
		s.typed("number 13")
		s.shows("number 139.")
		s.shows("number 13.")
		s.press("home")
		s.press("enter")
		s.shows("lobby> a draft_")
		s.shows("number 13.")
		s.shows("number 14.")
		s.hides("number 899.")
		s.press("ctrl+f")
		s.typed("nothing of this kind")
		s.shows("no messages")
		s.press("esc", "esc")
		s.shows("number 899.")
	})
}

// A message that is too far back is not fetched for ever.
func TestFindFarBack(t *testing.T) {
	p := crowd()
	for i := range 4500 {
		p.add(lobby, "ben", fmt.Sprintf("number %d.", i))
	}
	play(t, 100, 24, p, func(s *stage) {
		for _, row := range []struct {
			text  string
			found bool
		}{{"number 1900.", true}, {"number 3.", false}} {
			s.press("ctrl+f")
			s.typed(row.text)
			s.press("enter")
			s.settle()
			if row.found {
				s.shows("│ " + row.text)
			} else {
				s.shows("* that message is too far back to scroll to")
				s.shows("number 4499.")
			}
		}
		if n := len(s.mirror.Room(lobby).Items); n > 4*s.keep {
			t.Errorf("%d messages are kept", n)
		}
	})
}

func TestRefusals(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.refuse["muted"] = "ERROR|forbidden|you are muted for 5 minutes more"
		s.typed("muted")
		s.shows("✗             anna │ not said: that is not allowed (you are muted for 5")
		s.typed(strings.Repeat("long ", 1000))
		s.shows("* that is too long (a text has at most 2000 bytes, this one 5000)")
		if len(s.input.editor.text()) != 5000 {
			t.Error("it is not given back")
		}
		s.press("ctrl+u")
		s.typed("/nosuch")
		s.shows("* there is no /nosuch; /help lists what there is")
		s.typed("/passwd")
		s.typed("my new passphrase")
		s.typed("another")
		s.shows("New password: _")
		s.typed("my new passphrase")
		s.typed("my new passphrase")
		s.shows("* your password is changed")
		s.hides("passphrase")
		s.typed("/passwd")
		s.press("esc")
		s.shows("* nothing was changed")
		s.typed("/who")
		s.shows("anna, ben, carla")
		s.typed("/join new")
		s.shows("* you speak in new now; members: 1, you alone")
		s.shows("new> _")
		s.typed("/leave")
		s.shows("you have left new, and speak in lobby now")
		s.hides(" new ")
		s.server.event("NOTE|ben invites you to the room attic")
		s.settle()
		s.shows("* ben invites you to the room attic")
		delete(s.server.rooms, "garden")
		s.server.event("LEAVE|garden|anna")
		s.settle()
		s.hides(" garden  ")
		s.typed("/eject ben now")
		s.typed("/quit")
		if !s.quit || s.ended != errQuit {
			t.Error("it goes on")
		}
	})
}

// What this session does itself comes as no event, and is shown all the same.
func TestOwnDoings(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.typed("a secret: hunter2")
		s.shows("hunter2")
		s.typed("/delete")
		s.hides("hunter2")
		s.shows("anna │ (taken back)")
		s.typed("/topic the weather")
		s.shows("lobby  the weather")
		s.shows("* │ anna has set the topic: the weather")
		s.typed("/topic -")
		s.hides("lobby  the weather")
		s.shows("* │ anna has cleared the topic")
	})
}

// Whatever is done at whatever size, the screen has that size, and the cursor is on it.
func TestSizes(t *testing.T) {
	p := crowd()
	for i := range 200 {
		p.add(lobby, family+"name"[:i%4], strings.Repeat("中é\u0301\u200d👩 שלום ", i%30))
	}
	play(t, 100, 24, p, func(s *stage) {
		s.take(tea.PasteMsg{Content: strings.Repeat("中文 ", 300) + "\n" + family})
		for w := minWidth; w < 130; w += 17 {
			for h := minHeight; h < 40; h += 9 {
				s.take(tea.WindowSizeMsg{Width: w, Height: h})
				s.press("pgup")
				s.screen()
				s.press("alt+up", "left", "up", "alt+down")
				s.screen()
				s.typed("/find name")
				s.screen()
				s.press("esc", "?")
				s.screen()
				s.press("esc", "pgdown")
			}
		}
		s.take(tea.WindowSizeMsg{Width: 3, Height: 1})
		s.View()
		s.take(tea.WindowSizeMsg{})
		s.View()
	})
}
