package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"parley/internal/parleytest"
)

// line is what export prints.
type line struct {
	ID         int64
	Time       string
	Room       string
	User       string
	Text       string
	Taken_back bool
}

func exportRoom(t *testing.T, s *parleytest.Server, dir, room string, more ...string) (list []line) {
	t.Helper()
	out := s.Run("", append([]string{"export", room, "--json", "--data", dir}, more...)...)
	for text := range strings.Lines(out) {
		var l line
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		list = append(list, l)
	}
	return list
}

// talk says numbered messages on a connection until it is told to stop, and notes what was acknowledged.
func talk(c *parleytest.Conn, who string, acked *sync.Map, stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		text := fmt.Sprint(who, " says ", i)
		reply := c.Do("MSG|" + text)
		c.Events = nil
		if id, ok := strings.CutPrefix(reply, "OK|"); ok {
			acked.Store(id, text)
		}
	}
}

// TestBackup: what was acknowledged before a backup under load began is in it, message by message, and a server that starts on it goes on.
func TestBackup(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	names := []string{"alice", "bob", "carol", "dave"}
	addUsers(s, names...)
	acked, stop := new(sync.Map), make(chan struct{})
	var talking sync.WaitGroup
	for _, name := range names {
		c := s.SignIn(name)
		talking.Go(func() { talk(c, name, acked, stop) })
	}
	aside := s.SignIn("alice")
	hold(t, aside, []exchange{{"SEND|@bob||between us | two", "OK|*"}})
	place := t.TempDir()
	var file string
	before := make(map[string]string)
	for n := range 3 {
		eventually(t, "enough messages are acknowledged", func() bool { return count(acked) >= 300*(n+1) })
		clear(before)
		acked.Range(func(id, text any) bool { before[id.(string)] = text.(string); return true })
		file = filepath.Join(place, fmt.Sprint("backup", n))
		s.Run("", "backup", file, "--data", s.Data)
	}
	close(stop)
	talking.Wait()
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(place, "*.*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	logged(t, s, `"op":"backup"`)
	was := exportRoom(t, s, s.Data, "lobby")
	all := make(map[string]line)
	for _, l := range was {
		all[strconv.FormatInt(l.ID, 10)] = l
	}
	if got, want := len(was), count(acked); got != want {
		t.Errorf("%d messages are exported, %d were acknowledged", got, want)
	}

	restored := filepath.Join(place, "restored")
	if out := s.Run("", "restore", file, "--data", restored); !strings.Contains(out, "everybody signs in anew") {
		t.Errorf("it said %q", out)
	}
	there := make(map[string]line)
	for _, l := range exportRoom(t, s, restored, "lobby") {
		there[strconv.FormatInt(l.ID, 10)] = l
		if all[strconv.FormatInt(l.ID, 10)] != l {
			t.Errorf("restored: %+v, it was %+v", l, all[strconv.FormatInt(l.ID, 10)])
		}
	}
	for id, text := range before {
		if there[id].Text != text {
			t.Errorf("acknowledged before the backup as %s: %q; restored: %q", id, text, there[id].Text)
		}
	}
	token := aside.Token()
	s.Stop()
	s.Data = restored
	s.Launch()
	refused(t, s, "alice", token)
	alice := s.SignIn("alice")
	hold(t, alice, []exchange{{"HISTORY|@bob", "OK|1"}})
	reply := alice.Do("MSG|after the restore")
	if id, err := strconv.ParseInt(strings.TrimPrefix(reply, "OK|"), 10, 64); err != nil || id <= was[len(was)-1].ID {
		t.Errorf("%s, and the last message before was %d", reply, was[len(was)-1].ID)
	}
	if got := exportRoom(t, s, restored, "@bob@alice"); len(got) != 1 || got[0].Text != "between us | two" || got[0].Room != "@alice@bob" {
		t.Errorf("the conversation: %+v", got)
	}
	logged(t, s, `"op":"export","room":"@alice@bob"`)
}

func count(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

// TestBackupOfKilled: what only the journal has is in the backup of a server that was killed; and what was taken back is not.
func TestBackupOfKilled(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice")
	c := s.SignIn("alice")
	id := strings.TrimPrefix(c.Do("MSG|a secretive word"), "OK|")
	hold(t, c, []exchange{{"DELETE|" + id, "OK|*"}, {"MSG|the last word", "OK|*"}})
	s.Kill()
	place := t.TempDir()
	file, restored := filepath.Join(place, "backup"), filepath.Join(place, "restored")
	s.Run("", "backup", file, "--data", s.Data)
	if b, err := os.ReadFile(file); err != nil || bytes.Contains(b, []byte("secretive")) {
		t.Errorf("what was taken back is in the backup: %v", err)
	}
	s.Run("", "restore", file, "--data", restored)
	list := exportRoom(t, s, restored, "lobby")
	if len(list) != 2 || !list[0].Taken_back || list[0].Text != "" || list[1].Text != "the last word" {
		t.Fatalf("%+v", list)
	}
	if got := exportRoom(t, s, restored, "lobby", "--since", "2020-01-01T00:00:00Z", "--until", list[1].Time); len(got) > 1 {
		t.Errorf("until: %+v", got)
	}
	if got := exportRoom(t, s, restored, "lobby", "--since", "2120-01-01T00:00:00Z"); len(got) > 0 {
		t.Errorf("since: %+v", got)
	}
}

// TestDataRefused: what these commands do not do, and that they say so.
func TestDataRefused(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	addUsers(s, "alice")
	s.Stop()
	place := t.TempDir()
	at := func(name string) string { return filepath.Join(place, name) }
	write := func(name string, b []byte) string {
		t.Helper()
		if err := os.WriteFile(at(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	good := at("good")
	s.Run("", "backup", good, "--data", s.Data)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	there := write("there", []byte("mine"))
	damaged := bytes.Clone(whole)
	for i := 2 * 4096; i < len(damaged); i += 4096 {
		copy(damaged[i:], "\x0d\xff\xff\xff\xff\xff\xff")
	}
	newer := bytes.Clone(whole)
	binary.BigEndian.PutUint32(newer[60:], 999) // user_version
	beside := write("beside", whole)
	write("beside-wal", []byte("something"))
	link := at("link")
	if err := os.Symlink(there, link); err != nil {
		t.Fatal(err)
	}
	pipe := at("pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		says string
		args []string
	}{
		{"is no regular file", []string{"backup", link, "--force", "--data", s.Data}},
		{"is no regular file", []string{"backup", pipe, "--force", "--data", s.Data}},
		{"is no regular file", []string{"backup", place, "--force", "--data", s.Data}},
		{"is no file", []string{"restore", pipe, "--data", at("i")}},
		{"is there already", []string{"backup", there, "--data", s.Data}},
		{"choose a file in another directory", []string{"backup", filepath.Join(s.Data, "x"), "--data", s.Data}},
		{"choose a file in another directory", []string{"backup", filepath.Join(s.Data, "parley.db"), "--force", "--data", s.Data}},
		{"no such file", []string{"backup", at("no/such/file"), "--data", s.Data}},
		{"no database in", []string{"backup", at("x"), "--data", place}},
		{"is not empty", []string{"restore", good, "--data", s.Data}},
		{"is not empty", []string{"restore", good, "--data", place}},
		{"not a database of this program", []string{"restore", there, "--data", at("a")}},
		{"not a database of this program", []string{"restore", write("nothing", nil), "--data", at("b")}},
		{"damaged", []string{"restore", write("damaged", damaged), "--data", at("c")}},
		{"damaged", []string{"restore", write("cut", whole[:len(whole)-3*4096]), "--data", at("d")}},
		{"made by a newer version", []string{"restore", write("newer", newer), "--data", at("e")}},
		{"no backup", []string{"restore", beside, "--data", at("f")}},
		{"no such file", []string{"restore", at("none"), "--data", at("g")}},
		{"no file", []string{"restore", place, "--data", at("h")}},
		{"no such room", []string{"export", "tea", "--json", "--data", s.Data}},
		{"--json", []string{"export", "lobby", "--data", s.Data}},
	} {
		if _, out := fails(t, "", tt.args...); !strings.Contains(out, tt.says) {
			t.Errorf("parleyd %q: %q does not say %q", tt.args, out, tt.says)
		}
	}
	// What was refused has left nothing, and a good one can be restored there.
	for _, dir := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		s.Run("", "restore", good, "--data", at(dir))
	}
	if b, _ := os.ReadFile(there); string(b) != "mine" {
		t.Errorf("what was there: %q", b)
	}
	s.Run("", "backup", there, "--force", "--data", s.Data)
	if b, _ := os.ReadFile(there); !bytes.HasPrefix(b, []byte("SQLite format 3\x00")) {
		t.Error("--force did not replace it")
	}

	// An older program says so of a newer database.
	if err := os.WriteFile(filepath.Join(s.Data, "parley.db"), newer, 0o600); err != nil {
		t.Fatal(err)
	}
	_, out := fails(t, "", "--data", s.Data, "--listen", "127.0.0.1:0", "--cert", filepath.Join(s.Certs, "server.pem"), "--key", filepath.Join(s.Certs, "server-key.pem"))
	if !strings.Contains(out, "the database has version 999, this program knows up to ") || !strings.Contains(out, "made by a newer version of this program; use that one") {
		t.Errorf("a newer database: %q", out)
	}
}
