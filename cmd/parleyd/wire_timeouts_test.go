package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestTimeouts: silence ends a connection at every stage, and not before its time.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	const handshake, login, idle = 400 * time.Millisecond, 600 * time.Millisecond, 1500 * time.Millisecond
	s := parleytest.Start(t, "--handshake-timeout", handshake.String(), "--login-timeout", login.String(), "--idle-timeout", idle.String())
	addUsers(s, "alice", "bob")

	notBefore := func(t *testing.T, since time.Time, wait time.Duration) {
		t.Helper()
		if took := time.Since(since); took < wait-10*time.Millisecond {
			t.Errorf("ended after %v, not %v", took, wait)
		}
	}
	t.Run("login", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		ended(t, s.Dial(), "BYE|login-timeout|*")
		notBefore(t, began, login)
	})
	t.Run("login, with lines that are no sign-in", func(t *testing.T) {
		t.Parallel()
		c, began := s.Dial(), time.Now()
		for line, err := "", error(nil); !strings.HasPrefix(line, "BYE|login-timeout|"); line, err = c.TryLine(parleytest.Patience) {
			if err != nil {
				t.Fatalf("%q %v", line, err)
			}
			c.TLS.Write([]byte("HELP|\n"))
			time.Sleep(20 * time.Millisecond)
			if time.Since(began) > parleytest.Patience {
				t.Fatal("kept alive by what is no sign-in")
			}
		}
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		c, began := s.SignIn("alice"), time.Now()
		ended(t, c, "BYE|idle|*")
		notBefore(t, began, idle)
	})
	t.Run("not idle", func(t *testing.T) {
		t.Parallel()
		c, began := s.SignIn("bob"), time.Now()
		for time.Since(began) < 2*idle {
			c.Do("PING|")
			time.Sleep(idle / 10)
		}
		last := time.Now()
		c.Do("PING|")
		ended(t, c, "BYE|idle|*")
		notBefore(t, last, idle-idle/32) // the clock is set anew where that makes a difference
	})
	for name, bytes := range map[string]string{"silent": "", "half a hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a byte at a time": "\x16"} {
		t.Run("handshake, "+name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			began := time.Now()
			conn.SetDeadline(began.Add(parleytest.Patience))
			conn.Write([]byte(bytes))
			if name == "a byte at a time" {
				go func() {
					for range 100 {
						time.Sleep(20 * time.Millisecond)
						if _, err := conn.Write([]byte{3}); err != nil {
							return
						}
					}
				}()
			}
			b := make([]byte, 100)
			for err = error(nil); err == nil; _, err = conn.Read(b) {
			}
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Fatal("it is never closed")
			}
			notBefore(t, began, handshake)
		})
	}
}
