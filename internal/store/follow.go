package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/stream"
)

// A follower has a stream order the log: every write becomes an entry of it, and the tables follow its entries, those of other
// nodes as well, one after another. What becomes of an op depends on the tables and the entry alone, so that all nodes
// come to the same. Who appended an op is answered when its entry has come back.
//
// Four goroutines: one sends to the stream, one reads it, one answers what did not come back, one deletes there what was taken back.
type follower struct {
	w      *writer
	stream *stream.Stream
	node   string // marks this process's appends in the stream

	mu      sync.Mutex    // guards what follows
	running bool          // takes appends
	waiting []waiting     // appends without an answer, in their order
	first   uint64        // number of waiting[0]
	moved   chan struct{} // closed when applied grows
	applied uint64        // sequence of the last entry that the tables have
	sent    uint64        // number of the next that goes to the stream
	send    chan struct{} // told: there is something to send
	heard   chan struct{} // told: the stream has said something of an append
	wake    chan struct{} // told: something may be answered
	erase   chan struct{} // told: there is something to delete in the stream
	asks    chan struct{} // has a place for each question to the stream's leader

	turn      sync.Mutex    // held while entries are applied, or answers handed on; before mu
	committed chan<- []item // to the tail; nil before Start
	spare     <-chan []item
}

// waiting is an append without an answer.
type waiting struct {
	done  func(chat.Entry, error)
	since time.Time
	out   stream.Append
	key   *chat.Entry // of a Said with a key
	kept  uint64      // sequence of the entry that it is, or that has its id
	err   error       // why it is none
}

// heard says whether the stream has said what it makes of it.
func (w *waiting) heard() bool { return w.kept != 0 || w.err != nil }

// Bounds of a follower.
const (
	followMost    = 256                     // entries in one transaction
	followPending = 4500 * time.Millisecond // after which an append that has not come back is answered
	followTick    = 250 * time.Millisecond
	followRetry   = time.Second // after a transaction that failed
	followHear    = time.Second // how long entries wait for what the stream says of earlier appends
	followAsks    = 8
)

func newFollower(w *writer, s *stream.Stream, applied int64) *follower {
	w.tx.start = int64(s.Start())
	return &follower{
		w: w, stream: s, node: uuid.NewString(), first: 1, sent: 1, applied: uint64(applied), moved: make(chan struct{}),
		send: make(chan struct{}, 1), heard: make(chan struct{}, 1), wake: make(chan struct{}, 1), erase: make(chan struct{}, 1),
		asks: make(chan struct{}, followAsks),
	}
}

// append queues an op for the stream. done is called once, by the tail.
func (f *follower) append(fm form, key *chat.Entry, done func(chat.Entry, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.running || f.w.Err() != nil:
		return fmt.Errorf("%w: the store is not running", chat.ErrUnavailable)
	case f.w.lagging.Load():
		return fmt.Errorf("%w: the database cannot be written", chat.ErrUnavailable)
	case len(f.waiting) >= f.w.opts.Queue:
		return fmt.Errorf("%w: %d writes are waiting", chat.ErrUnavailable, len(f.waiting))
	}
	f.queue(waiting{done: done, since: time.Now(), key: key}, fm)
	return nil
}

// queue has it sent. Under mu.
func (f *follower) queue(w waiting, fm form) {
	origin := f.node + "." + strconv.FormatUint(f.first+uint64(len(f.waiting)), 10)
	w.out = stream.Append{Subject: fm.subject, ID: fm.id, Expect: fm.expect, Origin: origin, Data: fm.data}
	f.waiting = append(f.waiting, w)
	tell(f.send)
}

// sender sends what is queued, until ctx ends: the stream may have it wait, and calls acked from a goroutine of its own.
func (f *follower) sender(ctx context.Context) {
	for {
		n, a, ok := f.toSend()
		if ok {
			f.stream.Append(a, func(seq uint64, _ bool, err error) { f.acked(n, seq, err) })
			continue
		}
		select {
		case <-f.send:
		case <-ctx.Done():
			return
		}
	}
}

// toSend is the next that was not sent; what was answered already is passed over.
func (f *follower) toSend() (n uint64, a stream.Append, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = max(f.sent, f.first)
	n = f.sent
	if n == f.first+uint64(len(f.waiting)) {
		return 0, stream.Append{}, false
	}
	f.sent++
	w := &f.waiting[n-f.first]
	a, w.out = w.out, stream.Append{}
	return n, a, true
}

// acked hears what the stream says of an append, in the order of appends. That it was kept is not an answer yet: the entry comes back.
func (f *follower) acked(n, seq uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < f.first {
		return
	}
	w := &f.waiting[n-f.first]
	switch {
	case errors.Is(err, stream.ErrConflict):
		w.err = auth.ErrConflict
	case err != nil:
		w.err = fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	default:
		w.kept = seq
	}
	tell(f.heard)
	if w.kept <= f.applied {
		tell(f.wake)
	}
}

var errLost = fmt.Errorf("%w: it was lost on its way to the stream", chat.ErrUnavailable)

func nobody(chat.Entry, error) {}

// pop takes the append that has waited longest. Under mu.
func (f *follower) pop() waiting {
	w := f.waiting[0]
	f.waiting[0] = waiting{}
	f.waiting = f.waiting[1:]
	f.first++
	return w
}

// settle makes an item of an append that does not come back; not ok where it goes to the stream once more. Under turn.
func (f *follower) settle(w waiting) (it item, ok bool) {
	it = item{done: w.done}
	switch {
	case w.err != nil:
		it.result = refuse(w.err)
	case w.kept == 0 || w.key == nil:
		it.result = refuse(errLost)
	default:
		e := *w.key
		first, err := f.w.firstWith(&e)
		if err == nil && first.id == 0 {
			if f.again(w) {
				return item{}, false
			}
			err = errors.New("the first one with its key was refused")
		}
		if err != nil {
			it.result = refuse(fmt.Errorf("%w: %w", chat.ErrUnavailable, err))
			break
		}
		e.ID, e.Time = first.id, milliseconds(first.ms)
		it.result = result{what: repeated, entry: e}
	}
	return it, true
}

// again sends a message whose first try became none, under an id that no longer stands for that one. It is behind those
// that were sent meanwhile then.
func (f *follower) again(w waiting) bool {
	fm, err := entryForm(*w.key, time.Time{})
	if err != nil || time.Since(w.since) >= followPending {
		return false
	}
	fm.id += "." + strconv.FormatUint(w.kept, 36)
	w.kept = 0
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue(w, fm)
	return true
}

// answer answers the appends that have waited longest, as far as they will not come back. Under turn.
func (f *follower) answer() {
	f.mu.Lock()
	var due []waiting
	for len(f.waiting) > 0 {
		w := &f.waiting[0]
		there := w.kept != 0 && w.kept <= f.applied
		switch {
		case w.err != nil || there:
		case f.w.Err() != nil:
			w.err = fmt.Errorf("%w: %w", chat.ErrUnavailable, f.w.Err())
		case time.Since(w.since) >= followPending:
			w.err = fmt.Errorf("%w: the stream is out of reach", chat.ErrUnavailable)
		}
		if w.err == nil && !there {
			break
		}
		due = append(due, f.pop())
	}
	f.mu.Unlock()
	var batch []item
	for _, w := range due {
		if it, ok := f.settle(w); ok {
			batch = append(batch, it)
		}
	}
	if len(batch) > 0 {
		f.hand(batch)
	}
}

func (f *follower) hand(batch []item) {
	if f.committed != nil {
		f.committed <- batch
	}
}

// progress notes up to which entry the tables are.
func (f *follower) progress(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied = seq
	close(f.moved)
	f.moved = make(chan struct{})
}

func (f *follower) at() (seq uint64, moved <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied, f.moved
}

// reach waits until the tables have all up to an entry.
func (f *follower) reach(ctx context.Context, seq uint64) error {
	for {
		at, moved := f.at()
		if at >= seq {
			return nil
		}
		select {
		case <-moved:
		case <-f.w.failed:
			return f.w.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sync waits until the tables have what the stream had when it was called, followPending at the most.
func (f *follower) sync(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, followPending)
	defer stop()
	select {
	case f.asks <- struct{}{}:
		defer func() { <-f.asks }()
	case <-ctx.Done():
		return fmt.Errorf("%w: too many ask for the stream's end", chat.ErrUnavailable)
	}
	_, last, err := f.stream.Ends(ctx)
	if err == nil {
		err = f.reach(ctx, last)
	}
	if err != nil {
		return fmt.Errorf("%w: the stream's end: %w", chat.ErrUnavailable, err)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
