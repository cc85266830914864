package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNewer: the database was written by a later version of the program.
var ErrNewer = errors.New("made by a newer version of this program")

// applicationID marks a database as this program's (PRAGMA application_id): "parl".
const applicationID = 0x7061726c

// The migrations, in the order of their names. The nth brings a database of
// version n-1 (PRAGMA user_version) to n. One that was released never changes.
//
//go:embed migrations/*.sql
var migrations embed.FS

// fills are what a migration does that SQL cannot, after its script.
var fills = map[int]func(context.Context, *sql.Tx) error{3: countAll}

var errForeign = errors.New("it is not a database of this program")

// readVersion reads the version of a database, 0 where it is empty, and which migrations there are. It refuses one that this program
// cannot serve.
func readVersion(ctx context.Context, on interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (version int, files []string, err error) {
	var application, tables int
	err = on.QueryRowContext(ctx, `SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_user_version, pragma_application_id`).Scan(&version, &application, &tables)
	if err != nil {
		return 0, nil, fmt.Errorf("read the database's version: %w", err)
	}
	if files, err = fs.Glob(migrations, "migrations/*.sql"); err != nil {
		return 0, nil, err
	}
	if application != applicationID && tables > 0 {
		return 0, nil, errForeign
	}
	if version > len(files) {
		return 0, nil, fmt.Errorf("the database has version %d, this program knows up to %d: it was %w; use that one",
			version, len(files), ErrNewer)
	}
	return version, files, nil
}

// migrate brings the database up to date, in one transaction: it is as it was, or new. Before that it makes a copy of an old one beside it,
// with which the program before this one can go on.
func migrate(ctx context.Context, conn *sql.Conn, path string, log *slog.Logger) error {
	version, files, err := readVersion(ctx, conn)
	if errors.Is(err, errForeign) {
		return fmt.Errorf("parley.db: %w: move it away, or choose another directory", err)
	}
	if err != nil || version == len(files) {
		return err
	}
	if version > 0 {
		copied := fmt.Sprintf("%s.v%d", path, version)
		log.Info("bringing the database to a new version; a copy is made first", "event", "database.upgrade", "version", version, "newest", len(files), "copy", copied)
		if err := keepCopy(ctx, path, copied); err != nil {
			return fmt.Errorf("the database has version %d, and is brought to %d only when there is a copy of it: %w", version, len(files), err)
		}
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for n := version + 1; n <= len(files); n++ {
		if err := migrateTo(ctx, tx, n, files[n-1]); err != nil {
			return fmt.Errorf("bring the database to version %d: %w", n, noRoom(err))
		}
	}
	// Pragmas take no parameters.
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(files)))
	if err == nil {
		err = tx.Commit()
	}
	return noRoom(err)
}

func migrateTo(ctx context.Context, tx *sql.Tx, version int, file string) error {
	script, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(script)); err != nil {
		return err
	}
	if fill := fills[version]; fill != nil {
		return fill(ctx, tx)
	}
	return nil
}

// lacks are the tables, columns and indexes that these migrations make and a database has not, as one that was mended by hand may be.
func lacks(ctx context.Context, db querier, files []string) (names []string, err error) {
	model, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	model.SetMaxOpenConns(1) // each has a memory of its own
	tx, err := model.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	for n, file := range files {
		if err := migrateTo(ctx, tx, n+1, file); err != nil {
			return nil, err
		}
	}
	want, err := shape(ctx, tx)
	if err != nil {
		return nil, err
	}
	has, err := shape(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read the database's tables: %w", err)
	}
	for _, name := range want {
		if !slices.Contains(has, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// shape is the names of a database's tables and indexes, and of the columns of those.
func shape(ctx context.Context, db querier) (names []string, err error) {
	var name string
	err = each(ctx, db, `SELECT 'the ' || type || ' ' || name FROM sqlite_schema UNION ALL
		SELECT 'the column ' || t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'`,
		[]any{&name}, func() { names = append(names, name) })
	return names, err
}

// keepCopy copies the database, and removes the copies of older versions.
func keepCopy(ctx context.Context, path, to string) error {
	if err := copyDatabase(ctx, path, to, true); err != nil {
		return err
	}
	return removeCopies(path, to)
}

// removeCopies removes the copies of older versions, and what was left of making them, but for one.
func removeCopies(path, but string) error {
	names, err := os.ReadDir(filepath.Dir(path))
	for _, n := range names {
		name := filepath.Join(filepath.Dir(path), n.Name())
		if strings.HasPrefix(name, path+".v") && name != but {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}
