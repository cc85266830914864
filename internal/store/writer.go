package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"parley/internal/chat"
)

// A writer has the connection that writes and the journal. Two goroutines use it: the sequencer
// gives each write its place and makes it durable, the applier brings the backlog into the database.
type writer struct {
	opts     Options
	db       *sql.DB
	path     string
	file     *os.File // the database's, for giveBack. Closing it would take SQLite's locks away: it is closed last
	identity int64    // of the database, which its journal bears
	journal  *journal // the sequencer's; nil where there was no room for it
	backlog  *backlog
	pending  []chat.Entry // of the batch that is being made durable; the sequencer's
	seq      clock        // the sequencer's
	lookup   *sql.DB      // the sequencer's connection that only reads
	keys     keyQueries
	retry    time.Time    // when to try again to make a journal
	lagging  atomic.Bool  // the last commit failed
	recorded atomic.Int64 // bytes of the journal that are in use
	scrub    scrubber
	wide     int64 // up to this message blocks may span wideSpan ids

	mu                   sync.Mutex // guards what follows
	conn                 *sql.Conn
	stmt                 statements
	tx                   tx
	level                durability // of the connection
	applied              int64      // id of the last entry in the database
	scrubs               outage
	commits, checkpoints outage
	tried                int // pages in the write-ahead log at the last checkpoint

	failure sync.Once
	failed  chan struct{} // closed after err is set
	err     error
}

// durability is what a commit promises: SQLite's synchronous.
type durability string

const (
	full   durability = "FULL"   // it is on disk, with all before it
	normal durability = "NORMAL" // it is there whole or not at all; the journal has it still
)

func openWriter(ctx context.Context, path string, opts Options) (_ *writer, err error) {
	w := &writer{opts: opts, path: path, backlog: newBacklog(), level: full, failed: make(chan struct{})}
	w.commits = outage{opts: opts, what: "writing to the database"}
	w.checkpoints = outage{opts: opts, what: "moving the database's log into it"}
	w.scrubs = outage{opts: opts, what: "removing from the files what was taken back"}
	w.scrub.want = make(chan struct{}, 1)
	left := hasLog(path)
	if w.file, err = openPrivate(path); err != nil {
		return nil, err
	}
	w.db, err = sql.Open("sqlite", dsn(path, "mode=rw&_txlock=immediate", "busy_timeout(1000)", "journal_mode(WAL)",
		"synchronous(FULL)", "foreign_keys(1)", "wal_autocheckpoint(0)", "temp_store(MEMORY)", "cache_size(-32768)", "secure_delete(1)"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.db.Close()
			w.file.Close()
		}
	}()
	w.db.SetMaxOpenConns(1)
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return nil, err
	}
	if err = migrate(ctx, w.conn, path, opts.Log); err != nil {
		return nil, err
	}
	if _, err = w.conn.ExecContext(ctx, inMemory); err != nil {
		return nil, err
	}
	if err = prepare(ctx, w.conn, w.stmt.table()); err != nil {
		return nil, err
	}
	if err = w.readScrub(ctx); err != nil {
		return nil, err
	}
	w.tx = tx{statements: &w.stmt, conn: w.conn, tokensKept: opts.Tokens, said: make(counts)}
	if err = w.stmt.readCounter.QueryRowContext(ctx).Scan(&w.applied, &w.seq.ms, &w.identity, &w.tx.countedAt); err != nil {
		return nil, err
	}
	if w.tx.unsaid, _, err = countSince(ctx, w.conn, w.tx.countedAt); err != nil {
		return nil, err
	}
	w.seq.opts, w.seq.id = opts, w.applied
	if w.lookup, err = openReaders(ctx, path, 1, w.keys.table()); err != nil {
		return nil, err
	}
	w.retry = opts.Now().Add(journalRetry)
	if opts.Stream == nil { // which has what the database has not
		err = w.openJournal()
	}
	if errors.Is(err, unix.ENOSPC) {
		opts.Log.Warn("there is no room on the disk for the journal, and messages are kept more slowly until there is", "event", "journal.full", "error", err)
	} else if err != nil {
		return nil, errors.Join(err, w.lookup.Close())
	}
	if left {
		if err = w.scrubLog(); err != nil {
			return nil, errors.Join(err, w.lookup.Close())
		}
	}
	return w, nil
}

// openJournal opens the journal, and first brings what only it has into the database.
func (w *writer) openJournal() error {
	j, err := openJournal(filepath.Join(filepath.Dir(w.path), journalName), w.identity)
	if err != nil {
		return err
	}
	list, err := j.read(w.applied)
	if err == nil && len(list) > 0 {
		w.opts.Log.Info("bringing messages from the journal into the database", "event", "journal.replayed", "count", len(list))
		w.backlog.add(list)
		last := list[len(list)-1]
		w.seq.id, w.seq.ms = last.ID, max(w.seq.ms, last.Time.UnixMilli())
		for i := range list {
			w.backlog.take(&list[i])
		}
		// On a full disk they stay where they are, and can be read.
		if err = w.applyAll(full); err != nil && w.Err() == nil {
			w.journal = j
			return nil
		}
	}
	if err == nil {
		j.restart()
		err = w.wipeJournal(j)
	}
	if err == nil {
		err = j.grow(w.opts.JournalBytes)
	}
	if err == nil {
		err = syncDir(filepath.Dir(w.path))
	}
	if err == nil {
		w.journal = j
		return nil
	}
	return errors.Join(err, j.close())
}

// retryJournal tries once more to have a journal; until there is one, each batch takes a transaction of the database.
func (w *writer) retryJournal() {
	w.retry = w.opts.Now().Add(journalRetry)
	if err := w.openJournal(); err != nil {
		w.opts.Log.Warn("the journal cannot be made, and messages are kept more slowly until it can", "event", "journal.missing", "error", err)
	}
}

// journalRetry is how long after there was no room for a journal it is tried again.
const journalRetry = time.Minute

// close brings the rest into the database, which then has everything, and needs no
// journal any more. Both goroutines have ended.
func (w *writer) close() error {
	var err error
	if w.Err() == nil {
		if err = w.applyAll(full); err == nil {
			err = w.closeCounts()
		}
	}
	if err == nil && w.journal != nil && w.Err() == nil {
		err = w.settle()
	}
	if err == nil && w.Err() == nil {
		w.scrubLast()
		if _, _, err := w.walCheckpoint(w.stmt.checkpointTruncate); err != nil {
			w.blame(&w.checkpoints, err)
		}
	}
	if w.Err() != nil {
		return w.Err() // see Store.release
	}
	if w.journal != nil {
		if err == nil {
			err = w.journal.remove()
		} else {
			err = errors.Join(err, w.journal.close())
		}
	}
	return errors.Join(err, w.lookup.Close(), w.conn.Close(), w.db.Close(), w.file.Close())
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

// blame records an error of the database or the journal: for good, or as an outage.
func (w *writer) blame(o *outage, err error) {
	if fatal(err) {
		w.fail(err)
	} else {
		o.failed(err)
	}
}

// fail ends all acknowledging.
func (w *writer) fail(err error) { w.failAs("the disk or the database failed", err) }

func (w *writer) failAs(what string, err error) {
	w.failure.Do(func() {
		w.err = fmt.Errorf("store: %s, nothing can be acknowledged any more: %w", what, err)
		w.opts.Log.Error("the store has failed: nothing is acknowledged any more", "event", "store.failed", "error", err)
		close(w.failed)
	})
}

// keep makes a batch durable and sets the items' results. When that fails,
// nothing of the batch was kept.
func (w *writer) keep(batch []item) {
	if w.journal == nil && !w.opts.Now().Before(w.retry) {
		w.retryJournal()
	}
	err := w.Err()
	switch {
	case err != nil:
	case w.fits(batch):
		err = w.record(batch)
	default:
		if err = w.commit(batch); err == nil {
			w.tookBack(batch)
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

// fits says whether the journal can make the batch durable: there are only messages,
// with room for them, and the database does not lag or fail.
func (w *writer) fits(batch []item) bool {
	if w.journal == nil || w.lagging.Load() || len(w.backlog.view())+len(batch) > backlogMax {
		return false
	}
	room := w.journal.room()
	for i := range batch {
		said, ok := batch[i].op.(*said)
		if !ok {
			return false
		}
		if room -= need(&said.Entry); room < 0 {
			return false
		}
	}
	return true
}

// record makes a batch of messages durable in the journal.
func (w *writer) record(batch []item) error {
	w.seq.begin()
	w.pending = w.pending[:0]
	for i := range batch {
		e := batch[i].op.(*said).Entry
		first, err := w.firstWith(&e)
		if err != nil {
			batch[i].result = refuse(fmt.Errorf("%w: %w", chat.ErrUnavailable, err))
			continue
		}
		if first.id != 0 {
			e.ID, e.Time = first.id, milliseconds(first.ms)
			batch[i].result = result{what: repeated, entry: e}
			continue
		}
		w.seq.id++
		e.ID, e.Time = w.seq.id, w.seq.time
		w.journal.add(&e)
		w.backlog.take(&e)
		w.pending = append(w.pending, e)
		batch[i].result = result{what: shown, entry: e}
	}
	err := w.journal.sync()
	switch {
	case err == nil:
		w.backlog.add(w.pending)
	case errors.Is(err, errNotWritten):
		w.seq.id -= int64(len(w.pending))
		w.backlog.untake(w.pending)
		err = w.commit(batch)
	default:
		w.fail(err)
	}
	clear(w.pending)
	return err
}

// firstWith returns the message that has e's key, if there is one.
func (w *writer) firstWith(e *chat.Entry) (first keyed, err error) {
	if e.Key == "" {
		return keyed{}, nil
	}
	// In this order: what has left the backlog is in the database.
	first, ok := w.backlog.key(e)
	if !ok {
		ok, err = found(w.keys.find.QueryRow(e.KeyOwner, e.Room, e.Key), &first.id, &first.ms)
	}
	if !ok || first.ms <= w.seq.ms-keyLife.Milliseconds() {
		return keyed{}, err
	}
	return first, nil
}

// commit makes a batch durable by a transaction of the database, after the whole
// backlog. Then the journal has nothing that the database has not, for good; unless the batch
// kept nothing, so that nothing was committed, and what the applier committed before may not be on disk yet.
func (w *writer) commit(batch []item) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq.begin()
	before := w.applied
	if err := w.apply(w.backlog.view(), batch, full); err != nil {
		return err
	}
	if w.applied == before {
		return nil
	}
	w.seq.id = w.applied
	if w.journal != nil {
		w.journal.restart()
	}
	return nil
}
