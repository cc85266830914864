package main

import (
	"testing"

	"parley/internal/client"
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
