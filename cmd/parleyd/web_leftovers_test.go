package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// aborts are ways to come and go without a word.
var aborts = []struct {
	name   string
	secure bool
	sent   func(s *parleytest.Server) []byte
	read   bool // until the response has come
}{
	{"within a ClientHello", false, func(*parleytest.Server) []byte { return []byte{22, 3, 1, 2, 0, 1, 0} }, false},
	{"before a request", true, func(*parleytest.Server) []byte { return nil }, false},
	{"within a request", true, func(s *parleytest.Server) []byte { return []byte(get("/", s.Addr)[:20]) }, false},
	{"before the response", true, func(s *parleytest.Server) []byte { return []byte(get("/wire.js", s.Addr)) }, false},
	{"before the next request", true, func(s *parleytest.Server) []byte { return []byte(get("/wire.js", s.Addr)) }, true},
	{"before the upgrade", true, func(s *parleytest.Server) []byte { return []byte(wsRequest(s.Addr, "https://"+s.Addr)) }, false},
	{"before HELLO", true, func(s *parleytest.Server) []byte { return []byte(wsRequest(s.Addr, "https://"+s.Addr)) }, true},
	{"within a frame", true, func(s *parleytest.Server) []byte {
		return append([]byte(wsRequest(s.Addr, "https://"+s.Addr)), wsFin|wsText, 0x80|100, 1, 2)
	}, true},
	{"while it signs in", true, func(s *parleytest.Server) []byte {
		return append([]byte(wsRequest(s.Addr, "https://"+s.Addr)), frame(wsFin|wsText, "HELLO|nobody|"+parleytest.Password)...)
	}, true},
	{"in an answer", true, func(s *parleytest.Server) []byte {
		return append([]byte(wsRequest(s.Addr, "https://"+s.Addr)), frame(wsFin|wsText, strings.Repeat("HELP|\n", 50))...)
	}, true},
}

// abort comes and goes in the i-th way, every other round by a reset.
func abort(s *parleytest.Server, i int) error {
	way, reset := aborts[i%len(aborts)], i/len(aborts)%2 == 1
	var conn, plain net.Conn
	if way.secure {
		secured, err := dialBrowser(s, s.Addr, "http/1.1")
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		conn, plain = secured, secured.NetConn()
	} else {
		var err error
		if plain, err = net.Dial("tcp", s.Addr); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		conn = plain
	}
	defer plain.Close() // without close_notify
	if reset {
		plain.(*net.TCPConn).SetLinger(0)
	}
	if _, err := conn.Write(way.sent(s)); err != nil {
		return fmt.Errorf("%s: %w", way.name, err)
	}
	if way.read {
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
	}
	return nil
}

// TestWebLeftovers: a thousand browsers that sat there, and a thousand that were cut off in every way, leave no goroutine and no descriptor behind.
func TestWebLeftovers(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	t.Parallel()
	const each, workers = 1000, 8
	s := startMonitored(t, unlimited("--pprof", "--guests", "--max-conns-per-ip", "0", "--max-unauth", "0", "--max-unauth-per-ip", "0", "--max-http", "0", "--max-http-per-ip", "0")...)
	addUsers(s.Server, "alice")
	signInBrowser(s.Server, "alice").conn.Close()
	before := descriptors(t, s.Server)
	var idle [each]net.Conn
	at := func(do func(i int)) {
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for i := w; i < each; i += workers {
					do(i)
				}
			})
		}
		all.Wait()
	}
	at(func(i int) {
		if conn, err := dialBrowser(s.Server, s.Addr, "http/1.1"); err != nil {
			t.Errorf("browser %d: %v", i, err)
		} else {
			idle[i] = conn
			if reply := upgraded(t, conn, wsRequest(s.Addr, "https://"+s.Addr)).do(fmt.Sprintf("HELLO|guest%d", i)); !strings.HasPrefix(reply, "OK|") {
				t.Error(reply)
			}
		}
		if err := abort(s.Server, i); err != nil {
			t.Errorf("abort %d: %v", i, err)
		}
	})
	if n := descriptors(t, s.Server); n < before+each-few {
		t.Errorf("%d descriptors, of which %d were there before: nobody sits there", n, before)
	}
	at(func(i int) {
		if conn := idle[i]; conn != nil {
			go io.Copy(io.Discard, conn)
			if i%2 == 0 {
				conn.Write(closing(1001, ""))
			}
			conn.Close()
		}
	})
	eventually(t, "the descriptors are free", func() bool { return descriptors(t, s.Server) <= before+few })
	signInBrowser(s.Server, "alice").do("PING|")
	var traces string
	left := func() (goroutines, sessions, connections int) {
		_, traces = s.get("/debug/pprof/goroutine?debug=2")
		return len(goroutine.FindAllString(traces, -1)), strings.Count(traces, "session.(*session).run("), strings.Count(traces, "net/http.(*conn).serve(")
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		goroutines, sessions, connections := left()
		if 0 < goroutines && goroutines <= 64 && sessions == 1 && connections == 1 { // that of alice, and this one's
			return
		}
		if time.Since(began) > parleytest.Patience {
			t.Fatalf("%d goroutines are left, %d sessions, %d connections of HTTP; want one of each of the last two:\n%.4000s", goroutines, sessions, connections, traces)
		}
	}
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*:$`)

// TestWebThrottle: failed sign-ins are counted by account and address, by whatever front they come.
func TestWebThrottle(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--login-timeout", "0", "--errors", "0")
	addUsers(s, "alice")
	line, b := s.Dial(), browse(s)
	const good, wrong = "HELLO|alice|" + parleytest.Password, "HELLO|alice|wrong"
	for i := range 5 {
		got := ""
		if i%2 == 0 {
			got = line.Do(wrong)
		} else {
			got = b.do(wrong)
		}
		if parleytest.Code(got) != "denied" {
			t.Errorf("try %d: %q", i+1, got)
		}
	}
	for name, got := range map[string]string{"by lines": line.Do(good), "by a browser": b.do(good), "by another browser": browse(s).do(good)} {
		if !isReply(got, "throttled") {
			t.Errorf("the sixth, %s: %q", name, got)
		}
	}
	s.DialFrom("127.0.0.2").Hello("alice", parleytest.Password)
}
