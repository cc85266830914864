package store

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// Nothing is sure any more after an error of these kinds: an fsync that failed
// may have thrown the pages away and succeed the next time (so PostgreSQL
// found in 2018), and a damaged database only gets worse.
var fatalKinds = map[int]bool{
	codes.SQLITE_IOERR:   true,
	codes.SQLITE_CORRUPT: true,
	codes.SQLITE_NOTADB:  true,
}

// I/O errors that are a want of memory or space, and pass.
var passing = map[int]bool{
	codes.SQLITE_IOERR_NOMEM:   true,
	codes.SQLITE_IOERR_SHMSIZE: true, // the index of the write-ahead log can't grow
}

// fatal reports whether the store must stop acknowledging. Everything else, a
// full disk (SQLITE_FULL) above all, fails its batch alone.
func fatal(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && fatalKinds[e.Code()&0xff] && !passing[e.Code()]
}

// unfitting says whether an error is the data's own, and comes again wherever it is tried.
func unfitting(err error) bool {
	kind := kindOf(err)
	return kind == codes.SQLITE_CONSTRAINT || kind == codes.SQLITE_MISMATCH || kind == codes.SQLITE_ERROR
}

// kindOf is SQLite's kind of an error, 0 where it is none of SQLite's.
func kindOf(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// noRoom says of an error that the disk is full, where it says so in SQLite's way.
func noRoom(err error) error {
	if kindOf(err) == codes.SQLITE_FULL || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("there is no room on the disk for it: %w", err)
	}
	return err
}

// outageGap is how long after the last failure something must work for its
// outage to be over. On a disk that is nearly full, small writes work between
// large ones that fail, and two lines for each would fill it for good.
const outageGap = time.Second

// An outage is told once when it begins and once when it ends. It is used
// under writer.mu.
type outage struct {
	opts Options
	what string    // does not work
	last time.Time // failure; zero when there is no outage
}

func (o *outage) failed(err error) {
	if o.last.IsZero() {
		o.opts.Log.Error(o.what+" fails; it is tried again until it works", "event", "store.outage", "error", err)
	}
	o.last = o.opts.Now()
}

func (o *outage) worked() {
	if !o.last.IsZero() && o.opts.Now().Sub(o.last) >= outageGap {
		o.last = time.Time{}
		o.opts.Log.Info(o.what+" works again", "event", "store.works")
	}
}
