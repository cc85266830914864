package client

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrTokenInUse: another process signs in with this token, or may. It is not to be used here.
var ErrTokenInUse = errors.New("another process uses it at the moment")

// TokenFile keeps the resume token of one account at one server. Whoever has it open holds a lock for as long, which the kernel
// lifts when the process dies: no two processes ever use one token, and a killed one leaves its token to the next.
type TokenFile struct {
	path string
	lock *os.File
}

// StateDir is where token files are: $XDG_STATE_HOME/parley, or ~/.local/state/parley (XDG Base Directory Specification).
func StateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "parley"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "parley"), nil
}

// OpenTokenFile takes the token file of user at address out of dir, which is made (mode 0700) if it is missing, and locks it. ErrTokenInUse: it
// is locked elsewhere.
func OpenTokenFile(dir, user, address string) (*TokenFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, url.PathEscape(user+"@"+address))
	// The lock is a file of its own, since the token's is replaced whenever it changes.
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrTokenInUse
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return &TokenFile{path: path, lock: lock}, nil
}

// maxToken bounds a stored token in bytes: far more than the 47 that servers make.
const maxToken = 256

var tokenForm = regexp.MustCompile(`^pt1\.[A-Za-z0-9_-]+$`)

// Token is the stored token, "" where there is none. Its errors name the file: one that others can read is an error, since its token
// may be known to them, and so is one that holds anything but a token.
func (f *TokenFile) Token() (string, error) {
	file, err := os.OpenFile(f.path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s has mode %v, others may have read it: remove it", f.path, info.Mode())
	}
	content, err := io.ReadAll(io.LimitReader(file, maxToken+2)) // a line end, and what would be too much
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	if token != "" && (len(token) > maxToken || !tokenForm.MatchString(token)) {
		return "", fmt.Errorf("%s does not hold a resume token: remove it, or sign in with the password", f.path)
	}
	return token, nil
}

// Save replaces the token, whole or not at all; "" removes it.
func (f *TokenFile) Save(token string) error {
	if token == "" {
		if err := os.Remove(f.path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(f.path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(token + "\n")
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), f.path)
}

// Close gives the token to the next process.
func (f *TokenFile) Close() error { return f.lock.Close() }
