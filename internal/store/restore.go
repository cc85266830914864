package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	codes "modernc.org/sqlite/lib"
)

// Restored says what a database is that was put back.
type Restored struct {
	Last      time.Time // of the last entry that it has
	Clustered bool      // it follows a stream, from which it fetches what it lacks
}

// idsAhead is how far above the backup's the ids of a restored database begin, and for each millisecond since one more: clients may
// know messages that were said after the backup was made, and must not take new ones for them.
const idsAhead = 1 << 20

// Restore makes the database in dir, which must be empty or missing, from a backup. It refuses what is no whole database of this
// program, or has been given triggers or views, or is a later version's (ErrNewer). A database of a single machine goes on with ids that nobody has seen, and without
// resume tokens: one that was used up after the backup was made would be good again.
func Restore(ctx context.Context, file, dir string) (r Restored, err error) {
	lock, err := lockDir(dir)
	if err != nil {
		return r, fmt.Errorf("store: %w", err)
	}
	defer lock.Close()
	names, err := os.ReadDir(dir)
	if err != nil {
		return r, err
	}
	for _, n := range names {
		if n.Name() != filepath.Base(lock.Name()) {
			return r, fmt.Errorf("%s is not empty: it has %s; choose an empty directory", dir, n.Name())
		}
	}
	path, err := databasePath(dir)
	if err != nil {
		return r, err
	}
	part := path + ".part"
	defer func() {
		if err != nil {
			for _, end := range []string{"", "-journal", "-wal", "-shm"} {
				os.Remove(part + end)
			}
		}
	}()
	if err := copyFile(file, part); err != nil {
		return r, err
	}
	r, err = openRestored(ctx, part)
	switch kind := kindOf(err); {
	case kind == codes.SQLITE_NOTADB:
		err = errForeign
	case kind == codes.SQLITE_CORRUPT:
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	if err := placeFile(part, path, false); err != nil {
		return r, err
	}
	return r, syncDir(dir)
}

// copyFile copies a backup to a new file, byte by byte but for pages of zeros, for which no room is taken.
func copyFile(from, to string) (err error) {
	if hasLog(from) {
		return fmt.Errorf("%s-wal is beside it: that is no backup, but the database of a server that runs or was killed; make one with parleyd backup", from)
	}
	in, err := os.OpenFile(from, os.O_RDONLY|unix.O_NONBLOCK, 0) // nobody may ever write to a pipe
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", from)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	page := make([]byte, pageSize)
	for {
		n, err := io.ReadFull(in, page)
		if n == pageSize && [pageSize]byte(page) == zeroes {
			_, err = out.Seek(pageSize, io.SeekCurrent)
		} else if n > 0 {
			if _, wrote := out.Write(page[:n]); wrote != nil {
				return wrote
			}
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return errors.Join(out.Truncate(info.Size()), out.Sync())
		case err != nil:
			return err
		}
	}
}

// openRestored looks whether a copy is a whole database that this program can serve, and makes it one of its own.
func openRestored(ctx context.Context, path string) (r Restored, err error) {
	db, err := sql.Open("sqlite", dsn(path, "mode=rw", "journal_mode(DELETE)", "synchronous(FULL)", "secure_delete(1)"))
	if err != nil {
		return r, err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return r, err
	}
	defer conn.Close()
	version, files, err := readVersion(ctx, conn)
	if err != nil {
		return r, err
	}
	if version == 0 {
		return r, errForeign
	}
	// A trigger would go on doing what whoever has touched the file wants.
	var odd string
	if is, err := found(conn.QueryRowContext(ctx, `SELECT type || ' ' || name FROM sqlite_schema WHERE type NOT IN ('table', 'index')`), &odd); err != nil || is {
		return r, errors.Join(err, fmt.Errorf("%w: it has the %q", errForeign, odd))
	}
	var report string
	if err := conn.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&report); err != nil || report != "ok" {
		return r, errors.Join(err, fmt.Errorf("%w: %s", errDamaged, report))
	}
	if lacking, err := lacks(ctx, conn, files[:version]); err != nil || len(lacking) > 0 {
		return r, errors.Join(err, fmt.Errorf("%w: it lacks %s", errDamaged, strings.Join(lacking, ", ")))
	}
	var last, seq int64
	var stream string
	query := `SELECT last_time, '', 0 FROM log`
	if version >= streamVersion {
		query = `SELECT last_time, stream, seq FROM log`
	}
	if err := conn.QueryRowContext(ctx, query).Scan(&last, &stream, &seq); err != nil {
		return r, err
	}
	r.Last, r.Clustered = milliseconds(last), stream != ""
	switch {
	case seq < 0:
		return r, ErrMoved
	case r.Clustered:
		return r, nil
	}
	ahead := idsAhead + max(0, time.Since(r.Last).Milliseconds())
	_, err = conn.ExecContext(ctx, `BEGIN; DELETE FROM tokens; UPDATE log SET last_id = last_id + ?; COMMIT`, ahead)
	return r, err
}

var errDamaged = errors.New("the backup is damaged, and nothing was restored")
