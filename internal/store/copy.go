package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
)

// How a database is copied while others write to it: from one state of it, so many pages at a time, and then
// for as long as these took nothing at all. What was written is made durable as it goes, so that the last sync is short.
const (
	copyPages = 256
	copySync  = 16 // times copyPages
)

// copyDatabase makes a copy of the database at path, as it is now, in the place of the file to, where it is durable and its owner's
// alone. A file that is there is replaced only where that is asked for, and anything else that is there (a device, a link) never. What fails leaves nothing.
func copyDatabase(ctx context.Context, path, to string, replace bool) (err error) {
	switch info, err := os.Lstat(to); {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file, and a backup takes the place of nothing else: choose another name", to)
	case err == nil && !replace:
		return fmt.Errorf("%s: %w", to, os.ErrExist)
	}
	dir := filepath.Dir(to)
	part, err := os.CreateTemp(dir, filepath.Base(to)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		// SQLite is done with it: closing a file takes this process's locks on it away.
		part.Close()
		if err != nil {
			os.Remove(part.Name())
		}
	}()
	if err := copyPaced(ctx, path, part); err != nil {
		return fmt.Errorf("copy the database to %s: %w", to, noRoom(err))
	}
	if err := settleCopy(ctx, part.Name()); err != nil {
		return fmt.Errorf("copy the database to %s: %w", to, noRoom(err))
	}
	if err := part.Sync(); err != nil {
		return err
	}
	if err := placeFile(part.Name(), to, replace); err != nil {
		return err
	}
	return syncDir(dir)
}

// placeFile gives a file its name.
func placeFile(from, to string, replace bool) error {
	if replace {
		return os.Rename(from, to)
	}
	if err := os.Link(from, to); err != nil { // unlike Rename, it replaces nothing
		return err
	}
	return os.Remove(from)
}

// copyPaced copies one state of the database. It is held by a transaction: without one, each write of others would have
// it begin again.
func copyPaced(ctx context.Context, path string, part *os.File) error {
	db, err := sql.Open("sqlite", dsn(path, "mode=ro", "query_only(1)", "busy_timeout(5000)"))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, begin := range []string{`BEGIN`, `SELECT count(*) FROM sqlite_schema`} {
		if _, err := conn.ExecContext(ctx, begin); err != nil {
			return err
		}
	}
	defer conn.ExecContext(context.Background(), `ROLLBACK`)
	return conn.Raw(func(driver any) error {
		from, ok := driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver makes no backups")
		}
		b, err := from.NewBackup(dsn(part.Name(), "mode=rw", "journal_mode(OFF)", "synchronous(OFF)"))
		if err != nil {
			return err
		}
		return errors.Join(stepAll(ctx, b, part), b.Finish())
	})
}

func stepAll(ctx context.Context, b *sqlite.Backup, part *os.File) error {
	for n := 1; ; n++ {
		begun := time.Now()
		more, err := b.Step(copyPages)
		if err == nil && n%copySync == 0 {
			err = part.Sync()
		}
		if err != nil || !more {
			return err
		}
		wait(ctx, time.Since(begun))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// settleCopy makes the copy one file, that needs no other to be read.
func settleCopy(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path, "mode=rw", "locking_mode(EXCLUSIVE)"))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var mode string
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode); err != nil {
		return err
	}
	return db.Close()
}
