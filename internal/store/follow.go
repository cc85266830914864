package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
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
// Three goroutines: one reads the stream, one answers what did not come back, one deletes there what was taken back.
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
	wake    chan struct{} // told: something may be answered
	erase   chan struct{} // told: there is something to delete in the stream
	asks    chan struct{} // has a place for each question to the stream's leader

	turn      sync.Mutex    // held while entries are applied, or answers handed on; before mu
	committed chan<- []item // to the tail; nil before Start
	spare     <-chan []item
}

// waiting is an append without an answer.
type waiting struct {
	done    func(chat.Entry, error)
	since   time.Time
	key     *chat.Entry // of a Said with a key
	repeats uint64      // sequence of the entry that has its id
	err     error
}

// Bounds of a follower.
const (
	followMost    = 256             // entries in one transaction
	followPending = 5 * time.Second // after which an append that has not come back is answered
	followTick    = 250 * time.Millisecond
	followRetry   = time.Second // after a transaction that failed
	followAsks    = 8
)

func newFollower(w *writer, s *stream.Stream, applied int64) *follower {
	return &follower{
		w: w, stream: s, node: uuid.NewString(), first: 1, applied: uint64(applied), moved: make(chan struct{}),
		wake: make(chan struct{}, 1), erase: make(chan struct{}, 1), asks: make(chan struct{}, followAsks),
	}
}

// append sends an op to the stream. done is called once, by the tail.
func (f *follower) append(fm form, key *chat.Entry, done func(chat.Entry, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.running:
		return fmt.Errorf("%w: the store is not running", chat.ErrUnavailable)
	case len(f.waiting) >= f.w.opts.Queue:
		return fmt.Errorf("%w: %d writes are waiting", chat.ErrUnavailable, len(f.waiting))
	}
	n := f.first + uint64(len(f.waiting))
	f.waiting = append(f.waiting, waiting{done: done, since: f.w.opts.Now(), key: key})
	a := stream.Append{Subject: fm.subject, ID: fm.id, Expect: fm.expect, Origin: f.node + "." + strconv.FormatUint(n, 10), Data: fm.data}
	f.stream.Append(a, func(seq uint64, dup bool, err error) { f.acked(n, seq, dup, err) })
	return nil
}

// acked hears what the stream says of an append. That it was kept is not an answer yet: the entry comes back.
func (f *follower) acked(n, seq uint64, dup bool, err error) {
	if err == nil && !dup {
		return
	}
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
		w.repeats = seq
	}
	tell(f.wake)
}

// take applies entries that have come. It is called on the reading goroutine.
func (f *follower) take(ctx context.Context, entries []stream.Entry) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	batch, lost, err := f.batch(entries)
	if err != nil {
		return err
	}
	last := entries[len(entries)-1]
	began := time.Now()
	for failed := false; ; failed = true {
		if err = f.w.follow(batch, &last); err == nil {
			break
		}
		if f.w.Err() != nil {
			return f.w.Err()
		}
		if !failed {
			f.refuse(batch, lost, err)
			lost = nil
		}
		f.turn.Unlock()
		wait(ctx, followRetry)
		f.turn.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	f.w.kept(len(entries), time.Since(began))
	f.progress(last.Seq)
	for i, w := range lost {
		batch[i].result = f.resultOf(w)
	}
	if f.w.tookBack(batch); f.w.scrub.due() {
		tell(f.erase)
	}
	f.hand(batch)
	f.answer()
	return nil
}

// batch makes items of entries. Before one of this node's come those that it appended earlier and that have not come back: they
// are lost, or as good as that, since who appended them is to hear of them before. Their results come later, by their place.
func (f *follower) batch(entries []stream.Entry) (batch []item, lost map[int]waiting, err error) {
	select {
	case batch = <-f.spare:
	default:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		it := item{done: nobody, seq: int64(e.Seq), ms: e.Time.UnixMilli()}
		if it.op, err = decode(e.Subject, e.Data); err != nil {
			return nil, nil, fmt.Errorf("entry %d: %w", e.Seq, err)
		}
		if n, mine := f.number(e.Origin); mine {
			for f.first < n {
				w := f.pop()
				if w.err == nil && w.repeats == 0 {
					w.err = errLost
				}
				if lost == nil {
					lost = make(map[int]waiting)
				}
				lost[len(batch)] = w
				batch = append(batch, item{done: w.done})
			}
			w := f.pop()
			it.done, it.since = w.done, w.since
		}
		batch = append(batch, it)
	}
	return batch, lost, nil
}

var errLost = fmt.Errorf("%w: it was lost on its way to the stream", chat.ErrUnavailable)

func nobody(chat.Entry, error) {}

// number is that of the append which an entry comes of, where it is this node's and was not answered.
func (f *follower) number(origin string) (uint64, bool) {
	node, number, _ := strings.Cut(origin, ".")
	if node != f.node {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 64)
	return n, err == nil && n >= f.first && n < f.first+uint64(len(f.waiting))
}

// pop takes the append that has waited longest. Under mu.
func (f *follower) pop() waiting {
	w := f.waiting[0]
	f.waiting[0] = waiting{}
	f.waiting = f.waiting[1:]
	f.first++
	return w
}

// resultOf is what became of an append that has not come back.
func (f *follower) resultOf(w waiting) result {
	if w.err != nil {
		return refuse(w.err)
	}
	e := *w.key
	first, err := f.w.firstWith(&e)
	if err == nil && first.id == 0 {
		err = errors.New("the first one with its key was refused")
	}
	if err != nil {
		return refuse(fmt.Errorf("%w: %w", chat.ErrUnavailable, err))
	}
	e.ID, e.Time = first.id, milliseconds(first.ms)
	return result{what: repeated, entry: e}
}

// refuse answers those who wait for a batch that can't be kept now. It will be, and then nobody waits for it.
func (f *follower) refuse(batch []item, lost map[int]waiting, why error) {
	var told []item
	for i := range batch {
		it := &batch[i]
		r := refuse(fmt.Errorf("%w: %w", chat.ErrUnavailable, why))
		if w, ok := lost[i]; ok {
			r = f.resultOf(w)
		}
		told = append(told, item{done: it.done, result: r})
		it.done = nobody
	}
	f.hand(told)
}

// answer answers the appends that have waited longest, as far as they will not come back. Under turn.
func (f *follower) answer() {
	f.mu.Lock()
	var due []waiting
	for len(f.waiting) > 0 {
		w := &f.waiting[0]
		late := f.w.opts.Now().Sub(w.since) >= followPending
		there := w.repeats != 0 && w.repeats <= f.applied
		if w.err == nil && !there && !late {
			break
		}
		if w.err == nil && !there {
			w.err = fmt.Errorf("%w: the stream is out of reach", chat.ErrUnavailable)
		}
		due = append(due, f.pop())
	}
	f.mu.Unlock()
	if len(due) == 0 {
		return
	}
	batch := make([]item, len(due))
	for i, w := range due {
		batch[i] = item{done: w.done, result: f.resultOf(w)}
	}
	f.hand(batch)
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
