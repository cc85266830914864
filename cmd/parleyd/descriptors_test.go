package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestOutOfDescriptors: a server that has run out of file descriptors goes on
// serving those who are in, and lets others in again when some have left.
func TestOutOfDescriptors(t *testing.T) {
	sh := parleytest.Need(t, "sh")
	s := parleytest.StartUnder(t, []string{sh, "-c", `ulimit -n 64; exec "$@"`, "sh"}, "--handshake-timeout", "1h", "--max-unauth", "0")
	s.User("alice")
	s.User("bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")

	var silent []net.Conn
	for i := 0; !strings.Contains(s.Log(), "too many open files"); i++ {
		if i > 200 {
			t.Fatal("the server never ran out of descriptors")
		}
		dialer := &net.Dialer{Timeout: parleytest.Patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("127.0.1.%d", 1+i%20))}}
		conn, err := dialer.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
		if i > 40 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if reply := alice.Do("MSG|still here"); !strings.HasPrefix(reply, "OK|") {
		t.Error(reply)
	}
	bob.Await("still here")
	for _, conn := range silent {
		conn.Close()
	}
	s.SignIn("alice")
	if code := s.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
