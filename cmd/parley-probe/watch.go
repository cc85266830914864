package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/protocol"
)

const (
	talkEvery = 125 * time.Millisecond // one message of each of the two; below the default rate of 10 a second
	quietTalk = 1500 * time.Millisecond
	mostDelay = 100 * time.Millisecond // p99 that people who are in may see, or twice that of quiet times on a machine that is busy anyway; see also still
)

// watch is two people who talk in the probe's room while a stage runs, each with a goroutine that writes and one that reads; stop waits for them.
type watch struct {
	people [2]*talker
	quit   chan struct{}
	done   sync.WaitGroup
	quiet  time.Duration // p99 before the stage

	mu    sync.Mutex
	sent  map[string]time.Time // by text, acknowledged or not
	acked map[string]bool
	came  map[string]time.Duration
	lost  error         // a talker's connection
	still time.Duration // the longest that this machine let nothing run, which is no server's fault
}

// talker is one of the two.
type talker struct {
	*conn
	waiting chan string // texts whose reply has not come
}

// watch lets the two talk, in quiet first.
func (t *target) watch(ctx context.Context) (*watch, error) {
	w := &watch{quit: make(chan struct{}), sent: make(map[string]time.Time), acked: make(map[string]bool), came: make(map[string]time.Duration)}
	for i, who := range t.people[:2] {
		c, err := t.enter(ctx, who)
		if err != nil {
			if i > 0 {
				w.people[0].leave()
			}
			return nil, err
		}
		w.people[i] = &talker{c, make(chan string, 1024)}
	}
	for _, p := range w.people {
		w.done.Add(2)
		go w.talk(p, t.room)
		go w.hear(p)
	}
	w.done.Go(w.measure)
	if err := pause(ctx, quietTalk); err != nil {
		w.stop()
		return nil, err
	}
	w.mu.Lock()
	w.quiet, w.still = w.p99(), 0
	clear(w.came)
	w.mu.Unlock()
	return w, nil
}

// measure finds out how long this machine stands still: another's use of its processors delays whatever is measured on it.
func (w *watch) measure() {
	const nap = 5 * time.Millisecond
	for {
		began := time.Now()
		select {
		case <-w.quit:
			return
		case <-time.After(nap):
		}
		w.mu.Lock()
		w.still = max(w.still, time.Since(began)-nap)
		w.mu.Unlock()
	}
}

func (w *watch) talk(p *talker, room string) {
	defer w.done.Done()
	tick := time.NewTicker(talkEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		text := rand.Text()
		w.mu.Lock()
		w.sent[text] = time.Now()
		w.mu.Unlock()
		select {
		case p.waiting <- text:
		default: // hear has given up
			return
		}
		if err := p.send("SEND|" + room + "||" + text); err != nil {
			return // hear says so
		}
	}
}

// hear reads until nothing more is to come, or the connection is over.
func (w *watch) hear(p *talker) {
	defer w.done.Done()
	for {
		line, err := p.lineWithin(patience / 10)
		now := time.Now()
		switch {
		case err == nil:
			w.heard(p, line, now)
		case errors.Is(err, os.ErrDeadlineExceeded) && line == "":
			select {
			case <-w.quit:
				if w.complete(now) {
					return
				}
			default:
			}
		default:
			w.mu.Lock()
			w.lost = err
			w.mu.Unlock()
			return
		}
	}
}

func (w *watch) heard(p *talker, line string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if isReply(line) {
		select {
		case text := <-p.waiting:
			w.acked[text] = codeOf(line) == accepted
		default:
		}
		return
	}
	event := strings.SplitN(line, "|", 6)
	if began, known := w.sent[event[len(event)-1]]; known && event[0] == protocol.EventMsg {
		w.came[event[len(event)-1]] = now.Sub(began)
		delete(w.sent, event[len(event)-1])
	}
}

// complete says that all that was acknowledged has come, or that it is too late for it.
func (w *watch) complete(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for text, began := range w.sent {
		if ok, answered := w.acked[text]; (ok || !answered) && now.Sub(began) < patience {
			return false
		}
	}
	return true
}

// p99 of what came; under mu.
func (w *watch) p99() time.Duration {
	if len(w.came) == 0 {
		return 0
	}
	var all []time.Duration
	for _, d := range w.came {
		all = append(all, d)
	}
	slices.Sort(all)
	return all[(len(all)*99+99)/100-1]
}

// stop ends the talk and says what the two noticed, and whether that is nothing. An error says that this machine stood still itself, and
// may be what they noticed.
func (w *watch) stop() (noticed string, fine bool, unsure error) {
	close(w.quit)
	w.done.Wait()
	for _, p := range w.people {
		p.leave()
	}
	lost := w.missing()
	p99 := w.p99()
	noticed = fmt.Sprintf("two who talked meanwhile: %d messages, %d lost, p99 %v (quiet: %v; this machine stood still for %v)", len(w.came), lost, round(p99), round(w.quiet), round(w.still))
	if w.lost != nil {
		noticed += ", one cut off: " + w.lost.Error()
	}
	most := max(mostDelay, 2*w.quiet)
	switch {
	case !w.whole():
		return noticed, false, nil
	case p99 > most && p99 <= most+w.still:
		return noticed, false, errors.New("this machine is too busy to tell: " + noticed)
	}
	return noticed, p99 <= most, nil
}

// missing is how many messages were acknowledged and did not come.
func (w *watch) missing() (n int) {
	for text := range w.sent {
		if w.acked[text] {
			n++
		}
	}
	return n
}

// whole says that whatever came late, all of it came. The talk is over.
func (w *watch) whole() bool { return w.missing() == 0 && w.lost == nil && len(w.came) > 0 }

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond / 10) }

// watched runs an attack while two people talk, if there are two. That they noticed it makes it fall, whatever else was seen.
func (t *target) watched(ctx context.Context, attack func() (finding, error)) (finding, error) {
	if len(t.people) < 2 || t.room == "" {
		return attack()
	}
	w, err := t.watch(ctx)
	if err != nil {
		return finding{}, err
	}
	f, err := attack()
	noticed, fine, unsure := w.stop()
	switch {
	case unsure != nil && err == nil && f.verdict == held:
		return finding{}, unsure
	case unsure != nil:
		return f, err
	case !fine && ctx.Err() == nil:
		if err != nil {
			f.seen = err.Error()
		}
		return finding{fell, f.seen + "; " + noticed, f.verdict != fell && w.whole()}, nil
	case err != nil:
		return f, err
	}
	f.seen += "; " + noticed
	return f, nil
}
