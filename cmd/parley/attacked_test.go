package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
)

// sentences are the texts that the server has of anna, as ROOM: TEXT.
func (s *stage) sentences() (all []string) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	for _, e := range s.server.log {
		if e.User == "anna" {
			all = append(all, e.Room+": "+e.Text)
		}
	}
	return all
}

func (s *stage) wantSaid(want ...string) {
	s.t.Helper()
	if got := s.sentences(); !slices.Equal(got, want) {
		s.t.Errorf("said %q, want %q", got, want)
	}
}

// What a person does not see change under their hands must not send what they type elsewhere.
func TestTypingWhileTheRoomChanges(t *testing.T) {
	t.Run("a command of several lines", func(t *testing.T) {
		play(t, 100, 24, crowd(), func(s *stage) {
			s.take(tea.PasteMsg{Content: "/msg ben user: root\npassword: hunter2"})
			s.press("enter")
			s.wantSaid()
			s.shows("a /command is one line")
			s.press("ctrl+u", "backspace", "ctrl+u")
			s.take(tea.PasteMsg{Content: "//one\n/two"})
			s.press("enter")
			s.wantSaid("lobby: /one", "lobby: /two")
		})
	})
	t.Run("expelled", func(t *testing.T) {
		play(t, 100, 24, crowd(), func(s *stage) {
			s.press("alt+up")
			s.take(tea.PasteMsg{Content: "ben, the password is wal"})
			delete(s.server.rooms, "garden")
			s.server.event("LEAVE|garden|anna")
			s.settle()
			s.typed("rus")
			s.wantSaid()
			s.shows("You began this in garden")
			s.press("enter")
			s.wantSaid("lobby: ben, the password is walrus")
		})
	})
	t.Run("behind a command that moves", func(t *testing.T) {
		play(t, 100, 24, crowd(), func(s *stage) {
			s.server.mu.Lock()
			s.enter("/room garden")
			cmd := s.carryOut()
			s.enter("for the garden")
			s.take(tea.PasteMsg{Content: "half a "})
			s.server.mu.Unlock()
			s.start(cmd)
			s.settle()
			s.typed("line")
			s.wantSaid("garden: for the garden", "garden: half a line")
		})
	})
	t.Run("queued", func(t *testing.T) {
		play(t, 100, 24, crowd(), func(s *stage) {
			s.press("alt+up")
			s.server.mu.Lock()
			s.enter("/who")
			cmd := s.carryOut()
			s.enter("/topic tea at five")
			s.server.mu.Unlock()
			s.move(lobby)
			s.start(cmd)
			s.settle()
			if got := s.server.asked; !slices.Contains(got, "TOPIC|garden|tea at five") {
				t.Errorf("asked %q", got)
			}
		})
	})
	t.Run("found elsewhere", func(t *testing.T) {
		p := crowd()
		p.add("garden", "ben", "roses")
		play(t, 100, 24, p, func(s *stage) {
			s.press("alt+up")
			s.server.mu.Lock()
			s.enter("/find roses")
			cmd := s.carryOut()
			s.server.mu.Unlock()
			s.move(lobby)
			s.start(cmd)
			s.settle()
			s.press("enter")
			s.shows("garden> ")
		})
	})
}

// A password is what was typed for it, and nothing else.
func TestSecrets(t *testing.T) {
	passwords := func(s *stage) (all []string) {
		for _, line := range s.server.asked {
			if password, found := strings.CutPrefix(line, "PASSWD|"); found {
				all = append(all, password)
			}
		}
		return all
	}
	play(t, 100, 24, crowd(), func(s *stage) {
		s.typed("/passwd")
		for range 2 {
			s.take(tea.PasteMsg{Content: " two  spaces and\u00a0one that is not \n"})
			s.press("enter")
		}
		s.typed("/passwd")
		for range 2 {
			s.press("?")
			s.typed("begins with a question")
		}
		if got := passwords(s); !slices.Equal(got, []string{" two  spaces and\u00a0one that is not ", "?begins with a question"}) {
			t.Errorf("%q", got)
		}
		s.server.mu.Lock()
		s.enter("/passwd")
		cmd := s.carryOut()
		s.take(tea.PasteMsg{Content: "hello ev"})
		s.server.mu.Unlock()
		s.start(cmd)
		s.settle()
		s.hides("New password")
		s.typed("erybody")
		s.wantSaid("lobby: hello everybody")
		s.shows("New password: _")
		s.take(tea.PasteMsg{Content: "one\ntwo"})
		s.shows("more than one line")
		s.press("esc")
		s.shows("nothing was changed")
	})
}

// Who leaves while something waits loses none of it without a word.
func TestLeavingWithWork(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.mu.Lock()
		s.enter("/who")
		cmd := s.carryOut()
		s.enter("/msg ben see you")
		s.press("ctrl+d")
		if s.quit {
			t.Fatal("it has ended at once")
		}
		s.server.mu.Unlock()
		s.start(cmd)
		s.settle()
		if !s.quit {
			t.Error("it goes on")
		}
		s.wantSaid("@ben: see you")
	})
}

// A server that answers with what is of no use is not asked for ever.
func TestUselessHistory(t *testing.T) {
	p := crowd()
	p.refuse["HISTORY"] = strings.Repeat("FUTURE|x\n", pageSize) + fmt.Sprint("OK|", pageSize)
	play(t, 100, 24, p, func(s *stage) {
		s.wait(10 * time.Second)
		if n := len(s.server.asked); n > 30 {
			t.Errorf("%d lines were asked", n)
		}
	})
}

// A server that was put back to older data is heard all the same.
func TestRestoredServer(t *testing.T) {
	p := crowd()
	for i := range 20 {
		p.add(lobby, "ben", fmt.Sprintf("number %d.", i))
	}
	play(t, 100, 24, p, func(s *stage) {
		s.shows("number 19.")
		s.server.kill()
		s.wait(time.Second)
		s.server.mu.Lock()
		s.server.log, s.server.nextID = s.server.log[:10], 21
		s.server.rooms[lobby].seen = 0
		s.server.add(lobby, "ben", "anna, are you there?")
		s.server.mu.Unlock()
		s.server.revive()
		s.wait(10 * time.Second)
		s.shows("ben │ anna, are you there?")
		s.hides("number 19.")
		s.shows("the server goes on from an older state of lobby")
		s.typed("I am")
		s.shows("anna │ I am")
		last := s.server.say(lobby, "ben", "good")
		s.wait(5 * time.Second)
		if got := s.server.rooms[lobby].seen; got != last {
			t.Errorf("read up to %d, want %d", got, last)
		}
	})
}

// What is given back is what was typed.
func TestGivenBack(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.kill()
		s.wait(time.Second)
		for range 20 {
			s.link.TryPost(lobby, "fills the queue")
		}
		s.typed("//quit")
		s.shows("lobby> //quit_")
	})
}

// What is fetched after a lost connection is no reason to say that there is none.
func TestFetching(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.take(client.Update{State: client.Lost, Wait: time.Second, Err: client.ErrClosed})
		s.shows("○ offline since")
		s.take(client.Update{State: client.Connected})
		s.shows("◌ fetching what was missed")
		s.hides("offline")
	})
}
