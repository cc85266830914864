package store

import (
	"context"
	"errors"
	"os"
)

// wipe is an op that changes nothing and has the sequencer wipe the journal, where that failed before.
type wipe struct{}

func (wipe) apply(*tx) (result, error) { return result{what: repeated}, nil }

// tookBack is called on the sequencer when a batch is durable in the database. Where something was taken back, the
// journal has begun anew, but its file may hold the text still.
func (w *writer) tookBack(batch []item) {
	due := false
	for i := range batch {
		switch batch[i].op.(type) {
		case *gone:
			if r := batch[i].result; r.kept() {
				w.scrub.taken.Store(r.entry.ID)
				due = true
			}
		case wipe:
			if w.journal == nil {
				w.retryJournal() // wipes it
			}
			due = true
		}
	}
	if !due || w.journal == nil {
		return
	}
	if err := w.wipeJournal(w.journal); err != nil && !errors.Is(err, errNotWritten) {
		w.fail(err)
	}
}

func (w *writer) wipeJournal(j *journal) error {
	err := j.wipe()
	w.scrub.journal.Store(err != nil)
	if errors.Is(err, errNotWritten) {
		w.opts.Log.Warn("what was taken back is still in the journal: it is wiped with the next that is taken back, or at the next start", "event", "journal.unwiped", "error", err)
	}
	return err
}

// wipe overwrites what older records have left behind the last one with zeros, and returns when that is durable.
func (j *journal) wipe() error {
	zeroes := make([]byte, min(1<<20, max(0, j.used-j.end)))
	if len(zeroes) == 0 {
		return nil
	}
	for at := j.end; at < j.used; at += int64(len(zeroes)) {
		if _, err := j.file.WriteAt(zeroes[:min(int64(len(zeroes)), j.used-at)], at); err != nil {
			return notWritten(err)
		}
	}
	// Rare enough for a sync by a thread that waits.
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.used = j.end
	return nil
}

// readScrub reads what the process before this one has left to be scrubbed.
func (w *writer) readScrub(ctx context.Context) error {
	var unscrubbed bool
	if err := w.conn.QueryRowContext(ctx, `SELECT unscrubbed, wide FROM log`).Scan(&unscrubbed, &w.wide); err != nil {
		return err
	}
	w.scrub.all = true
	w.scrub.reopened.Store(unscrubbed)
	return nil
}

// scrubLog empties a write-ahead log that a stop which was not clean has left: whoever took something back then
// may have been answered, or not.
func (w *writer) scrubLog() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	busy, err := w.truncateLog()
	if busy || err != nil {
		w.scrub.reopened.Store(true)
	}
	if err == nil {
		return nil
	}
	w.blame(&w.checkpoints, err)
	if w.Err() != nil {
		return err
	}
	return nil
}

// scrubLast leaves nothing behind at a clean stop. Where that fails, the next start goes on.
func (w *writer) scrubLast() {
	if w.scrub.due() && w.scrubStale(context.Background()) != nil {
		return
	}
	if _, err := w.stmt.unmarkErased.Exec(); err != nil {
		w.blame(&w.scrubs, err)
	}
}

// hasLog says whether there is a write-ahead log with something in it.
func hasLog(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0
}
