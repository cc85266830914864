package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"parley/internal/chat"
)

// An item is one queued write and, once its batch is done, what became of it.
type item struct {
	op   op
	done func(chat.Entry, error)

	result result
}

// A writer owns the connection that writes. After openWriter, all of it but
// failed and Err belongs to the writer goroutine (to Close, before Start and
// after the goroutine's end).
type writer struct {
	opts Options
	db   *sql.DB
	conn *sql.Conn
	stmt statements
	tx   tx

	commits, checkpoints outage
	behind               bool // the clock is; that was told
	tried                int  // pages in the write-ahead log at the last checkpoint

	failed chan struct{} // closed after err is set
	err    error
}

func openWriter(ctx context.Context, path string, opts Options) (_ *writer, err error) {
	w := &writer{opts: opts, failed: make(chan struct{})}
	w.commits = outage{opts: opts, what: "writing to the database"}
	w.checkpoints = outage{opts: opts, what: "moving the database's log into it"}
	w.db, err = sql.Open("sqlite", dsn(path, "mode=rw&_txlock=immediate", "busy_timeout(1000)", "journal_mode(WAL)",
		"synchronous(FULL)", "foreign_keys(1)", "wal_autocheckpoint(0)", "temp_store(MEMORY)", "cache_size(-32768)"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.db.Close()
		}
	}()
	w.db.SetMaxOpenConns(1)
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return nil, err
	}
	if err = migrate(ctx, w.conn); err != nil {
		return nil, err
	}
	if err = prepare(ctx, w.conn, w.stmt.table()); err != nil {
		return nil, err
	}
	w.tx = tx{statements: &w.stmt, tokensKept: opts.Tokens}
	if err = w.stmt.readCounter.QueryRowContext(ctx).Scan(&w.tx.id, &w.tx.ms); err != nil {
		return nil, err
	}
	return w, nil
}

// close empties the write-ahead log and closes the connection.
func (w *writer) close() error {
	if _, _, err := w.walCheckpoint(w.stmt.checkpointTruncate); err != nil {
		w.blame(&w.checkpoints, err)
	}
	if w.Err() != nil {
		return w.Err() // see Store.release
	}
	return errors.Join(w.conn.Close(), w.db.Close())
}

// Err returns why failed is closed, or nil.
func (w *writer) Err() error {
	select {
	case <-w.failed:
		return w.err
	default:
		return nil
	}
}

// blame records an error of the database: for good, or as an outage.
func (w *writer) blame(o *outage, err error) {
	if !fatal(err) {
		o.failed(err)
		return
	}
	if w.Err() == nil {
		w.err = fmt.Errorf("store: the disk or the database failed, nothing can be acknowledged any more: %w", err)
		w.opts.Log.Error("the store has failed: nothing is acknowledged any more", "error", err)
		close(w.failed)
	}
}

// Start begins the writer and the tail goroutine; tail, which calls the done functions,
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
	go func() {
		defer close(committed)
		for first := range s.queue {
			batch := s.gather(first, spare)
			s.writer.commit(batch)
			committed <- batch
			s.writer.checkpoint()
		}
	}()
	go func() {
		defer close(s.stopped)
		var outcomes []chat.Outcome
		for batch := range committed {
			outcomes = outcomes[:0]
			for _, it := range batch {
				outcomes = append(outcomes, chat.Outcome{Entry: it.result.entry, Err: it.result.err, News: it.result.what == shown, Done: it.done})
			}
			tail(outcomes)
			clear(outcomes)
			clear(batch)
			select {
			case spare <- batch[:0]:
			default:
			}
		}
	}()
}

// gather takes what is waiting, up to a batch, and waits for nothing: a lone write is not held up.
func (s *Store) gather(first item, spare <-chan []item) (batch []item) {
	select {
	case batch = <-spare:
	default:
	}
	batch = append(batch, first)
	for len(batch) < s.opts.Batch {
		select {
		case it, ok := <-s.queue:
			if !ok {
				return batch
			}
			batch = append(batch, it)
		default:
			return batch
		}
	}
	return batch
}

// commit applies a batch in one transaction and sets the items' results. When
// that fails, nothing of the batch was kept.
func (w *writer) commit(batch []item) {
	err := w.Err()
	if err == nil {
		if err = w.apply(batch); err != nil {
			w.blame(&w.commits, err)
		}
	}
	if err == nil {
		return
	}
	err = fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	for i := range batch {
		batch[i].result = result{what: refused, err: err}
	}
}

func (w *writer) apply(batch []item) (err error) {
	t := &w.tx
	id := t.id
	w.begin(w.opts.Now())
	if _, err = w.stmt.begin.Exec(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// SQLite may have rolled back by itself; then this one fails, rightly.
			w.stmt.rollback.Exec()
			t.id = id
			clear(t.rooms) // some may have been made in this transaction
		}
	}()
	for i := range batch {
		t.id++
		batch[i].result, err = batch[i].op.apply(t)
		if err != nil {
			return err
		}
		if !batch[i].result.kept() {
			t.id--
		}
	}
	if t.id == id {
		_, err = w.stmt.rollback.Exec() // nothing was kept, so there is nothing to wait for
		return err
	}
	if err = t.purge(); err != nil {
		return err
	}
	if _, err = w.stmt.writeCounter.Exec(t.id, t.ms); err != nil {
		return err
	}
	if _, err = w.stmt.commit.Exec(); err != nil {
		return err
	}
	w.commits.worked()
	return nil
}

// walCheckpoint runs a checkpoint statement and returns how many pages the
// write-ahead log has and how many of them were moved. Being kept from it by a
// reader is no error.
func (w *writer) walCheckpoint(how *sql.Stmt) (pages, moved int, err error) {
	var busy int
	err = how.QueryRow().Scan(&busy, &pages, &moved)
	return pages, moved, err
}

// Append implements chat.Log for Said, Joined and Left; the other kinds come
// of the methods of auth.Store. Where e can't be queued (the queue is full,
// the store not started or closed), done is called at once by the caller's own
// goroutine, with chat.ErrUnavailable.
func (s *Store) Append(e chat.Entry, done func(chat.Entry, error)) {
	op, ok := appended[e.Kind]
	if !ok {
		done(chat.Entry{}, fmt.Errorf("store: entries of kind %d are not appended but come of account changes", e.Kind))
		return
	}
	s.submit(op(e), done)
}

// submit queues an op; done is called exactly once.
func (s *Store) submit(o op, done func(chat.Entry, error)) {
	if err := s.enqueue(item{op: o, done: done}); err != nil {
		done(chat.Entry{}, err)
	}
}

func (s *Store) enqueue(it item) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed || !s.started {
		return fmt.Errorf("%w: the store is not running", chat.ErrUnavailable)
	}
	select {
	case s.queue <- it:
		return nil
	default:
		return fmt.Errorf("%w: %d writes are waiting", chat.ErrUnavailable, cap(s.queue))
	}
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

// begin sets the time of the next transaction: whole milliseconds, never
// before those of earlier ones, whatever the clock does.
func (t *tx) begin(now time.Time) {
	t.now = now.UnixMilli()
	t.ms = max(t.ms, t.now)
	t.time = time.UnixMilli(t.ms).UTC()
	t.keys, t.tokens = 0, 0
}

// clockSlack is how far the clock may be behind the log's time before that is
// told: small steps back happen every day.
const clockSlack = time.Minute

// begin sets the next transaction's time, and tells when that begins or ends
// to be far from the clock's.
func (w *writer) begin(now time.Time) {
	w.tx.begin(now)
	behind := w.tx.time.Sub(now) > clockSlack
	if behind == w.behind {
		return
	}
	w.behind = behind
	if behind {
		w.opts.Log.Warn("the clock is behind the log: what is said keeps the log's time until the clock is there again", "clock", now.UTC(), "log", w.tx.time)
	} else {
		w.opts.Log.Info("the clock is no longer behind the log")
	}
}
