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
	s := parleytest.Start(t, "--handshake-timeout", handshake.String(), "--login-timeout", login.String(), "--errors", "0")
	patient := parleytest.Start(t, unlimited("--idle-timeout", idle.String())...) // where signing in may take its time
	addUsers(patient, "alice", "bob")

	notBefore := func(t *testing.T, since time.Time, wait time.Duration) {
		t.Helper()
		if took := time.Since(since); took < wait-10*time.Millisecond {
			t.Errorf("ended after %v, not %v", took, wait)
		}
	}
	// stranger connects, again where the machine is too slow for a handshake, and says since when.
	stranger := func(t *testing.T) (c *parleytest.Conn, began time.Time) {
		t.Helper()
		eventually(t, "a handshake ends in time", func() bool {
			var err error
			began = time.Now()
			c, err = s.TryDialFrom("")
			return err == nil
		})
		return c, began
	}
	t.Run("login", func(t *testing.T) {
		t.Parallel()
		c, began := stranger(t)
		ended(t, c, "BYE|login-timeout|*")
		notBefore(t, began, login)
	})
	t.Run("login, with lines that are no sign-in", func(t *testing.T) {
		t.Parallel()
		c, began := stranger(t)
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
		began := time.Now()
		ended(t, patient.SignIn("alice"), "BYE|idle|*")
		notBefore(t, began, idle)
	})
	t.Run("not idle", func(t *testing.T) {
		t.Parallel()
		eventually(t, "the machine does not stand still while nothing may be idle", func() bool {
			last := time.Now()
			c := patient.SignIn("bob")
			for began := time.Now(); time.Since(began) < 2*idle; time.Sleep(idle / 10) {
				sent := time.Now()
				c.TLS.Write([]byte("PING|\n"))
				line, err := c.TryLine(parleytest.Patience)
				for err == nil && !parleytest.IsReply(line) && !strings.HasPrefix(line, "BYE|") {
					line, err = c.TryLine(parleytest.Patience)
				}
				if err != nil || line != "OK|" {
					if took := time.Since(last); took < idle-idle/32 || !strings.HasPrefix(line, "BYE|idle|") {
						t.Fatalf("%v after a line: %q %v", took, line, err)
					}
					return false
				}
				last = sent
			}
			ended(t, c, "BYE|idle|*")
			notBefore(t, last, idle-idle/32) // the clock is set anew where that makes a difference
			return true
		})
	})
	for name, bytes := range map[string]string{"silent": "", "half a hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a byte at a time": "\x16"} {
		t.Run("handshake, "+name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			conn, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
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
