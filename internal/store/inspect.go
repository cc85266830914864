package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley/internal/stream"
)

// maxFaults is how many of a damaged database's faults are told.
const maxFaults = 5

// Inspection is what can be said of a database without opening it for use, also while a server has it.
type Inspection struct {
	Version, Newest int       // its own; the newest that this program knows. An older one is brought up to date at the next start
	Faults          []string  // of SQLite's quick check, the first few; and what its version has and it lacks. Where there are any, the rest is not told
	LastID          int64     // of the log
	LastTime        time.Time // of the log; the zero time where it is empty

	place place
	used  bool
}

// Inspect reads the database in dir, which must exist, and changes nothing. It reads all of it: about a second for a gigabyte, in which what is
// taken back cannot be removed from a running server's files.
func Inspect(ctx context.Context, dir string) (_ *Inspection, err error) {
	path, err := filepath.Abs(filepath.Join(dir, "parley.db"))
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: %w", path, fs.ErrInvalid)
	}
	db, err := sql.Open("sqlite", dsn(path, "mode=ro", "query_only(1)", "busy_timeout(5000)"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	version, files, err := readVersion(ctx, db)
	if err == nil && version == 0 {
		err = errForeign
	}
	if errors.Is(err, errForeign) {
		err = fmt.Errorf("parley.db: %w: move it away, or choose another directory", err)
	}
	if err != nil {
		return nil, err
	}
	i := &Inspection{Version: version, Newest: len(files)}
	if i.Faults, err = quickCheck(ctx, db); err != nil {
		return nil, err
	}
	lacking, err := lacks(ctx, db, files[:version])
	if err != nil {
		return nil, err
	}
	for _, name := range lacking {
		i.Faults = append(i.Faults, "it lacks "+name)
	}
	if len(i.Faults) > 0 {
		return i, nil
	}
	if err := i.readLog(ctx, db, path); err != nil {
		return nil, err
	}
	return i, nil
}

func quickCheck(ctx context.Context, db *sql.DB) (faults []string, err error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`PRAGMA quick_check(%d)`, maxFaults))
	if err != nil {
		return nil, fmt.Errorf("check the database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var said string
		if err := rows.Scan(&said); err != nil {
			return nil, err
		}
		if said != "ok" {
			faults = append(faults, said)
		}
	}
	return faults, rows.Err()
}

// streamVersion is the database's first with a place in a stream.
const streamVersion = 5

func (i *Inspection) readLog(ctx context.Context, db *sql.DB, path string) error {
	var ms int64
	if err := db.QueryRowContext(ctx, `SELECT last_id, last_time FROM log`).Scan(&i.LastID, &ms); err != nil {
		return fmt.Errorf("read the log's end: %w", err)
	}
	if ms > 0 {
		i.LastTime = time.UnixMilli(ms)
	}
	i.used = i.LastID > 0 || hasJournal(path)
	if i.Version < streamVersion {
		return nil
	}
	return db.QueryRowContext(ctx, readPlace).Scan(&i.place.identity, &i.place.seq, &i.place.digest)
}

// GoesWith says why a server with this database would not start with the stream, as [Open] does; nil is a single machine's.
func (i *Inspection) GoesWith(ctx context.Context, s *stream.Stream) error {
	_, err := i.place.within(ctx, s, i.used)
	return err
}
