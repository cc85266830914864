package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
)

// A scrubber removes from the files what was taken back. When an entry of kind Gone is durable, the tables and the
// journal have nothing of the text any more (gone, writer.tookBack). Left are copies: in the database's
// pages, where SQLite has moved or freed something, and in the write-ahead log. One goroutine
// removes them, for all who wait at once, and goes on though they do not.
type scrubber struct {
	want chan struct{} // told: there is something to do

	mu   sync.Mutex
	next *scrubRun // that begins after now; nil where nobody waits for it

	taken, clean atomic.Int64 // the last entry that took something back; up to which nothing is left
	journal      atomic.Bool  // the journal may hold what was taken back
	reopened     atomic.Bool  // what the process before this one left behind is to be removed
	dropped      atomic.Bool  // so is what was too old, and its room to be given back; see keep.go

	// What follows is guarded by writer.mu.
	all   bool    // any page may have something left behind; else
	stale pageSet // these may
	noted int64   // how far into the write-ahead log its pages are in stale
	salts [8]byte // of that write-ahead log
}

type scrubRun struct {
	done chan struct{}
	err  error
}

const (
	scrubPages = 256 // looked at in one transaction
	scrubRetry = 10 * time.Second
	// How long writes of the database wait for its readers, so that the write-ahead log can be emptied; each time
	// twice as long, and for as long they do not.
	scrubWaitLeast = 4 * time.Millisecond
	scrubWaitMost  = 256 * time.Millisecond
	scrubTell      = 10 * time.Second // a reader holds it up for longer than this: that is logged
)

// Scrub implements chat.Log.
func (s *Store) Scrub(ctx context.Context) error {
	if err := s.scrub(ctx); err != nil || s.follower == nil {
		return err
	}
	return s.follower.eraseStream(ctx)
}

func (s *Store) scrub(ctx context.Context) error {
	w := s.writer
	if !w.scrub.due() {
		return nil
	}
	if !s.running() {
		return fmt.Errorf("%w: the store is not running", chat.ErrUnavailable)
	}
	if w.scrub.journal.Load() {
		if err := s.write(ctx, wipe{}); err != nil {
			return err
		}
		if w.scrub.journal.Load() {
			return fmt.Errorf("%w: what was taken back is still in the journal", chat.ErrUnavailable)
		}
	}
	w.scrub.mu.Lock()
	run := w.scrub.next
	if run == nil {
		run = &scrubRun{done: make(chan struct{})}
		w.scrub.next = run
	}
	w.scrub.mu.Unlock()
	tell(w.scrub.want)
	select {
	case <-run.done:
		return run.err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return fmt.Errorf("%w: the store is not running", chat.ErrUnavailable)
	}
}

func (s *Store) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started && !s.closed
}

func (s *scrubber) due() bool {
	return s.taken.Load() > s.clean.Load() || s.journal.Load() || s.reopened.Load() || s.dropped.Load()
}

// scrubber removes what was taken back whenever there is something. It runs until ctx ends.
func (w *writer) scrubber(ctx context.Context) {
	if w.scrub.due() {
		tell(w.scrub.want)
	}
	var retry <-chan time.Time
	for {
		select {
		case <-w.scrub.want:
		case <-retry:
		case <-ctx.Done():
			return
		}
		w.scrub.mu.Lock()
		run := w.scrub.next
		w.scrub.next = nil
		w.scrub.mu.Unlock()
		err := w.scrubFiles(ctx)
		if run != nil {
			run.err = err
			close(run.done)
		}
		if retry = nil; err != nil && w.Err() == nil {
			retry = time.After(scrubRetry)
		}
	}
}

// scrubFiles removes what is left in the database's files of what was taken back until now.
func (w *writer) scrubFiles(ctx context.Context) error {
	s := &w.scrub
	upTo, dropped := s.taken.Load(), s.dropped.Load()
	if !s.due() {
		return nil
	}
	err := w.scrubStale(ctx)
	if err == nil {
		err = w.emptyLog(ctx, func() error { return nil })
	}
	if err == nil && dropped {
		err = w.giveBack(ctx)
	}
	if err == nil {
		err = removeCopies(w.path, "") // which have it still
	}
	if err != nil {
		return fmt.Errorf("%w: what was taken back is not out of the files yet: %w", chat.ErrUnavailable, err)
	}
	s.clean.Store(upTo)
	s.reopened.Store(false)
	s.dropped.CompareAndSwap(dropped, false)
	return nil
}

// scrubStale cleans the pages that may have something left behind, some at a time.
func (w *writer) scrubStale(ctx context.Context) error {
	todo, err := w.stalePages()
	for err == nil && ctx.Err() == nil {
		some := todo.take(nil, scrubPages)
		if len(some) == 0 {
			return nil
		}
		var wrote bool
		if wrote, err = w.scrubSome(some); wrote {
			w.checkpoint()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scrub.all = true // some were not looked at
	return errors.Join(err, ctx.Err())
}

// stalePages returns the pages that may have something left behind; those changed from here on are
// noted for the next time.
func (w *writer) stalePages() (todo pageSet, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.scrub
	if err := w.noteLog(); err != nil {
		w.blame(&w.scrubs, err)
		return nil, err
	}
	if !s.all {
		todo, s.stale = s.stale, nil
		return todo, nil
	}
	var n uint32
	if err := w.stmt.countPages.QueryRow().Scan(&n); err != nil {
		w.blame(&w.scrubs, err)
		return nil, err
	}
	for i := range n {
		todo.add(i + 1)
	}
	s.all = false
	return todo, nil
}

// noteLog notes which pages the write-ahead log has changed since the last time. Without that, a checkpoint would
// move them out of sight. Frames that count for nothing, from a transaction that failed, may be among them.
func (w *writer) noteLog() error {
	s := &w.scrub
	if s.all {
		return nil
	}
	f, err := os.Open(w.path + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	const headerSize, frameHeader = 32, 24
	var header [headerSize]byte
	if _, err := f.ReadAt(header[:], 0); err != nil {
		return unlessEnd(err) // it is empty
	}
	if salts := [8]byte(header[16:]); salts != s.salts {
		s.salts, s.noted = salts, 0
	}
	var frame [frameHeader]byte
	for {
		_, err := f.ReadAt(frame[:], headerSize+s.noted*(frameHeader+pageSize))
		if err != nil || [8]byte(frame[8:]) != s.salts {
			return unlessEnd(err)
		}
		s.stale.add(binary.BigEndian.Uint32(frame[:]))
		s.noted++
	}
}

func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// scrubSome cleans these pages in a transaction.
func (w *writer) scrubSome(list []uint32) (wrote bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Err() != nil {
		return false, w.Err()
	}
	defer func() {
		if err != nil {
			w.blame(&w.scrubs, err)
		}
	}()
	if err = w.promise(normal); err != nil { // the checkpoint makes it durable
		return false, err
	}
	if _, err = w.stmt.begin.Exec(); err != nil {
		return false, err
	}
	defer func() {
		if err != nil || !wrote {
			w.stmt.rollback.Exec()
		}
	}()
	pages, err := w.pages(list)
	if err != nil {
		return false, err
	}
	free, err := freePages(w.page)
	if err != nil {
		return false, err
	}
	for n, page := range pages {
		stale := false
		if from, ok := free[n]; ok {
			stale = zero(page[from:])
		} else {
			stale = cleanPage(page, n)
		}
		if !stale {
			continue
		}
		if _, err = w.stmt.writePage.Exec(page, n); err != nil {
			return false, err
		}
		wrote = true
	}
	if wrote {
		_, err = w.stmt.commit.Exec()
	}
	return wrote, err
}

func (w *writer) page(n uint32) ([]byte, error) {
	pages, err := w.pages([]uint32{n})
	if err == nil && pages[n] == nil {
		err = fmt.Errorf("the database has no page %d", n)
	}
	return pages[n], err
}

// pages reads pages as they are now.
func (w *writer) pages(list []uint32) (map[uint32][]byte, error) {
	numbers, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	rows, err := w.stmt.readPages.Query(string(numbers))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	pages := make(map[uint32][]byte, len(list))
	for rows.Next() {
		var n uint32
		var page []byte
		if err := rows.Scan(&n, &page); err != nil {
			return nil, err
		}
		if len(page) != pageSize {
			return nil, fmt.Errorf("pages of %d bytes", len(page))
		}
		pages[n] = page
	}
	return pages, errorsOf(rows)
}
