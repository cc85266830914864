package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// What the memory of idle sockets is measured by.
const (
	idleCount    = 1000
	idleMore     = 8 << 10          // bytes that a browser's may cost above a line connection's
	trimmedAfter = 25 * time.Second // a storm of handshakes has been trimmed by then: 10 s, and as much again where it is still blowing
)

// TestIdleBrowsers: a thousand idle browsers cost little more than a thousand idle line connections.
func TestIdleBrowsers(t *testing.T) {
	if parleytest.Race || testing.Short() {
		t.Skip("the detector's memory is not the server's, and it takes half a minute")
	}
	t.Parallel()
	measure := func(open func(*parleytest.Server, int) net.Conn) (perConn func() int) {
		s := parleytest.Start(t, unlimited("--guests", "--max-conns", "0", "--max-conns-per-ip", "0", "--max-unauth", "0", "--max-unauth-per-ip", "0")...)
		open(s, idleCount) // what the first of a kind brings in belongs to none
		empty := resident(t, s)
		var opening sync.WaitGroup
		for part := range 8 {
			opening.Go(func() {
				for i := part; i < idleCount; i += 8 {
					conn := open(s, i)
					t.Cleanup(func() { conn.Close() })
				}
			})
		}
		opening.Wait()
		least := resident(t, s)
		return func() int {
			least = min(least, resident(t, s))
			return (least - empty) << 10 / idleCount
		}
	}
	line, web := measure(openLine), measure(openWeb)
	for began := time.Now(); time.Since(began) < trimmedAfter || web()-line() > idleMore && time.Since(began) < 4*trimmedAfter; time.Sleep(100 * time.Millisecond) {
		line()
		web()
	}
	t.Logf("an idle line connection: %d bytes; a browser's: %d", line(), web())
	if more := web() - line(); more > idleMore {
		t.Errorf("a browser's idle socket costs %d bytes more than a line connection", more)
	}
}

func openLine(s *parleytest.Server, i int) net.Conn {
	conn := idleDial(s, "parley/1")
	fmt.Fprintf(conn, "HELLO|guest%d\n", i)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if !strings.HasPrefix(line, "OK|") {
		s.T.Errorf("guest %d: %q %v", i, line, err)
	}
	go io.Copy(io.Discard, conn)
	return conn
}

func openWeb(s *parleytest.Server, i int) net.Conn {
	conn := idleDial(s, "http/1.1")
	b := upgraded(s.T, conn, wsRequest(s.Addr, "https://"+s.Addr))
	if reply := b.do(fmt.Sprintf("HELLO|guest%d", i)); !strings.HasPrefix(reply, "OK|") {
		s.T.Errorf("guest %d: %q", i, reply)
	}
	conn.SetDeadline(time.Time{})
	go io.Copy(io.Discard, conn)
	return conn
}

func idleDial(s *parleytest.Server, name string) *tls.Conn {
	conn, err := dialBrowser(s, s.Addr, name)
	if err != nil {
		s.T.Fatal(err)
	}
	return conn
}
