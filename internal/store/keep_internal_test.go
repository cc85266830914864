package store

import (
	"testing"
	"time"
)

// TestKeepClock: a clock that jumps ahead is not believed for a day, so that nothing is dropped because of it; smaller steps, and steps back,
// are the clock's right.
func TestKeepClock(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	c := keepClock{at: start, since: start}
	for _, tt := range []struct {
		name             string
		running, clock   time.Duration // since the start, one after another
		believed, jumped bool
	}{
		{"at the start", 0, 0, true, false},
		{"an hour later", time.Hour, time.Hour, true, false},
		{"some days off", 2 * time.Hour, 6 * day, true, false},
		{"back again", 3 * time.Hour, 3 * time.Hour, true, false},
		{"years ahead", 4 * time.Hour, 3000 * day, false, true},
		{"still", 5 * time.Hour, 3000*day + time.Hour, false, false},
		{"set right", 6 * time.Hour, 6 * time.Hour, true, false},
		{"ahead once more", 7 * time.Hour, 40 * day, false, true},
		{"nearly a day", 30 * time.Hour, 41 * day, false, false},
		{"a day", 31 * time.Hour, 41 * day, true, false},
		{"and on", 32 * time.Hour, 41*day + time.Hour, true, false},
	} {
		got, jumped := c.now(start.Add(tt.clock), start.Add(tt.running))
		if believed := got.Equal(start.Add(tt.clock)); believed != tt.believed || jumped != tt.jumped {
			t.Errorf("%s: %v (believed %t, jumped %t)", tt.name, got, believed, jumped)
		} else if !believed && got.Sub(start) > 32*time.Hour {
			t.Errorf("%s: goes on from %v", tt.name, got)
		}
	}
}
