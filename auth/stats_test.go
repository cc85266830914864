package auth

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPoolIsCounted: who works and who waits is counted apart, and each is told how long they did.
func TestPoolIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 2, 99, 99, func(work func()) { work() })
		var mu sync.Mutex
		var told [][2]time.Duration
		p.hashed = func(waited, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, [2]time.Duration{waited, took})
		}
		for range 3 {
			go p.do(t.Context(), who{}, func() { time.Sleep(time.Minute) })
		}
		for _, want := range [][2]int{{3, 1}, {2, 1}, {1, 1}, {0, 0}} {
			synctest.Wait()
			if held, working := p.load(); held != want[0] || working != want[1] {
				t.Errorf("%d held, %d working, want %v", held, working, want)
			}
			time.Sleep(time.Minute)
		}
		want := [][2]time.Duration{{0, time.Minute}, {time.Minute, time.Minute}, {2 * time.Minute, time.Minute}}
		if !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}
