package main

import (
	"strings"
	"testing"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// What is refused while the full screen ends makes the exit code that the help promises for a message that was refused.
func TestRefusedAtTheEnd(t *testing.T) {
	for _, tt := range []struct {
		reply string
		told  int
		code  int
	}{
		{"ERROR|forbidden|you are muted for 5 minutes more", 1, exitFailed},
		{"OK|99", 0, exitOK},
	} {
		play(t, 100, 24, crowd(), func(s *stage) {
			s.server.limited = 1 // it is tried again when the program has begun to end
			s.typed("at last")
			s.server.mu.Lock()
			s.server.refuse["at last"] = tt.reply
			s.server.mu.Unlock()
			posts, told := s.model.unsettled(), 0
			err := awaitAll(posts, func(*client.Post, error) string { told++; return "" })
			if len(posts) != 1 || told != tt.told || exitCode(err) != tt.code {
				t.Errorf("%s: of %d, %d told, exit code %d (%v)", tt.reply, len(posts), told, exitCode(err), err)
			}
		})
	}
}

// What was not answered for so long that it is not sent again is not called unsaid.
func TestPerhapsSaid(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		s.server.refuse["am I heard?"] = "ERROR|busy|1 second to wait: nothing can be written now"
		s.typed("am I heard?")
		s.shows("…             anna │ am I heard?")
		s.shows(" ● │ the server can't keep messages right now; trying again")
		time.Sleep(22*time.Hour + time.Minute)
		s.settle()
		s.shows("✗             anna │ perhaps not said: the server did not answer in time;")
		s.hides("can't keep")
		s.shows(`* perhaps not said to lobby: "am I heard?": the server did not answer in time;`)
	})
	var lines strings.Builder
	complain := complainTo(&lines)
	complain(1, client.ErrUnsure)
	complain(2, protocol.Errorf(protocol.Empty, "x"))
	if got := lines.String(); !strings.Contains(got, "line 1 was perhaps not said: the server did not answer in time; it may or may not have been said\n") ||
		!strings.Contains(got, "line 2 was not said: ") {
		t.Error(got)
	}
}

// What is on the screen and was taken back while there was no connection does not stay there.
func TestTakenBackMeanwhile(t *testing.T) {
	play(t, 100, 24, crowd(), func(s *stage) {
		id := s.server.say(lobby, "ben", "anna, my password is hunter2")
		s.settle()
		s.shows("hunter2")
		s.server.kill()
		s.server.mu.Lock()
		for i, e := range s.server.log {
			if e.ID == id {
				s.server.log[i] = protocol.Event{Command: protocol.EventGone, ID: id, Room: lobby, User: "ben"}
			}
		}
		s.server.mu.Unlock()
		s.server.revive()
		s.wait(5 * time.Second)
		s.hides("hunter2")
		s.shows("ben │ (taken back)")
	})
}
