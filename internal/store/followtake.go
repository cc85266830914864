package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/stream"
)

// take applies entries that have come. It is called on the reading goroutine.
func (f *follower) take(ctx context.Context, entries []stream.Entry) error {
	ops, err := decodeAll(entries)
	if err != nil {
		return err
	}
	f.hear(ctx, entries)
	f.turn.Lock()
	defer f.turn.Unlock()
	for _, o := range ops {
		if _, begins := o.(*moving); begins && f.committed != nil {
			return ErrMigrating // what the hub knows is no part of it
		}
	}
	batch, lost := f.batch(entries, ops)
	last := &entries[len(entries)-1]
	began := time.Now()
	if err := f.keep(ctx, batch, lost, last); err != nil {
		return err
	}
	f.w.kept(len(entries), time.Since(began))
	f.progress(last.Seq)
	for i, w := range lost {
		it, ok := f.settle(w)
		if !ok {
			it = item{done: nobody}
		}
		batch[i] = it
	}
	before := f.w.scrub.taken.Load()
	if f.w.tookBack(batch); f.w.scrub.taken.Load() != before {
		tell(f.erase)
		tell(f.w.scrub.want)
	}
	f.hand(batch)
	f.answer()
	return nil
}

func decodeAll(entries []stream.Entry) ([]op, error) {
	ops := make([]op, len(entries))
	for i := range entries {
		var err error
		if ops[i], err = decode(entries[i].Subject, entries[i].Data); err != nil {
			return nil, fmt.Errorf("entry %d: %w", entries[i].Seq, err)
		}
	}
	return ops, nil
}

// hear waits, where entries have come of this node's appends, until the stream has said what it makes of those before them: it
// says so in their order, but not in one with the entries.
func (f *follower) hear(ctx context.Context, entries []stream.Entry) {
	var most <-chan time.Time
	for !f.heardBefore(entries) {
		if most == nil {
			t := time.NewTimer(followHear)
			defer t.Stop()
			most = t.C
		}
		select {
		case <-f.heard:
		case <-most:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (f *follower) heardBefore(entries []stream.Entry) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.first
	for i := range entries {
		n, mine := f.number(entries[i].Origin)
		for ; mine && next < n; next++ {
			if !f.waiting[next-f.first].heard() {
				return false
			}
		}
		if mine {
			next = n + 1
		}
	}
	return true
}

// keep has the tables take a batch, however long that takes: who waits for it is told after the first failure.
func (f *follower) keep(ctx context.Context, batch []item, lost map[int]waiting, last *stream.Entry) error {
	for failed := false; ; failed = true {
		err := f.w.follow(batch, last)
		if err == nil {
			return nil
		}
		if !failed {
			f.refuse(batch, lost, err)
			clear(lost)
		}
		if f.w.Err() != nil {
			return f.w.Err()
		}
		if errors.Is(err, errUnknown) {
			return err
		}
		f.turn.Unlock()
		wait(ctx, followRetry)
		f.turn.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// batch makes items of entries. Before one of this node's come those that it appended earlier and that have not come back: they
// are lost, or as good as that, since who appended them is to hear of them before. Their results come later, by their place.
func (f *follower) batch(entries []stream.Entry, ops []op) (batch []item, lost map[int]waiting) {
	select {
	case batch = <-f.spare:
	default:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		it := item{op: ops[i], done: nobody, seq: int64(e.Seq), ms: e.Time.UnixMilli()}
		if n, mine := f.number(e.Origin); mine {
			for f.first < n {
				if lost == nil {
					lost = make(map[int]waiting)
				}
				w := f.pop()
				lost[len(batch)] = w
				batch = append(batch, item{done: w.done})
			}
			w := f.pop()
			it.done, it.since = w.done, w.since
		}
		batch = append(batch, it)
	}
	return batch, lost
}

// number is that of the append which an entry comes of, where it is this node's and was not answered.
func (f *follower) number(origin string) (uint64, bool) {
	node, number, _ := strings.Cut(origin, ".")
	if node != f.node {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 64)
	return n, err == nil && n >= f.first && n < f.first+uint64(len(f.waiting))
}

// refuse answers those who wait for a batch that can't be kept now. It will be, and then nobody waits for it.
func (f *follower) refuse(batch []item, lost map[int]waiting, why error) {
	var told []item
	for i := range batch {
		it := &batch[i]
		answer := item{done: it.done, result: refuse(fmt.Errorf("%w: %w", chat.ErrUnavailable, why))}
		if w, ok := lost[i]; ok && w.err != nil {
			answer.result = refuse(w.err)
		}
		told = append(told, answer)
		it.done = nobody
	}
	f.hand(told)
}
