package store

import "database/sql"

// truncateFactor times Options.CheckpointPages is a log that readers have kept
// from starting over for long: it is then emptied, waiting for them briefly.
const truncateFactor = 4

// checkpoint moves the write-ahead log into the database when enough of it has
// gathered. SQLite would do so by itself after a commit, but ignores every
// error then, a failed fsync included.
func (w *writer) checkpoint() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Err() != nil {
		return
	}
	pages, moved, err := w.walCheckpoint(w.stmt.checkpointNoop)
	if err != nil {
		w.blame(&w.checkpoints, err)
		return
	}
	// A reader that looks at an old state makes the log stay: the next try is
	// worth it when as much again has come, or the log has started over.
	due := pages < w.tried || pages >= w.tried+w.opts.CheckpointPages
	if pages-moved < w.opts.CheckpointPages || !due {
		return
	}
	how := w.stmt.checkpointPassive
	if pages >= truncateFactor*w.opts.CheckpointPages {
		how = w.stmt.checkpointTruncate
	}
	w.tried = pages
	if err := w.noteLog(); err != nil {
		w.blame(&w.checkpoints, err)
		return
	}
	if _, _, err := w.walCheckpoint(how); err != nil {
		w.blame(&w.checkpoints, err)
		return
	}
	w.checkpoints.worked()
}

// walCheckpoint runs a checkpoint statement and returns how many pages the
// write-ahead log has and how many of them were moved. Being kept from it by a
// reader is no error.
func (w *writer) walCheckpoint(how *sql.Stmt) (pages, moved int, err error) {
	var busy int
	err = how.QueryRow().Scan(&busy, &pages, &moved)
	return pages, moved, err
}
