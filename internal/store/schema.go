package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
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

// migrate brings the database up to date, each step in a transaction of its own.
func migrate(ctx context.Context, conn *sql.Conn) error {
	var version, application, tables int
	err := conn.QueryRowContext(ctx, `SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_user_version, pragma_application_id`).Scan(&version, &application, &tables)
	if err != nil {
		return fmt.Errorf("read the database's version: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	if application != applicationID && tables > 0 {
		return errors.New("parley.db is not a database of this program: move it away, or choose another directory")
	}
	if version > len(files) {
		return fmt.Errorf("the database has version %d, this program knows up to %d: it was %w; use that one",
			version, len(files), ErrNewer)
	}
	for n := version + 1; n <= len(files); n++ {
		if err := migrateTo(ctx, conn, n, files[n-1]); err != nil {
			return fmt.Errorf("bring the database to version %d: %w", n, err)
		}
	}
	return nil
}

func migrateTo(ctx context.Context, conn *sql.Conn, version int, file string) error {
	script, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, string(script)); err != nil {
		return err
	}
	if fill := fills[version]; fill != nil {
		if err := fill(ctx, tx); err != nil {
			return err
		}
	}
	// Pragmas take no parameters.
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version))
	if err != nil {
		return err
	}
	return tx.Commit()
}
