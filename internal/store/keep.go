package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Keep says how long messages are kept. 0 is for ever.
type Keep struct {
	Age   time.Duration            // of all rooms and conversations: at least KeepLeast
	Rooms map[string]time.Duration // of these rooms instead
	Every time.Duration            // how often it is looked for what is too old: 1 h
}

// KeepLeast is the shortest that messages can be kept: as long as a key answers the id of its message.
const KeepLeast = keyLife

// ErrKeepCluster: what is dropped would have to leave the stream as well.
var ErrKeepCluster = errors.New("in a cluster everything is kept: messages cannot be dropped from its stream by their age")

func (k Keep) any() bool { return k.Age != 0 || len(k.Rooms) > 0 }

func (k Keep) of(room string) time.Duration {
	if age, ok := k.Rooms[room]; ok {
		return age
	}
	return k.Age
}

// Between two steps others have the database for so many times as long as a step took.
const (
	keepRest      = 4
	keepRestLeast = 5 * time.Millisecond
	keepRestMost  = time.Second
)

// keepAgain is how long after a failure it is tried again.
const keepAgain = 5 * time.Minute

// A keeper drops what is too old, in small steps: entries of the log as all else, so that the tail hears of them in their order.
type keeper struct {
	s     *Store
	clock keepClock
	rest  time.Duration // keepRest
}

// run looks for what is too old now and then, until ctx ends.
func (k *keeper) run(ctx context.Context) {
	every := k.s.opts.Keep.Every
	if every <= 0 {
		every = time.Hour
	}
	for ctx.Err() == nil {
		next := every
		if err := k.drop(ctx); err != nil && ctx.Err() == nil {
			next = min(every, keepAgain)
			k.s.opts.Log.Warn("what is too old to be kept could not be dropped; it is tried again", "event", "keep.failed", "error", err)
		}
		wait(ctx, next)
	}
}

// drop drops what is too old now, and then removes it from the files, and gives the room on the disk back.
func (k *keeper) drop(ctx context.Context) error {
	now, jumped := k.clock.now(k.s.opts.Now(), time.Now())
	if jumped {
		k.s.opts.Log.Warn("the clock is far ahead of what it showed before: nothing is dropped by it for a day; set it right, if it is wrong",
			"event", "clock.ahead", "clock", k.s.opts.Now().UTC(), "expected", now.UTC())
	}
	oldest, err := k.oldest(ctx)
	dropped := 0
	for room, since := range oldest {
		age := k.s.opts.Keep.of(room)
		for more := age > 0 && since.Before(now.Add(-age)); more && err == nil; {
			var n int
			n, more, err = k.step(ctx, room, now.Add(-age))
			dropped += n
		}
	}
	if dropped > 0 {
		k.s.opts.Log.Info("messages that were too old are dropped", "event", "keep.dropped", "count", dropped)
		err = errors.Join(err, k.s.compact(ctx), k.s.giveBack(ctx))
	}
	return err
}

func (k *keeper) step(ctx context.Context, room string, before time.Time) (n int, more bool, err error) {
	begun := time.Now()
	e, err := k.s.keep(ctx, &expire{room, before})
	if err != nil {
		return 0, false, err
	}
	k.s.writer.checkpoint()
	wait(ctx, min(max(k.rest*time.Since(begun), keepRestLeast), keepRestMost))
	return len(e.Dropped), e.Message != 0, ctx.Err()
}

// oldest is when the oldest message of each room was said.
func (k *keeper) oldest(ctx context.Context) (map[string]time.Time, error) {
	oldest := make(map[string]time.Time)
	var name string
	var ms int64
	err := each(ctx, k.s.reads, `SELECT r.name, m.time FROM rooms r JOIN messages m ON m.id = (SELECT min(id) FROM messages WHERE room = r.id)`,
		[]any{&name, &ms}, func() { oldest[name] = milliseconds(ms) })
	if err != nil {
		return nil, fmt.Errorf("look for old messages: %w", err)
	}
	return oldest, nil
}

// giveBack removes from the files what was dropped, and has the file system take back the pages of the database that are free.
func (s *Store) giveBack(ctx context.Context) error {
	s.writer.scrub.journal.Store(true)
	s.writer.scrub.dropped.Store(true)
	return s.scrub(ctx)
}

// A keepClock finds out when the clock jumps ahead, as one that is set wrong does: all would be too old at once, and be gone. It goes
// on from the time of the last entry before the start.
type keepClock struct {
	at    time.Time // what the clock showed
	since time.Time // by the clock that only runs
	held  time.Time // since when it is not believed; zero where it is
}

const (
	keepAhead   = 7 * 24 * time.Hour // the clock may be, of what is expected
	keepDoubted = 24 * time.Hour     // a clock that is further ahead for so long is believed
)

// now is the time by which messages are too old; jumped says that from now on the clock is not believed. running is time.Now, whose monotonic part counts.
func (c *keepClock) now(clock, running time.Time) (now time.Time, jumped bool) {
	expected := c.at.Add(running.Sub(c.since))
	switch {
	case clock.Sub(expected) <= keepAhead, !c.held.IsZero() && running.Sub(c.held) >= keepDoubted:
		*c = keepClock{at: clock, since: running}
		return clock, false
	case c.held.IsZero():
		c.held = running
		return expected, true
	}
	return expected, false
}

// newKeeper is a keeper whose clock goes on from the last entry.
func newKeeper(s *Store, last int64) *keeper {
	at := milliseconds(last)
	if last == 0 {
		at = s.opts.Now()
	}
	return &keeper{s: s, rest: keepRest, clock: keepClock{at: at, since: time.Now()}}
}
