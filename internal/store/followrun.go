package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/stream"
)

// Why a database and a stream do not go together.
var (
	// ErrSingle: the database was never part of a cluster.
	ErrSingle = errors.New("the database is a single server's: bring it into the stream with parleyd migrate, or choose an empty directory")
	// ErrMoved: the database was brought into a stream, and has nothing that is not there.
	ErrMoved = errors.New("the database was brought into a stream, where everything is now: choose an empty directory, and start with --nats")
	// ErrClustered: the database follows a stream.
	ErrClustered = errors.New("the database follows a stream: start with --nats, or choose another directory")
	// ErrReplaced: the stream does not hold what the database has of it.
	ErrReplaced = errors.New("the stream is not the one that the database follows, or was put back to an earlier state: nothing is merged; " +
		"if the stream is right, choose an empty directory, which is filled from it")
	// ErrCut: the stream has lost its beginning, or what the database still needs of it.
	ErrCut = errors.New("the stream does not go back far enough: put a copy of another node's database into the directory")
)

// openFollower opens the follower of a database, which must go with the stream.
func (w *writer) openFollower(ctx context.Context, s *stream.Stream) (*follower, error) {
	var p place
	if err := w.conn.QueryRowContext(ctx, readPlace).Scan(&p.identity, &p.seq, &p.digest); err != nil {
		return nil, err
	}
	seq, err := p.within(ctx, s, w.applied > 0 || hasJournal(w.path))
	if err != nil || s == nil {
		return nil, err
	}
	return newFollower(w, s, seq), nil
}

// place is which stream a database follows, and how far it is.
type place struct {
	identity string // "" is none
	seq      int64  // below 0: everything was brought into a stream
	digest   []byte
}

const readPlace = `SELECT stream, seq, digest FROM log`

// within is the last entry of s that the database has, or why it does not go with s, which is nil on a single machine. used says whether it has entries.
func (p place) within(ctx context.Context, s *stream.Stream, used bool) (seq int64, err error) {
	switch {
	case p.seq < 0:
		return 0, ErrMoved
	case s == nil && p.identity != "":
		return 0, ErrClustered
	case s == nil:
		return 0, nil
	case p.identity == "" && used:
		return 0, ErrSingle
	case p.identity != "" && p.identity != s.Identity():
		return 0, ErrReplaced
	}
	first, last, err := s.Ends(ctx)
	if err != nil {
		return 0, err
	}
	seq = p.seq
	fresh := seq == 0
	if fresh {
		seq = int64(s.Start()) - 1
	}
	switch {
	case first > uint64(seq)+1:
		return 0, ErrCut
	case !fresh && uint64(seq) > last:
		return 0, ErrReplaced
	case !fresh:
		e, err := s.Get(ctx, uint64(seq))
		if err == nil && !bytes.Equal(digestOf(&e), p.digest) {
			return 0, ErrReplaced
		}
		if err != nil && !errors.Is(err, stream.ErrNotFound) {
			return 0, err
		}
	}
	return seq, nil
}

// digestOf is short for an entry.
func digestOf(e *stream.Entry) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d ", e.Subject, e.Time.UnixNano())
	h.Write(e.Data)
	return h.Sum(nil)[:16]
}

// CatchUp brings the database to the stream's end, as it is when this is called; on a single machine there is nothing to do. It is called before
// State and Start. progress is told now and then how far it is.
func (s *Store) CatchUp(ctx context.Context, progress func(at, end uint64)) error {
	f := s.follower
	if f == nil {
		return nil
	}
	if err := settled(ctx, f.stream); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	_, end, err := f.stream.Ends(ctx)
	if err != nil {
		return fmt.Errorf("store: %w", notMerged(err))
	}
	told := time.Now()
	at, _ := f.at()
	if at >= end {
		return nil
	}
	progress(at, end)
	err = f.stream.Read(ctx, at+1, followMost, func(entries []stream.Entry) error {
		if err := f.take(ctx, entries); err != nil {
			return err
		}
		f.w.checkpoint()
		if at, _ = f.at(); at >= end {
			return errThere
		}
		if time.Since(told) > time.Second {
			told = time.Now()
			progress(at, end)
		}
		return nil
	})
	if !errors.Is(err, errThere) {
		return fmt.Errorf("store: %w", notMerged(err))
	}
	progress(at, end)
	return nil
}

var errThere = errors.New("at the end")

// notMerged says what the stream's errors mean to who keeps a database of it.
func notMerged(err error) error {
	switch {
	case errors.Is(err, stream.ErrReplaced):
		return ErrReplaced
	case errors.Is(err, stream.ErrTruncated):
		return ErrCut
	}
	return err
}

// start takes appends from here on; what becomes of them goes to committed.
func (f *follower) start(committed chan<- []item, spare <-chan []item) {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.committed, f.spare = committed, spare
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = true
}

// run follows the stream until ctx ends.
func (f *follower) run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { f.sender(ctx) })
	running.Go(func() {
		at, _ := f.at()
		err := f.stream.Read(ctx, at+1, followMost, func(entries []stream.Entry) error { return f.take(ctx, entries) })
		if ctx.Err() == nil {
			f.w.failAs("the stream cannot be followed", notMerged(err))
		}
	})
	running.Go(func() { f.answerer(ctx) })
	running.Go(func() { f.eraser(ctx) })
	running.Wait()
}

// answerer answers what does not come back, and has the database's own log moved into it.
func (f *follower) answerer(ctx context.Context) {
	tick := time.NewTicker(followTick)
	defer tick.Stop()
	var moved uint64
	for {
		select {
		case <-f.wake:
		case <-tick.C:
			if at, _ := f.at(); at != moved {
				moved = at
				f.w.checkpoint()
			}
		case <-ctx.Done():
			return
		}
		f.turn.Lock()
		f.answer()
		f.turn.Unlock()
	}
}

// close takes no more appends, and returns when all are answered.
func (f *follower) close() {
	f.mu.Lock()
	f.running = false
	f.mu.Unlock()
	for {
		f.mu.Lock()
		left, moved := len(f.waiting), f.moved
		f.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-moved:
		case <-time.After(followTick):
		}
	}
}

// eraseEvery is how long what came to nothing stays in the stream, where nothing is taken back meanwhile. Its
// appender reads it first, most of the time.
const eraseEvery = time.Minute

// eraser deletes in the stream what was taken back. Every node does: which one of them lives to do it does not matter.
func (f *follower) eraser(ctx context.Context) {
	tell(f.erase)
	var retry <-chan time.Time
	tick := time.NewTicker(eraseEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.erase:
		case <-tick.C:
		case <-retry:
		case <-ctx.Done():
			return
		}
		retry = nil
		if err := f.eraseStream(ctx); err != nil && ctx.Err() == nil {
			f.w.opts.Log.Warn("what was taken back is still in the stream; it is tried again", "event", "stream.unwiped", "error", err)
			retry = time.After(scrubRetry)
		}
	}
}

// eraseStream deletes in the stream what was taken back until now.
func (f *follower) eraseStream(ctx context.Context) error {
	for {
		list, err := f.w.erased(ctx)
		if len(list) == 0 || err != nil {
			return err
		}
		for _, seq := range list {
			if err := f.stream.Delete(ctx, uint64(seq)); err != nil {
				return fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
			}
		}
		if err := f.w.forgetErased(list); err != nil {
			return err
		}
	}
}

// erased are the next entries to be deleted in the stream, the last ones first: a message's repeats, from which another node would make
// it once more, go before it. The stream's last one stays: by it a stream is known that was put back to an earlier state.
func (w *writer) erased(ctx context.Context) (list []int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var seq int64
	err = each(ctx, w.conn, `SELECT seq FROM erased WHERE seq < (SELECT seq FROM log) ORDER BY seq DESC LIMIT 64`, []any{&seq}, func() { list = append(list, seq) })
	return list, err
}

func (w *writer) forgetErased(list []int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, seq := range list {
		if _, err := w.stmt.forgetErased.Exec(seq); err != nil {
			w.blame(&w.commits, err)
			return err
		}
	}
	return nil
}

// follow applies entries of the stream in one transaction, and sets their results. Items without an op are answers and no entries. What it commits
// need not be on disk: the stream has it still. An entry that the tables can't take (two tokens of one hash, say) would stop every node for good,
// and so is refused by every node.
func (w *writer) follow(batch []item, last *stream.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		bad, err := w.followOnce(batch, last)
		if bad == nil {
			return err
		}
		w.opts.Log.Error("an entry of the stream was refused by the database", "event", "entry.refused", "entry", bad.seq, "error", err)
		bad.op = err.(unfit)
	}
}

// followOnce is one try; bad is the item that can't be applied.
func (w *writer) followOnce(batch []item, last *stream.Entry) (bad *item, err error) {
	err = w.transact(normal, func(t *tx) (err error) {
		t.ms = w.seq.ms
		for i := range batch {
			it := &batch[i]
			if it.op == nil {
				continue
			}
			t.enter(it)
			if it.result, err = it.op.apply(t); err != nil {
				if unfitting(err) {
					bad, err = it, unfit{err}
				}
				return err
			}
		}
		_, err = t.writeStream.Exec(w.opts.Stream.Identity(), last.Seq, digestOf(last))
		return err
	})
	if err == nil {
		w.seq.id, w.seq.ms = w.applied, w.tx.ms
	}
	return bad, err
}

// unfit stands for an entry that can't be applied.
type unfit struct{ error }

func (u unfit) apply(*tx) (result, error) { return refuse(u.error), nil }

// enter makes it the entry that is being applied. Brought entries have ids of their own, below the stream's.
func (t *tx) enter(it *item) {
	t.seq = it.seq
	if b, ok := it.op.(interface{ place(*tx) }); ok {
		b.place(t)
		return
	}
	t.id, t.ms = it.seq, max(t.ms, it.ms)
	t.time = milliseconds(t.ms)
}
