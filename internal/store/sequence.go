package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"parley/internal/chat"
)

// An item is one queued write and, once its batch is done, what became of it.
type item struct {
	op   op
	done func(chat.Entry, error)

	since time.Time // when it was queued, in this process; zero in a cluster where another node did

	seq, ms int64 // in a cluster: of the entry in the stream

	result result
}

// Start begins the sequencer, the applier and the tail goroutine; tail, which calls the done functions,
// is called on the latter. It is called once.
func (s *Store) Start(tail func([]chat.Outcome)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.closed {
		panic("store: Start of a store that was started or closed")
	}
	s.started = true
	// One batch is with each goroutine and one between them; as many are
	// recycled, so that a batch costs no allocation.
	committed, spare := make(chan []item, 1), make(chan []item, 3)
	sequenced := make(chan struct{})
	if s.follower != nil {
		s.follower.start(committed, spare)
	}
	scrubbing, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		defer stop()
		defer close(committed)
		defer close(sequenced)
		if s.follower != nil {
			s.follow()
		} else {
			s.sequence(committed, spare)
		}
	})
	running.Go(func() { s.writer.applier(sequenced) })
	running.Go(func() { s.writer.scrubber(scrubbing) })
	if s.opts.Keep.any() {
		keeper := newKeeper(s, s.writer.seq.ms)
		running.Go(func() { keeper.run(scrubbing) })
	}
	running.Go(func() {
		hand(committed, spare, func(outcomes []chat.Outcome) {
			tail(outcomes)
			s.beaten()
		})
	})
	go func() {
		running.Wait()
		close(s.stopped)
	}()
}

// follow follows the stream until the store is closed and all are answered.
func (s *Store) follow() {
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { s.follower.run(ctx) })
	for !s.closing() {
		<-s.ready
		s.follower.turn.Lock()
		s.follower.hand(nil) // for whoever waits for a beat
		s.follower.turn.Unlock()
	}
	s.follower.close()
	stop()
	following.Wait()
}

func (s *Store) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// sequence makes batch after batch durable until the queue is closed and empty.
func (s *Store) sequence(committed chan<- []item, spare <-chan []item) {
	for {
		s.company()
		var batch []item
		select {
		case batch = <-spare:
		default:
		}
		batch, more := s.take(batch)
		if !more {
			return
		}
		if len(batch) > 0 {
			began := time.Now()
			s.writer.keep(batch)
			now := time.Now()
			s.writer.kept(len(batch), now.Sub(began))
			s.pace.note(batch, now)
		} else if !s.asked() {
			continue
		}
		committed <- batch
	}
}

// hand gives what is durable to the tail.
func hand(committed <-chan []item, spare chan<- []item, tail func([]chat.Outcome)) {
	var outcomes []chat.Outcome
	for batch := range committed {
		outcomes = outcomes[:0]
		for i := range batch {
			r := &batch[i].result
			outcomes = append(outcomes, chat.Outcome{Entry: r.entry, Err: r.err, News: r.what == shown, Done: batch[i].done, Since: batch[i].since})
		}
		tail(outcomes)
		clear(outcomes)
		clear(batch)
		select {
		case spare <- batch[:0]:
		default:
		}
	}
}

// take takes what is waiting, up to a batch; more is false when the queue is closed and empty.
func (s *Store) take(batch []item) (_ []item, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, others := 0, 0
	for n < len(s.queue) && n < s.opts.Batch && others < batchOthers {
		if _, ok := s.queue[n].op.(*said); !ok {
			others++
		}
		n++
	}
	batch = append(batch, s.queue[:n]...)
	rest := copy(s.queue, s.queue[n:])
	clear(s.queue[rest:])
	s.queue = s.queue[:rest]
	if rest > 0 || s.closed {
		tell(s.ready)
	}
	return batch, n > 0 || !s.closed
}

// batchOthers bounds the writes of a batch that are no messages: they cost several statements each.
const batchOthers = 64

// Append implements chat.Log for what is said and done in rooms; the kinds that concern accounts come
// of the methods of auth.Store. Where e can't be queued (the queue is full,
// the store not started or closed), done is called at once by the caller's own
// goroutine, with chat.ErrUnavailable.
func (s *Store) Append(e chat.Entry, done func(chat.Entry, error)) {
	op, ok := appended[e.Kind]
	if !ok {
		done(chat.Entry{}, fmt.Errorf("store: entries of kind %d are not appended but come of account changes", e.Kind))
		return
	}
	if s.follower != nil {
		s.publish(e, done)
		return
	}
	s.submit(op(e), done)
}

// submit queues an op; done is called exactly once.
func (s *Store) submit(o op, done func(chat.Entry, error)) {
	var err error
	if s.follower == nil {
		err = s.enqueue(item{op: o, done: done, since: time.Now()})
	} else {
		var f form
		if f, err = encode(o); err == nil {
			err = s.follower.append(f, nil, done)
		}
	}
	if err != nil {
		done(chat.Entry{}, err)
	}
}

// publish is Append in a cluster.
func (s *Store) publish(e chat.Entry, done func(chat.Entry, error)) {
	var said time.Time
	var err error
	if e.Kind == chat.Gone {
		said, err = s.goneForm(&e)
	}
	var f form
	if err == nil {
		f, err = entryForm(e, said)
	}
	if err == nil {
		var key *chat.Entry
		if e.Key != "" && e.Kind == chat.Said {
			key = &e
		}
		err = s.follower.append(f, key, done)
	}
	if err != nil {
		done(chat.Entry{}, err)
	}
}

// goneForm adds to e what a node needs that never reads the message which it takes back: its key, and when it was said.
func (s *Store) goneForm(e *chat.Entry) (said time.Time, err error) {
	ctx := context.Background()
	m, ok, err := s.Message(ctx, e.Message)
	if err != nil || !ok || m.Room != e.Room {
		return time.Time{}, err
	}
	if _, err = found(s.writer.keys.of.QueryRowContext(ctx, e.Message), &e.KeyOwner, &e.Key); err != nil {
		return time.Time{}, fmt.Errorf("store: read a key: %w", err)
	}
	return m.Time, nil
}

func (s *Store) enqueue(it item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || !s.started:
		return fmt.Errorf("%w: the store is not running", chat.ErrUnavailable)
	case len(s.queue) >= s.opts.Queue:
		return fmt.Errorf("%w: %d writes are waiting", chat.ErrUnavailable, len(s.queue))
	}
	s.queue = append(s.queue, it)
	if n := len(s.queue); n == 1 || n == enough {
		tell(s.ready)
	}
	return nil
}

// keep queues an op, waits until it is durable or refused, and returns its
// entry. Where ctx ends first, the write may still be kept.
func (s *Store) keep(ctx context.Context, o op) (chat.Entry, error) {
	if err := ctx.Err(); err != nil {
		return chat.Entry{}, err
	}
	type answer struct {
		entry chat.Entry
		err   error
	}
	answered := make(chan answer, 1)
	s.submit(o, func(e chat.Entry, err error) { answered <- answer{e, err} })
	select {
	case a := <-answered:
		return a.entry, a.err
	case <-ctx.Done():
		return chat.Entry{}, ctx.Err()
	}
}

// write is keep for those who need no entry.
func (s *Store) write(ctx context.Context, o op) error {
	_, err := s.keep(ctx, o)
	return err
}

// clock gives ids and times. It belongs to the sequencer.
type clock struct {
	opts   Options
	id     int64 // of the last entry
	ms     int64 // of the last batch
	time   time.Time
	behind bool // the machine's clock is; that was told
}

// clockSlack is how far the clock may be behind the log's time before that is
// told: small steps back happen every day.
const clockSlack = time.Minute

// begin sets the time of the next batch: whole milliseconds, never before those of
// earlier ones, whatever the machine's clock does. It tells when that begins or ends to be far from that.
func (c *clock) begin() {
	now := c.opts.Now()
	c.ms = max(c.ms, now.UnixMilli())
	c.time = milliseconds(c.ms)
	behind := c.time.Sub(now) > clockSlack
	if behind == c.behind {
		return
	}
	c.behind = behind
	if behind {
		c.opts.Log.Warn("the clock is behind the log: what is said keeps the log's time until the clock is there again", "event", "clock.behind", "clock", now.UTC(), "log", c.time)
	} else {
		c.opts.Log.Info("the clock is no longer behind the log", "event", "clock.right")
	}
}
