package main

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"parley/internal/parleytest"
)

// TestFileDescriptors: a server that has run out of them keeps who is in, and recovers.
func TestFileDescriptors(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-unauth-per-ip", "0", "--handshake-timeout", "0")...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Prlimit(s.Cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		parleytest.Missing(t, "the limit of another process cannot be set: %v", err)
	}
	var strangers []net.Conn
	for range 80 { // the kernel takes what the server does not
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		strangers = append(strangers, conn)
	}
	logged(t, s, "accepting failed", "too many open files")
	hold(t, alice, []exchange{{"MSG|nothing noticed", "OK|*"}, {"HISTORY|lobby", "OK|1"}})
	bob.Await("nothing noticed")
	for _, conn := range strangers {
		conn.Close()
	}
	comes(t, s, "127.0.0.1").Hello("alice", parleytest.Password)
}
