package client

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// StateDir is where token files are: $XDG_STATE_HOME/parley, or ~/.local/state/parley (XDG Base Directory Specification).
func StateDir() (string, error) { return baseDir("XDG_STATE_HOME", ".local", "state") }

// ConfigDir is where people keep what the client is to know: $XDG_CONFIG_HOME/parley, or ~/.config/parley (the same specification).
func ConfigDir() (string, error) { return baseDir("XDG_CONFIG_HOME", ".config") }

// baseDir is parley's folder in the one that variable names, which the specification wants absolute, or else in this one of the home directory.
func baseDir(variable string, otherwise ...string) (string, error) {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "parley"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, filepath.Join(otherwise...), "parley"), nil
}

// ErrLocked: another process has the lock.
var ErrLocked = errors.New("another process uses it at the moment")

// LockFile takes the lock beside the file at path, which is a file of its own (path with ".lock"), since the other is replaced whenever it changes.
// The kernel lifts it when it is closed, or the process dies. ErrLocked: another process has it; LockFile does not wait.
func LockFile(path string) (*os.File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return lock, nil
}

// ReplaceFile gives the file at path, which need not be there, this content and the mode 0600: whole or not at all, also when the machine fails.
func ReplaceFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
