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

// TokenFile keeps the resume token of one account at one server. Whoever has it open holds a lock for as long, which the kernel
// lifts when the process dies: no two processes ever use one token, and a killed one leaves its token to the next.
type TokenFile struct {
	path string
	lock *os.File
	nth  int
}

// maxTokenFiles is how many processes may keep a session of one account at one server each.
const maxTokenFiles = 8

// OpenTokenFile takes the first token file of user at address out of dir that no other process has, and locks it; dir is made (mode 0700)
// if it is missing. ErrLocked: there are eight, and all are in use.
func OpenTokenFile(dir, user, address string) (*TokenFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, url.PathEscape(user+"@"+address))
	var err error
	for nth := 1; nth <= maxTokenFiles; nth++ {
		f := &TokenFile{path: path, nth: nth}
		if nth > 1 {
			f.path += fmt.Sprintf("#%d", nth) // which no escaped path has
		}
		if f.lock, err = LockFile(f.path); err == nil {
			return f, nil
		}
		if !errors.Is(err, ErrLocked) {
			break
		}
	}
	return nil, err
}

// IsFirst tells whether no other process has a session of the account, as far as it was seen.
func (f *TokenFile) IsFirst() bool { return f.nth == 1 }

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
	return ReplaceFile(f.path, []byte(token+"\n"))
}

// Close gives the token to the next process.
func (f *TokenFile) Close() error { return f.lock.Close() }
