package parleytest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// echo answers each line by itself.
func echo(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	return listener.Addr().String()
}

// TestLink: a hole carries nothing, ends nothing, and loses nothing; a reset ends what there was and lets nobody in.
func TestLink(t *testing.T) {
	t.Parallel()
	addr := echo(t)
	l := parleytest.NewLink(t, func() string { return addr })
	dial := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", l.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c, bufio.NewReader(c)
	}
	hears := func(c net.Conn, r *bufio.Reader, want string, wait time.Duration) error {
		c.SetReadDeadline(time.Now().Add(wait))
		line, err := r.ReadString('\n')
		if err == nil && line != want+"\n" {
			err = fmt.Errorf("%q instead of %q", line, want)
		}
		return err
	}
	before, r := dial()
	fmt.Fprintln(before, "one")
	if err := hears(before, r, "one", parleytest.Patience); err != nil {
		t.Fatal(err)
	}
	l.Set(parleytest.Hole)
	during, rd := dial()
	fmt.Fprintln(before, "two")
	fmt.Fprintln(during, "three")
	for _, err := range []error{hears(before, r, "two", 50*time.Millisecond), hears(during, rd, "three", 50*time.Millisecond)} {
		if timeout, ok := err.(net.Error); !ok || !timeout.Timeout() {
			t.Errorf("through a hole: %v", err)
		}
	}
	l.Set(parleytest.Open)
	for _, err := range []error{hears(before, r, "two", parleytest.Patience), hears(during, rd, "three", parleytest.Patience)} {
		if err != nil {
			t.Error(err)
		}
	}
	l.Set(parleytest.Reset)
	after, refused := net.Dial("tcp", l.Addr)
	if refused == nil { // a reset that comes at once may be connect's already
		defer after.Close()
		refused = hears(after, bufio.NewReader(after), "", parleytest.Patience)
	}
	for _, err := range []error{hears(before, r, "", parleytest.Patience), hears(during, rd, "", parleytest.Patience), refused} {
		if timeout, ok := err.(net.Error); err == nil || ok && timeout.Timeout() {
			t.Errorf("of a reset is heard: %v", err)
		}
	}
	l.Set(parleytest.Open)
	again, r := dial()
	fmt.Fprintln(again, "four")
	if err := hears(again, r, "four", parleytest.Patience); err != nil {
		t.Error(err)
	}
}
