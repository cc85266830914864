package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress is one line on standard error that tells how far a run is: written over on a terminal, else one after the other.
type progress struct {
	on, terminal bool
	mu           sync.Mutex
	last         time.Time
	shown        bool
}

func newProgress(always bool) *progress {
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	return &progress{on: always || terminal, terminal: terminal}
}

// say shows a line, at most one a second.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.on || time.Since(p.last) < time.Second {
		return
	}
	p.last, p.shown = time.Now(), true
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	} else {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}

func (p *progress) step(what string, n, of int) { p.say("%s: %d of %d", what, n, of) }

// done takes the line away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

// wait passes some time and tells how much of it is over.
func (r *run) wait(ctx context.Context, d time.Duration, what string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	over := time.NewTimer(d)
	defer over.Stop()
	began, heard := time.Now(), r.heard()
	for {
		select {
		case <-over.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			now := r.heard()
			r.show.say("%s: %.0f of %.0f s, %d deliveries/s", what, time.Since(began).Seconds(), d.Seconds(), now-heard)
			heard = now
		}
	}
}
