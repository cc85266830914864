package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// Settle returns when everything that was acknowledged before it was called is in the database's file or write-ahead log, where
// other processes see it.
func (s *Store) Settle(context.Context) error {
	if err := s.writer.applyAll(normal); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// Settled calls do while no process has the database in dir open, and everything that was acknowledged is in it. It fails with
// ErrLocked where one has.
func Settled(ctx context.Context, dir string, log *slog.Logger, do func() error) error {
	lock, err := lockDir(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer lock.Close()
	path, err := databasePath(dir)
	if err != nil {
		return err
	}
	if hasJournal(path) {
		w, err := openWriter(ctx, path, Options{Log: log}.withDefaults())
		if err == nil {
			err = w.close()
		}
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	return do()
}

func databasePath(dir string) (string, error) { return filepath.Abs(filepath.Join(dir, "parley.db")) }

// Backup copies the database in dir, which this or another process may write to meanwhile, to a file. What Settle has seen to is in
// it. The file is durable when it has its name, and its owner's alone. One that is there is replaced only where
// that is asked for; it cannot be in dir.
func Backup(ctx context.Context, dir, file string, replace bool) error {
	path, err := databasePath(dir)
	if err != nil {
		return err
	}
	if file, err = filepath.Abs(file); err != nil {
		return err
	}
	in, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return err
	}
	data, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if os.SameFile(in, data) {
		return errors.New("a backup beside what it is a backup of is none, and could take its place: choose a file in another directory")
	}
	return copyDatabase(ctx, path, file, replace)
}
