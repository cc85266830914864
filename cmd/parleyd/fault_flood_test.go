package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"parley/internal/parleytest"
)

// few file descriptors more or less are the database's connections, opened when they are needed.
const few = 24

// descriptors is how many files and sockets the server has open.
func descriptors(t *testing.T, s *parleytest.Server) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid))
	if err != nil {
		parleytest.Missing(t, "there is no /proc to count a process's files in: %v", err)
	}
	return len(list)
}

// floodSize is how many connections this process and the server may have each.
func floodSize(t *testing.T) int {
	t.Helper()
	const want, others = 10000, 500
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max >= want+others {
		return want
	}
	n := int(limit.Max) - others
	if n < 100 {
		parleytest.Missing(t, "a process may have %d files open, which is too few", limit.Max)
	}
	t.Logf("%d connections and not %d, since a process may have %d files open", n, want, limit.Max)
	return n
}

// flood is connections from 100 addresses: most say nothing, one in 20 finishes the TLS handshake and then says nothing.
type flood struct {
	conns  []net.Conn
	secure atomic.Int64 // that finished the handshake
}

func (f *flood) rise(t *testing.T, s *parleytest.Server, n int) {
	t.Helper()
	f.conns = make([]net.Conn, n)
	config := s.TLS()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%100))}
				conn, err := (&net.Dialer{LocalAddr: from, Timeout: parleytest.Patience}).Dial("tcp", s.Addr)
				if err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
				f.conns[i] = conn
				if i%20 != 0 {
					continue
				}
				conn.SetDeadline(time.Now().Add(parleytest.Patience))
				if tls.Client(conn, config).Handshake() == nil {
					f.secure.Add(1)
				}
			}
		})
	}
	all.Wait()
}

func (f *flood) fall() {
	for _, conn := range f.conns {
		if conn != nil {
			conn.Close()
		}
	}
}

// TestConnectionFlood: 10,000 connections from 100 addresses hurt nobody who is in, nor who comes: with the
// default caps most are refused. Without them all are let in (and by default there are fewer of them).
func TestConnectionFlood(t *testing.T) {
	n := floodSize(t)
	in := n / 5
	if os.Getenv("PARLEY_SOAK") != "" {
		in = n
	}
	for _, tt := range []struct {
		name  string
		flags []string
		n     int
		most  int // that the server may hold
		least int
		grows int // KiB for a connection at the most
	}{
		{"default caps", nil, n, 512, 100, 64},
		{"no caps", []string{"--max-conns", "0", "--max-unauth", "0", "--max-unauth-per-ip", "0", "--handshake-timeout", "0", "--login-timeout", "0"}, in, in, in, 24},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := parleytest.Start(t, append(tt.flags, "--msg-rate", "0", "--byte-rate", "0")...)
			addUsers(s, "carol")
			book := newBook()
			book.pace = 5 * time.Millisecond
			witness := hear(t, s, "witness")
			book.talkers(t, s, 2)
			book.more(t, 50)
			files, before := descriptors(t, s), resident(t, s)

			f := &flood{}
			defer f.fall()
			peak := 0
			most := watched(t, s, func() {
				risen := make(chan struct{})
				go func() {
					defer close(risen)
					f.rise(t, s, tt.n)
				}()
				for ; !closed(risen); time.Sleep(50 * time.Millisecond) { // who says nothing is put out after a while
					peak = max(peak, descriptors(t, s)-files)
				}
				peak = max(peak, descriptors(t, s)-files)
				comes(t, s, "127.0.2.1").Hello("carol", parleytest.Password).Do("EXIT|")
				book.more(t, 50)
			})
			if peak > tt.most+few || peak < tt.least || f.secure.Load() == 0 {
				t.Errorf("the server held %d connections at once, %d finished the handshake", peak, f.secure.Load())
			}
			if grown := most - before; !parleytest.Race && grown > mayGrow+tt.grows*tt.most { // the race detector takes much for itself
				t.Errorf("memory grew from %d KiB by %d", before, grown)
			}
			f.fall()
			eventually(t, "the file descriptors are free again", func() bool { return descriptors(t, s) <= files+few })
			carol := s.SignIn("carol")
			book.more(t, 50)
			book.end()
			hold(t, carol, []exchange{{"WHO|lobby", "OK|carol|witness"}, {"EXIT|", "OK|bye"}})
			kept := readAs(t, s, "carol")
			book.compare(t, kept)
			witness.compare(t, kept)
			if dropped := book.dropped(2); dropped != 0 {
				t.Errorf("those who talked were cut off %d times", dropped)
			}
			checkLog(t, s)
			t.Logf("%d connections, %d of them at once in the server, %d finished the handshake, memory from %d KiB to %d", tt.n, peak, f.secure.Load(), before, most)
		})
	}
}
