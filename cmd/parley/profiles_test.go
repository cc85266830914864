package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"parley/internal/client"
)

// configHome is a place for a config file of the test's own; its path is returned.
func configHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	return filepath.Join(home, "parley", "profiles.json")
}

func writeConfig(t *testing.T, path, content string) {
	t.Helper()
	os.MkdirAll(filepath.Dir(path), 0o700)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const pinOfNobody = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestProfilesAreRead(t *testing.T) {
	path := configHome(t)
	if all, err := readProfiles(); err != nil || len(all) != 0 {
		t.Fatalf("without a file: %v, %v", all, err)
	}
	writeConfig(t, path, `{"profiles": {
		"default": {"server": "Chat.Example.org", "user": "alice", "ca": "/etc/ca.pem", "pin": "`+pinOfNobody+`", "guest": true, "room": "@bob"},
		"work": {"user": "al", "server": "[::1]:1"}}}`)
	want := profiles{
		"default": {Server: address{"alice", "chat.example.org", "7443"}, CA: "/etc/ca.pem", Pin: pinOfNobody, Guest: true, Room: "@bob"},
		"work":    {Server: address{"al", "::1", "1"}},
	}
	if all, err := readProfiles(); err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v, %v", all, err)
	}
	for _, empty := range []string{`{}`, `{"profiles": {}}`} {
		writeConfig(t, path, empty)
		if all, err := readProfiles(); err != nil || len(all) != 0 {
			t.Errorf("%s: %v, %v", empty, all, err)
		}
	}
}

func TestBadProfilesAreRefused(t *testing.T) {
	path := configHome(t)
	for content, says := range map[string]string{
		"":                                  ":1:1: this is no JSON",
		"{\n  \"profiles\": {,}}":           ":2:16: this is no JSON",
		`{"profiles": {}} x`:                ":1:18: this is no JSON",
		`[]`:                                ":1:1: it must be an object",
		`null`:                              ":1:1: it must be an object",
		`{"profiles": 7}`:                   ":1:14: it must be an object",
		`{"profile": {}}`:                   `:1:13: there is no field "profile"`,
		`{"profiles": {}, "profiles": {}}`:  `"profiles" is there twice`,
		"{\"profiles\": {\"\xff\": {}}}":    "is not UTF-8",
		`{"profiles": {"My Work": {}}}`:     `profile "My Work": a name has`,
		`{"profiles": {"a": {}, "a": {}}}`:  `"a" is there twice`,
		`{"profiles": {"a": []}}`:           `profile "a": it must be an object`,
		`{"profiles": {"a": {}}}`:           `profile "a": it must have a server and a user`,
		`{"profiles": {"ä": {}}}`:           `:1:20: profile "ä"`,
		`{"profiles": {"\u001b[2J": {}}}`:   `profile "\x1b[2J"`,
		strings.Repeat(" ", maxProfiles+1):  "larger than 256 KiB",
		strings.Repeat("[", maxProfiles/2):  "this is no JSON",
		`{"profiles": {"a": {"server": "h"`: "unexpected end",
	} {
		writeConfig(t, path, content)
		wantRefused(t, content, path, says)
	}
	for fields, says := range map[string]string{
		`"server": "h", "user": "a", "password": "x"`:      `there is no field "password"`,
		`"server": "h", "user": "a", "User": "b"`:          `there is no field "User"`,
		`"server": "h", "user": "a", "user": "b"`:          `"user" is there twice`,
		`"server": "h", "user": "Alice"`:                   `field "user": a name has`,
		`"server": "a@h", "user": "a"`:                     `field "server": it must be HOST or HOST:PORT`,
		`"server": "h:0", "user": "a"`:                     `field "server": port "0"`,
		`"server": 7, "user": "a"`:                         `field "server": it must be a text`,
		`"server": null, "user": "a"`:                      `field "server": it must be a text`,
		`"server": "h", "user": "a", "pin": "sha1/x"`:      `field "pin": pin "sha1/x": must be sha256/`,
		`"server": "h", "user": "a", "pin": ""`:            `field "pin"`,
		`"server": "h", "user": "a", "ca": "ca.pem"`:       `field "ca": "ca.pem" must be a whole path`,
		`"server": "h", "user": "a", "ca": ""`:             `field "ca"`,
		`"server": "h", "user": "a", "guest": "yes"`:       `field "guest": it must be true or false`,
		`"server": "h", "user": "a", "room": "two  words"`: `field "room": "two  words" is neither a room`,
		`"server": "h"`:                                    "it must have a server and a user",
		`"user": "a"`:                                      "it must have a server and a user",
	} {
		writeConfig(t, path, `{"profiles": {"work": {`+fields+`}}}`)
		wantRefused(t, fields, path+":1:", says)
		wantRefused(t, fields, `profile "work"`, says)
	}
}

// wantRefused looks for both texts in the sentence, and that a file which is refused is not written to either.
func wantRefused(t *testing.T, what, names, says string) {
	t.Helper()
	_, err := readProfiles()
	if err == nil || !strings.Contains(sentence(err), names) || !strings.Contains(sentence(err), says) || exitCode(err) != exitUsage {
		t.Errorf("%.60q: %.300v (%d), want …%s…%s…", what, err, exitCode(err), names, says)
	}
	path, _ := profilesPath()
	before, _ := os.ReadFile(path)
	if err := saveProfile("new", profile{Server: address{"a", "h", "1"}}); err == nil {
		t.Errorf("%.60q: it is written over", what)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Errorf("%.60q: it is changed", what)
	}
}

// What is read, however odd, is written so that it is read the same.
func FuzzProfiles(f *testing.F) {
	f.Add([]byte(`{"profiles": {"a": {"server": "h", "user": "u", "ca": "/\u00e4", "guest": true, "room": "@b"}, "b": {"server": "[::1]:7", "user": "u"}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		all, wrong := parseProfiles(content)
		if wrong != nil {
			if wrong.at < 0 || wrong.at > len(content) {
				t.Fatalf("%v at %d of %d", wrong.why, wrong.at, len(content))
			}
			return
		}
		written, err := json.Marshal(map[string]profiles{"profiles": all})
		if err != nil {
			t.Fatal(err)
		}
		again, wrong := parseProfiles(written)
		if wrong != nil || !maps.Equal(all, again) {
			t.Errorf("%s is read as %+v, and written as %s", content, all, written)
		}
	})
}

func TestUntrustworthyConfigFiles(t *testing.T) {
	path := configHome(t)
	writeConfig(t, path, `{}`)
	os.Chmod(path, 0o664)
	if _, err := readProfiles(); err == nil || !strings.Contains(err.Error(), "others may write to it (mode 0664)") {
		t.Errorf("writable by others: %v", err)
	}
	os.Remove(path)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readProfiles(); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("a pipe: %v", err)
	}
}

func TestProfilesAreSaved(t *testing.T) {
	path := configHome(t)
	work := profile{Server: address{"alice", "chat.example.org", "7443"}, CA: "/a <b> & ü/ca.pem", Pin: pinOfNobody, Guest: true, Room: "ops"}
	home := profile{Server: address{"al", "fe80::1%eth0", "1"}}
	for name, p := range map[string]profile{"work": work, "home": home} {
		if err := saveProfile(name, p); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := readProfiles(); err != nil || !reflect.DeepEqual(all, profiles{"work": work, "home": home}) {
		t.Errorf("got %+v, %v", all, err)
	}
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): os.ModeDir | 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 2 {
		t.Errorf("beside the file and its lock there is more: %v", entries)
	}

	// The file is a link into a folder that is looked after by other programs.
	target := filepath.Join(t.TempDir(), "dotfiles.json")
	os.Rename(path, target)
	os.Symlink(target, path)
	if err := saveProfile("more", home); err != nil {
		t.Fatal(err)
	}
	info, _ := os.Lstat(path)
	if all, err := readProfiles(); err != nil || len(all) != 3 || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("through a link: %v, %v, %v", all, err, info.Mode())
	}
	os.Remove(target)
	if err := saveProfile("more", home); err == nil || !strings.Contains(err.Error(), "is a link to a file that is not there") {
		t.Errorf("through a broken link: %v", err)
	}
}

// A write that fails leaves what was there.
func TestProfilesAreSavedWholeOrNotAtAll(t *testing.T) {
	path := configHome(t)
	if err := saveProfile("a", profile{Server: address{"a", "h", "1"}}); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	open, err := os.Open(path) // who reads it now goes on reading the old one
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := saveProfile("b", profile{Server: address{"b", "h", "1"}}); err != nil {
		t.Fatal(err)
	}
	seen := make([]byte, len(before)+1)
	if n, _ := open.Read(seen); string(seen[:n]) != string(before) {
		t.Errorf("a reader sees %q, want %q", seen[:n], before)
	}
	full := "{\"profiles\": {" + strings.Repeat(" ", maxProfiles-100) + "\"a\": {\"server\": \"h\", \"user\": \"a\", \"ca\": \"/x\"}}}"
	writeConfig(t, path, full)
	if err := saveProfile("b", profile{Server: address{"b", "h", "1"}, CA: "/" + strings.Repeat("x", maxProfiles)}); err == nil {
		t.Error("a file is written that could not be read again")
	}
	if after, _ := os.ReadFile(path); string(after) != full {
		t.Error("what was there is gone")
	}
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	configHome(t)
	var writers sync.WaitGroup
	for n := range 16 { // each opens the lock anew, as processes do
		writers.Go(func() {
			err := client.ErrLocked
			for errors.Is(err, client.ErrLocked) { // the disk may be slow
				err = saveProfile(fmt.Sprint("p", n), profile{Server: address{"a", "h", "1"}})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if all, err := readProfiles(); err != nil || len(all) != 16 {
		t.Errorf("%d profiles are left, %v", len(all), err)
	}
}

func TestProfileOfAServer(t *testing.T) {
	at := func(user, host string, pin string) profile {
		return profile{Server: address{user, host, "7443"}, Pin: pin}
	}
	all := profiles{"c": at("alice", "x", "1"), "b": at("bob", "x", "2"), "a": at("carol", "x", "3"), "d": at("alice", "x", "4"), "e": at("alice", "y", "5")}
	for user, want := range map[string]string{"alice": "1", "bob": "2", "dave": "3"} {
		if got := all.at(address{user, "x", "7443"}).Pin; got != want {
			t.Errorf("%s: %q, want %q", user, got, want)
		}
	}
	if got := all.at(address{"alice", "x", "7444"}); got != (profile{}) {
		t.Errorf("another port: %+v", got)
	}
}

func TestGateKeepsOrder(t *testing.T) {
	var told []int
	gate := &gate{open: make(chan struct{}), wait: func(u client.Update) { told = append(told, -1) }, pass: func(u client.Update) { told = append(told, u.Missed) }}
	updates := make(chan struct{})
	go func() {
		defer close(updates)
		gate.update(client.Update{State: client.Waiting})
		for n := range maxHeld + 10 { // those that are too many wait
			gate.update(client.Update{State: client.Warning, Missed: n})
		}
		gate.update(client.Update{State: client.Online, Missed: maxHeld + 10})
	}()
	for full := false; !full; time.Sleep(time.Millisecond) {
		gate.mu.Lock()
		full = len(gate.held) == maxHeld
		gate.mu.Unlock()
	}
	gate.release()
	<-updates
	for n, got := range told[1:] {
		if got != n {
			t.Fatalf("at %d comes %d", n, got)
		}
	}
	if told[0] != -1 || len(told) != maxHeld+12 {
		t.Errorf("%d updates are told, the first is %d", len(told), told[0])
	}
}
