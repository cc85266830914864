package main

import (
	"os"
	"runtime"
	"sync"
	"time"
)

// aside runs work that computes for long, such as bcrypt, where it hinders nobody: on a thread that others go
// before, and on a processor more than Go's scheduler has otherwise. Without that, on a machine of one
// processor, a message would wait up to 10 ms for each hash under way, until the scheduler takes its turn away.
// The processor more costs the rest some work, so it is there only while there is something to run, and a second after it.
type aside struct {
	mu      sync.Mutex
	running int
	usual   int         // GOMAXPROCS without it; 0 while it is the usual
	calm    *time.Timer // runs where nothing is running any more
}

const asideCalm = time.Second

// run runs work and returns when it is done.
func (a *aside) run(work func()) {
	a.enter()
	defer a.leave()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: a thread that yields ends with its goroutine
		yield()
		work()
	}()
	<-done
}

func (a *aside) enter() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running++
	if a.calm != nil {
		a.calm.Stop()
	}
	if a.usual == 0 {
		a.usual = runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(a.usual + max(1, a.usual/2))
	}
}

func (a *aside) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running--; a.running > 0 {
		return
	}
	if a.calm == nil {
		a.calm = time.AfterFunc(asideCalm, a.lower)
	} else {
		a.calm.Reset(asideCalm)
	}
}

func (a *aside) lower() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running > 0 || a.usual == 0 {
		return
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS() // and follow the container's limit again
	} else {
		runtime.GOMAXPROCS(a.usual)
	}
	a.usual = 0
}
