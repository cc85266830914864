package server

import (
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

func gcPercent() int {
	n := debug.SetGCPercent(100)
	debug.SetGCPercent(n)
	return n
}

// A storm of handshakes is followed by one collection that gives memory back, and leaves the collector as it was.
func TestTrim(t *testing.T) {
	before := gcPercent()
	defer debug.SetGCPercent(before)
	synctest.Test(t, func(t *testing.T) {
		var trim trimmer
		defer trim.end()
		many := func(n int) {
			for range n {
				trim.handshake()
			}
		}
		want := func(when string, percent int, waits bool) {
			t.Helper()
			synctest.Wait()
			trim.mu.Lock()
			defer trim.mu.Unlock()
			if now := gcPercent(); now != percent || waits != (trim.timer != nil) {
				t.Errorf("%s: GOGC %d, to be trimmed %v", when, now, trim.timer != nil)
			}
		}
		many(storm - 1)
		want("a few", before, false)
		many(1)
		want("a storm", stormGC, true)
		many(storm)
		time.Sleep(trimAfter)
		want("it goes on", stormGC, true)
		many(calm)
		time.Sleep(trimAfter)
		want("it is over", before, false)
		many(storm)
		trim.end()
		if now := gcPercent(); now != before {
			t.Errorf("at the end: GOGC %d", now)
		}
		many(storm)
		time.Sleep(2 * trimAfter)
		if now := gcPercent(); now != before {
			t.Errorf("after the end: GOGC %d", now)
		}
	})
}
