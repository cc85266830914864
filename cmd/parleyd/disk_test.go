package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"parley/internal/parleytest"
)

// TestFailedSync: when the disk does not take what is synced, nothing more is
// acknowledged and the process ends with its exit code for that; what had been acknowledged is there when it is started again.
func TestFailedSync(t *testing.T) {
	strace := parleytest.Need(t, "strace")
	// The first syncs make the database and the account; a later one fails, and all after it.
	s := parleytest.StartUnder(t, []string{strace, "-f", "-qqq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,io_submit",
		"-e", "inject=fsync,fdatasync,io_submit:error=EIO:when=40+"}, "--msg-rate", "0", "--command-rate", "0")
	s.User("alice")
	c := s.SignIn("alice")
	var acknowledged []string
	for i := range 1000 {
		c.Send(fmt.Sprintf("MSG|number %d", i))
		line, err := c.TryLine(parleytest.Patience)
		if err != nil || !strings.HasPrefix(line, "OK|") {
			break // the message that met the failing sync
		}
		acknowledged = append(acknowledged, strings.TrimPrefix(line, "OK|"))
	}
	if len(acknowledged) == 0 || len(acknowledged) == 1000 {
		t.Fatalf("%d messages were acknowledged", len(acknowledged))
	}
	if code := s.Wait(); code != exitDisk {
		t.Errorf("exit code %d, want %d", code, exitDisk)
	}

	s.Unwrap()
	s.Launch()
	c = s.SignIn("alice")
	if reply := c.Do("HISTORY|lobby|after|0|500"); !strings.HasPrefix(reply, "OK|") {
		t.Fatal(reply)
	}
	there := make(map[string]string)
	for _, e := range c.Events {
		f := strings.SplitN(e, "|", 6)
		there[f[1]] = f[5]
	}
	for i, id := range acknowledged {
		if there[id] != "number "+strconv.Itoa(i) {
			t.Errorf("acknowledged as %s: number %d; there: %q", id, i, there[id])
		}
	}
}

// TestFullDisk: a full disk is answered busy and acknowledges nothing; reading
// goes on, and so does writing when there is room again, without help.
func TestFullDisk(t *testing.T) {
	s := parleytest.Start(t, "--msg-rate", "0", "--byte-rate", "0", "--command-rate", "0")
	s.Stop()
	smallDisk(t, s.Data)
	s.Launch()
	s.User("alice")
	s.User("bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	filler := filepath.Join(s.Data, "filler")
	fill(t, filler)

	text := strings.Repeat("x", 1500)
	kept := 0
	for ; ; kept++ {
		reply := alice.Do("MSG|" + text)
		if parleytest.Code(reply) == "busy" {
			break
		}
		if !strings.HasPrefix(reply, "OK|") || kept > 10000 {
			t.Fatal(reply)
		}
	}
	if reply := bob.Do("HISTORY|lobby|before|999999|3"); !strings.HasPrefix(reply, "OK|") {
		t.Errorf("reading on a full disk: %s", reply)
	}
	if code := alice.Code("MSG|" + text); code != "busy" {
		t.Error(code)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if reply := alice.Do("MSG|there is room again"); !strings.HasPrefix(reply, "OK|") {
		t.Error(reply)
	}
	bob.Await("there is room again")
	s.Kill()
	s.Launch()
	if n := len(readAs(t, s, "bob")); n != kept+1 {
		t.Errorf("%d messages are there, %d were acknowledged", n, kept+1)
	}
}

// smallDisk mounts a small file system on dir.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size=4m")
	if err != nil {
		parleytest.Missing(t, "mounting a small file system takes root: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// fill takes all but a little of the room.
func fill(t *testing.T, file string) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(file), &st); err != nil {
		t.Fatal(err)
	}
	room := int(st.Bavail)*int(st.Bsize) - 64<<10
	if err := os.WriteFile(file, make([]byte, room), 0o600); err != nil {
		t.Fatal(err)
	}
}
