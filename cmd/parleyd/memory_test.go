package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// resident is the server's resident memory in KiB.
func resident(t *testing.T, s *parleytest.Server) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Cmd.Process.Pid))
	if err != nil {
		parleytest.Missing(t, "there is no /proc to read a process's memory from: %v", err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// conversation keeps one person talking to another until it is stopped, and says how many
// messages came through and how long the slowest took.
type conversation struct {
	stop    chan struct{}
	running sync.WaitGroup
	count   atomic.Int64
	slowest time.Duration
}

func converse(t *testing.T, from, to *parleytest.Conn) *conversation {
	c := &conversation{stop: make(chan struct{})}
	c.running.Go(func() {
		for !closed(c.stop) {
			began := time.Now()
			text := fmt.Sprintf("message %d", c.count.Load())
			from.TLS.SetWriteDeadline(began.Add(parleytest.Patience))
			if _, err := fmt.Fprintf(from.TLS, "MSG|%s\n", text); err != nil {
				t.Errorf("who was in cannot write: %v", err)
				return
			}
			if line, err := from.TryLine(parleytest.Patience); err != nil || !strings.HasPrefix(line, "OK|") {
				t.Errorf("who was in got %q, %v", line, err)
				return
			}
			for {
				line, err := to.TryLine(parleytest.Patience)
				if err != nil {
					t.Errorf("who was in does not hear: %v", err)
					return
				}
				if strings.HasSuffix(line, "|"+text) {
					break
				}
			}
			c.slowest = max(c.slowest, time.Since(began))
			c.count.Add(1)
		}
	})
	return c
}

func (c *conversation) end(t *testing.T) {
	close(c.stop)
	c.running.Wait()
	if c.count.Load() == 0 {
		t.Error("nobody could talk meanwhile")
	}
	t.Logf("%d messages went through meanwhile, the slowest in %v", c.count.Load(), c.slowest)
}

// watched is the most resident memory, in KiB, while run runs.
func watched(t *testing.T, s *parleytest.Server, run func()) (most int) {
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for !closed(stop) {
			most = max(most, resident(t, s))
			time.Sleep(5 * time.Millisecond)
		}
	})
	run()
	close(stop)
	watching.Wait()
	return max(most, resident(t, s))
}

// mayGrow is how far the server's memory may rise above that of a server which has seen
// a little of everything: the collector's slack, and what 500 connections cost.
const mayGrow = 48 << 10 // KiB

// TestMemory: whatever strangers send, the server's memory stays where it was,
// and two people in a room notice nothing.
func TestMemory(t *testing.T) {
	t.Parallel()
	total := int64(256 << 20)
	if os.Getenv("PARLEY_SOAK") != "" {
		total = 10 << 30
	}
	s := parleytest.Start(t, unlimited("--max-unauth", "0", "--max-conns", "0", "--max-unauth-per-ip", "64", "--handshake-timeout", "5m", "--login-timeout", "5m")...)
	addUsers(s, "alice", "bob")
	alice, bob := s.SignIn("alice"), s.SignIn("bob")
	drop(alice, bob)
	talk := converse(t, alice, bob)
	floodAll(t, s, 32, 8<<20, noise)
	before := resident(t, s)
	mayGrow := mayGrow
	if parleytest.Race {
		mayGrow *= 4 // the detector's own
	}
	for _, tt := range []struct {
		name string
		run  func()
	}{
		{"lines without an end", func() { floodAll(t, s, 48, total/2, endless) }},
		{"lines far too long", func() { floodAll(t, s, 48, total/2, tooLong) }},
		{"random bytes", func() { floodAll(t, s, 32, total/16, noise) }},
		{"random bytes without TLS", func() { floodPlain(t, s, 200) }},
		{"half a TLS hello", func() { silent(t, s, 200, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") }},
		{"silence", func() { silent(t, s, 500, "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			most := watched(t, s, tt.run)
			t.Logf("resident memory: %d KiB before, %d KiB at most", before, most)
			if most-before > mayGrow {
				t.Errorf("the server grew by %d KiB, more than %d", most-before, mayGrow)
			}
		})
	}
	talk.end(t)
}

// endless has no LF in it, and puts the sender out after 64 KiB; tooLong is one
// line that is thrown away, so that a connection can go on for ever; noise has some LFs.
func endless() []byte { return bytes.Repeat([]byte("x"), 64<<10) }
func tooLong() []byte { return append(bytes.Repeat([]byte("x"), 65000), '\n') }

func noise() []byte {
	b := make([]byte, 64<<10)
	source := rand.NewChaCha8([32]byte{byte(rand.Uint32())})
	source.Read(b)
	return b
}

// floodAll sends total bytes over TLS from n connections at once, each connecting anew when the server has put it out.
func floodAll(t *testing.T, s *parleytest.Server, n int, total int64, chunk func() []byte) {
	config := s.TLS()
	var sent atomic.Int64
	var connections atomic.Int64
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			dialer := &tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i))}}, Config: config}
			piece := chunk()
			for sent.Load() < total {
				conn, err := dialer.DialContext(t.Context(), "tcp", s.Addr)
				if err != nil {
					t.Errorf("connecting: %v", err)
					return
				}
				connections.Add(1)
				answers := make(chan struct{})
				go func() {
					defer close(answers)
					io.Copy(io.Discard, conn)
				}()
				for err == nil && sent.Load() < total {
					var k int
					conn.SetWriteDeadline(time.Now().Add(parleytest.Patience))
					k, err = conn.Write(piece)
					sent.Add(int64(k))
				}
				conn.Close()
				<-answers
			}
		})
	}
	all.Wait()
	t.Logf("%d MiB over %d connections", sent.Load()>>20, connections.Load())
}

// floodPlain sends what is no TLS at all.
func floodPlain(t *testing.T, s *parleytest.Server, n int) {
	for i := range n {
		conn := dialPlain(t, s, i)
		conn.SetDeadline(time.Now().Add(parleytest.Patience))
		conn.Write(noise()[:1+rand.IntN(4000)])
		if i%2 == 0 {
			bufio.NewReader(conn).ReadByte()
		}
		conn.Close()
	}
}

// silent opens connections from many addresses, sends each the same few bytes, and keeps all of them until all are there.
func silent(t *testing.T, s *parleytest.Server, n int, begin string) {
	for i := range n {
		conn := dialPlain(t, s, i)
		defer conn.Close()
		if _, err := conn.Write([]byte(begin)); err != nil {
			t.Fatal(err)
		}
	}
	s.Dial().Do("PING|") // the last is let in, so all before it were
}

func dialPlain(t *testing.T, s *parleytest.Server, i int) net.Conn {
	t.Helper()
	dialer := &net.Dialer{Timeout: parleytest.Patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(2+i/250), byte(1+i%250))}}
	conn, err := dialer.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
