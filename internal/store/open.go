package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/stream"
)

// ErrLocked: another process has the directory open.
var ErrLocked = errors.New("in use by another process")

// Options are the bounds of a Store. The zero value of each field stands for its default.
type Options struct {
	Queue   int // writes that may wait; beyond it they fail at once: 8192
	Batch   int // writes in one transaction: 1024
	Readers int // read-only connections, and so reads at the same time: 4
	Tokens  int // spent tokens kept for one account, and as many unspent: 100

	// AuthReaders are the read-only connections for the account or token of who
	// signs in, which then need not wait for what others search: 2.
	AuthReaders int

	// CheckpointPages is how many 4 KiB pages of the write-ahead log may wait
	// to be moved into the database: 4000, that is 16 MB. At 4 times this the log file is
	// emptied as soon as no reader needs it.
	CheckpointPages int

	// JournalBytes is the size of the journal. It is allocated at once: 8 MiB.
	JournalBytes int64

	// Stream orders the log in a cluster. nil: this process does, alone.
	Stream *stream.Stream

	// Keep is how long messages are kept. In a cluster everything is (ErrKeepCluster).
	Keep Keep

	// Kept is told how many entries were made durable at once, or in a cluster brought into the tables, and how long that took. It is called
	// by one goroutine at a time, which waits for it; nil: nobody wants to know.
	Kept func(entries int, took time.Duration)

	Now func() time.Time // the clock: time.Now
	Log *slog.Logger     // told about outages: slog.Default()
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Queue, 8192}, {&o.Batch, 1024}, {&o.Readers, 4}, {&o.AuthReaders, 2}, {&o.Tokens, 100}, {&o.CheckpointPages, 4000}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.JournalBytes <= 0 {
		o.JournalBytes = 8 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Store is an open database. All methods may be called from any goroutine,
// except that the tail and the done functions, which run on the tail
// goroutine, must not call one that waits for a write.
type Store struct {
	opts     Options
	lock     *os.File
	writer   *writer
	follower *follower // in a cluster

	reads     *sql.DB
	query     queries
	authReads *sql.DB
	authQuery authQueries

	mu      sync.Mutex // guards started, closed, queue and beat
	started bool
	closed  bool
	queue   []item
	beat    chan struct{} // closed at the next batch; nil where nobody waits for it
	ready   chan struct{} // told when there is something in queue, when there is enough, when a beat is asked for, and when it closes
	pace    pace
	stopped chan struct{} // closed when all goroutines have returned
}

var (
	_ chat.Log   = (*Store)(nil)
	_ auth.Store = (*Store)(nil)
)

// Open opens the database in dir, making both where missing (the directory
// with mode 0700, files with 0600), and brings an older one up to date; in a cluster it must go with the
// stream (ErrSingle, ErrReplaced, ErrCut). It
// refuses a directory that everybody may write to, and a symbolic link for a file. It
// fails with ErrLocked while another process has it open, and with ErrNewer
// where a later version of this program wrote it. Writes begin with Start.
func Open(ctx context.Context, dir string, opts Options) (_ *Store, err error) {
	if opts.Keep.any() && opts.Stream != nil {
		return nil, fmt.Errorf("store: %w", ErrKeepCluster)
	}
	s := &Store{opts: opts.withDefaults(), ready: make(chan struct{}, 1), stopped: make(chan struct{})}
	if s.lock, err = lockDir(dir); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("store: %w", err), s.release())
		}
	}()
	path, err := filepath.Abs(filepath.Join(dir, "parley.db"))
	if err != nil {
		return nil, err
	}
	// SQLite gives its other files the mode of this one, whatever the umask.
	f, err := openPrivate(path)
	if err != nil {
		return nil, err
	}
	if err = f.Close(); err != nil {
		return nil, err
	}
	// What is acknowledged later is of no use without the file's name.
	if err = syncDir(dir); err != nil {
		return nil, err
	}
	if s.writer, err = openWriter(ctx, path, s.opts); err != nil {
		return nil, err
	}
	if s.follower, err = s.writer.openFollower(ctx, s.opts.Stream); err != nil {
		return nil, err
	}
	if s.reads, err = openReaders(ctx, path, s.opts.Readers, s.query.table()); err != nil {
		return nil, err
	}
	if s.authReads, err = openReaders(ctx, path, s.opts.AuthReaders, s.authQuery.table()); err != nil {
		return nil, err
	}
	return s, nil
}

// openReaders opens a pool of up to n connections that only read, and prepares the table on it.
func openReaders(ctx context.Context, path string, n int, table []prepared) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, "mode=ro", "query_only(1)", "busy_timeout(5000)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	if err := prepare(ctx, db, table); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Exists says whether dir holds a database.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "parley.db"))
	return err == nil
}

// lockDir makes dir and takes its lock, which ends with the file or the process.
func lockDir(dir string) (*os.File, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	f, err := openPrivate(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%s is %w: stop that one first, or choose another directory", dir, ErrLocked)
	} else if err != nil {
		err = fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// makeDir makes dir with mode 0700. The mode of one that is there is its
// owner's business, as every file in it is private anyway; but where everybody
// may write, anybody could put files of theirs in the place of these.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.Mode()&0o002 != 0:
		return fmt.Errorf("everybody may write to %s, and so could replace what is kept there: run chmod o-w on it, or choose another directory", dir)
	case err == nil || !errors.Is(err, os.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(filepath.Clean(dir)))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// openPrivate opens or makes a file that is the owner's alone. It follows no
// link: what that leads to is not the store's to write to, or to change the mode of.
func openPrivate(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, which is not followed: put the file itself there, or choose another directory", path)
	}
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// dsn names the database at an absolute path. Each pragma is run when a
// connection opens, in this order.
func dsn(path, mode string, pragmas ...string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: mode}
	for _, p := range pragmas {
		u.RawQuery += "&_pragma=" + url.QueryEscape(p)
	}
	return u.String()
}

// Failed is closed when the disk failed in a way after which nothing can be
// acknowledged any more (a failed fsync, say). The process should then end:
// what was acknowledged is there when the next one opens the database.
func (s *Store) Failed() <-chan struct{} { return s.writer.failed }

// Err returns why Failed is closed, or nil.
func (s *Store) Err() error { return s.writer.Err() }

// Close commits and answers what is queued, waits for both goroutines, closes
// the database and releases the lock. Later writes are answered
// chat.ErrUnavailable. It returns Err where the store has failed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	tell(s.ready)
	started := s.started
	s.mu.Unlock()
	if started {
		<-s.stopped
	}
	return s.release()
}

// release closes what Open opened, as far as it came.
func (s *Store) release() error {
	if s.writer != nil && s.writer.Err() != nil {
		// Closing the last connection would make SQLite move its log into the
		// database and delete it, on a disk whose fsync can't be believed.
		// Everything stays open, and the lock held, until the process ends.
		return s.writer.Err()
	}
	var errs []error
	for _, db := range []*sql.DB{s.reads, s.authReads} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.writer != nil && s.writer.Err() != nil {
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, s.lock.Close())...)
}
