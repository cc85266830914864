package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"parley/internal/client"
	"parley/protocol"
)

const (
	// maxProfiles bounds the config file in bytes: a thousand profiles.
	maxProfiles = 256 << 10
	// profilesPatience is how long another process may take to write a profile.
	profilesPatience = 5 * time.Second
)

func profilesPath() (string, error) {
	dir, err := client.ConfigDir()
	return filepath.Join(dir, "profiles.json"), err
}

// readProfiles returns none where there is no file, or no home to look for one. Every other error names the file, and what is wrong where.
func readProfiles() (profiles, error) {
	path, err := profilesPath()
	if err != nil {
		return profiles{}, nil
	}
	content, err := readConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return profiles{}, nil
	}
	if err != nil {
		return nil, usageError{err}
	}
	all, wrong := parseProfiles(content)
	if wrong != nil {
		before := content[:min(wrong.at, len(content))]
		line, column := bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])+1
		return nil, usageError{fmt.Errorf("%s:%d:%d: %w", path, line, column, wrong.why)}
	}
	return all, nil
}

// readConfig reads a file that says whom to trust.
func readConfig(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a named pipe would wait for a writer
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, fmt.Errorf("%s says whom to trust, and others may write to it (mode %04o): look it through, and chmod 600 it", path, mode)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxProfiles+1))
	if err == nil && len(content) > maxProfiles {
		err = fmt.Errorf("%s is larger than %d KiB: these are no profiles", path, maxProfiles>>10)
	}
	return content, err
}

// misplaced is what is wrong with the file, and the byte where that begins.
type misplaced struct {
	why error
	at  int
}

// parseProfiles takes {"profiles": {NAME: {FIELD: VALUE, …}, …}} and nothing else.
func parseProfiles(content []byte) (profiles, *misplaced) {
	if !utf8.Valid(content) {
		return nil, &misplaced{errors.New("the file is not UTF-8"), 0}
	}
	var whole json.RawMessage
	if err := json.Unmarshal(content, &whole); err != nil {
		syntax := new(json.SyntaxError)
		errors.As(err, &syntax)
		return nil, &misplaced{fmt.Errorf("this is no JSON: %w", err), int(max(syntax.Offset, 1)) - 1}
	}
	top, wrong := members(content, 0)
	all := profiles{}
	for _, m := range top {
		if m.name != "profiles" {
			return nil, &misplaced{fmt.Errorf("there is no field %q: all is in \"profiles\"", m.name), m.at}
		}
		var named []member
		if named, wrong = members(m.value, m.at); wrong != nil {
			break
		}
		for _, m := range named {
			if all[m.name], wrong = parseProfile(m); wrong != nil {
				return nil, &misplaced{fmt.Errorf("profile %q: %w", m.name, wrong.why), wrong.at}
			}
		}
	}
	return all, wrong
}

func parseProfile(m member) (p profile, wrong *misplaced) {
	if bad := protocol.CheckName(m.name); bad != nil {
		return p, &misplaced{errors.New(bad.Text), m.at}
	}
	fields, wrong := members(m.value, m.at)
	if wrong != nil {
		return p, wrong
	}
	for _, f := range fields {
		set := profileFields[f.name]
		if set == nil {
			return p, &misplaced{fmt.Errorf("there is no field %q", f.name), f.at}
		}
		if err := set(&p, f.value); err != nil {
			return p, &misplaced{fmt.Errorf("field %q: %w", f.name, err), f.at}
		}
	}
	if p.Server.Host == "" || p.Server.User == "" {
		return p, &misplaced{errors.New("it must have a server and a user"), m.at}
	}
	return p, nil
}

// member is one of a JSON object's, and the byte of the file where its value begins.
type member struct {
	name  string
	value json.RawMessage
	at    int
}

// members are those of an object that begins at a byte of the file, in its order. Its syntax was checked.
func members(object []byte, at int) (all []member, wrong *misplaced) {
	d := json.NewDecoder(bytes.NewReader(object))
	if begin, _ := d.Token(); begin != json.Delim('{') {
		return nil, &misplaced{errors.New("it must be an object, in { }"), at}
	}
	seen := map[string]bool{}
	for d.More() {
		name, _ := d.Token()
		m := member{name: name.(string)}
		d.Decode(&m.value)
		m.at = at + int(d.InputOffset()) - len(m.value)
		if seen[m.name] {
			return nil, &misplaced{fmt.Errorf("%q is there twice", m.name), m.at}
		}
		seen[m.name] = true
		all = append(all, m)
	}
	return all, nil
}

// saveProfile puts a profile into the file, beside those of other names. Where the file is a link, the file that it leads to is replaced.
func saveProfile(name string, p profile) error {
	path, err := profilesPath()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock, err := awaitLock(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer lock.Close()
	all, err := readProfiles()
	if err != nil {
		return err
	}
	all[name] = p
	content, err := json.MarshalIndent(map[string]profiles{"profiles": all}, "", "  ")
	if err != nil {
		return err
	}
	if len(content) >= maxProfiles {
		return fmt.Errorf("%s has no room for one more profile", path)
	}
	file, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, dangling := os.Lstat(path); dangling == nil {
			return fmt.Errorf("%s is a link to a file that is not there: make it, or remove the link", path)
		}
		file, err = path, nil
	}
	if err != nil {
		return err
	}
	return client.ReplaceFile(file, append(content, '\n'))
}

func awaitLock(path string) (lock *os.File, err error) {
	for deadline := time.Now().Add(profilesPatience); ; time.Sleep(10 * time.Millisecond) {
		if lock, err = client.LockFile(path); !errors.Is(err, client.ErrLocked) || time.Now().After(deadline) {
			return lock, err
		}
	}
}
