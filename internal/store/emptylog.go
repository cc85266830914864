package store

import (
	"context"
	"fmt"
	"time"
)

// emptyLog moves the write-ahead log into the database and empties its file. A reader that looks at an old state keeps
// it from that; then it is tried again and again, until ctx ends. then is called when it is empty, before anything is written again.
func (w *writer) emptyLog(ctx context.Context, then func() error) error {
	begun, told := time.Now(), false
	for wait := scrubWaitLeast; ; wait = min(2*wait, scrubWaitMost) {
		emptied, err := w.tryEmptyLog(wait, then)
		if emptied || err != nil {
			return err
		}
		if !told && time.Since(begun) > scrubTell {
			told = true
			w.opts.Log.Warn("a reader of the database keeps what was taken back in the database's log", "event", "store.read", "for", time.Since(begun).Round(time.Second))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryEmptyLog waits this long for readers, while no write can bring more.
func (w *writer) tryEmptyLog(wait time.Duration, then func() error) (emptied bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Err() != nil {
		return false, w.Err()
	}
	defer func() {
		if err != nil {
			w.blame(&w.checkpoints, err)
		}
	}()
	// Readers that begin after this one has moved everything read the database's file alone.
	if _, _, err := w.walCheckpoint(w.stmt.checkpointPassive); err != nil {
		return false, err
	}
	if err := w.patience(wait); err != nil {
		return false, err
	}
	busy, err := w.truncateLog()
	if err := w.patience(busyWait); err != nil {
		return false, err
	}
	if busy || err != nil {
		return false, err
	}
	if err := then(); err != nil {
		return false, err
	}
	w.scrubs.worked()
	w.checkpoints.worked()
	return true, nil
}

// truncateLog empties the write-ahead log, unless a reader keeps it from that.
func (w *writer) truncateLog() (busy bool, err error) {
	if err := w.noteLog(); err != nil {
		return false, err
	}
	var pages, moved int
	err = w.stmt.checkpointTruncate.QueryRow().Scan(&busy, &pages, &moved)
	return busy, err
}

// busyWait is how long the connection waits for others.
const busyWait = time.Second

func (w *writer) patience(wait time.Duration) error {
	_, err := w.conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA busy_timeout = %d", wait.Milliseconds()))
	return err
}
