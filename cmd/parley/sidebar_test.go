package main

import (
	"fmt"
	"testing"
)

// Rooms that the list has no row for are counted at its edges, with what is unread there.
func TestManyRooms(t *testing.T) {
	p := crowd()
	for i := range 60 {
		p.rooms[fmt.Sprintf("room-%02d", i)] = &playRoom{here: []string{"anna"}}
	}
	play(t, 100, 24, p, func(s *stage) {
		s.shows("↓ 42 more")
		s.server.say("room-50", "ben", "is anybody here?")
		s.settle()
		s.shows("↓ 42 more, 1")
		s.move("room-40")
		s.settle()
		s.server.say("garden", "ben", "hello anna")
		s.settle()
		s.shows("more, @1 1")
		s.shows("room-40> ")
		s.press("alt+a")
		s.shows("garden> ")
	})
}
