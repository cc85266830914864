package store

import (
	"testing"
	"time"

	"parley/internal/chat"
)

// TestPace: who says many at once, and many who sign in, make a batch wait; a lone message does
// not, nor one after another of one person, nor many people's.
func TestPace(t *testing.T) {
	says := func(sessions ...string) (batch []item) {
		for _, s := range sessions {
			batch = append(batch, item{op: &said{chat.Entry{Session: s}}})
		}
		return batch
	}
	signs := []item{{op: &confirm{"a"}}}
	for _, c := range []struct {
		name    string
		batches [][]item
		after   time.Duration
		dense   bool
	}{
		{"nothing", nil, 0, false},
		{"one after another", [][]item{says("a"), says("a"), says("a"), says("a"), says("a")}, 0, false},
		{"many people", [][]item{says("a", "b", "c", "d", "e", "f"), says("g", "h", "i")}, 0, false},
		{"one says many", [][]item{says("a", "a", "a", "a", "a")}, 0, true},
		{"four say many", [][]item{says("a", "b", "c", "d", "a", "b", "c", "d")}, 0, true},
		{"a while ago", [][]item{says("a", "a", "a", "a", "a")}, paceMost, false},
		{"one signs in", [][]item{signs, signs}, 0, false},
		{"many sign in", [][]item{signs, signs, signs, signs}, 0, true},
	} {
		var p pace
		now := time.Now()
		for _, b := range c.batches {
			p.note(b, now)
		}
		if got := p.dense(now.Add(c.after)); got != c.dense {
			t.Errorf("%s: dense is %v", c.name, got)
		}
	}
}
