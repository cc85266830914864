package server

import (
	"runtime/debug"
	"sync"
	"time"
)

// Handshakes leave garbage, several times what a quiet connection holds, and a storm of them a heap that
// fits the storm. After one has passed, trimming gives it back to the system.
const (
	storm     = 64               // handshakes from which on it is worth a collection
	trimAfter = 10 * time.Second // and how often there may be one
	calm      = storm / 4        // handshakes in trimAfter that are no storm any more
	stormGC   = 25               // GOGC meanwhile: what is kept lies closer together, and most of what comes is not kept
)

// trimmer counts handshakes and trims on a timer's goroutine.
type trimmer struct {
	mu    sync.Mutex
	count int         // handshakes since the last trimming
	seen  int         // of these, when the timer was set
	timer *time.Timer // runs where count has reached storm
	gc    int         // GOGC before it
	ended bool
	busy  sync.WaitGroup
}

func (t *trimmer) handshake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count++; t.count >= storm && t.timer == nil && !t.ended {
		t.seen, t.gc = t.count, debug.SetGCPercent(stormGC)
		t.timer = time.AfterFunc(trimAfter, t.look)
	}
}

// look trims where the storm is over, and else looks again later.
func (t *trimmer) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	if t.count-t.seen > calm {
		t.seen = t.count
		t.timer.Reset(trimAfter)
		return
	}
	t.count, t.timer = 0, nil
	debug.SetGCPercent(t.gc)
	t.busy.Go(debug.FreeOSMemory)
}

// end returns when nothing is being trimmed, nor will be.
func (t *trimmer) end() {
	t.mu.Lock()
	t.ended = true
	if t.timer != nil {
		t.timer.Stop()
		debug.SetGCPercent(t.gc)
	}
	t.mu.Unlock()
	t.busy.Wait()
}
