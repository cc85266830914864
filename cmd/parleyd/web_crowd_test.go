package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/internal/parleytest"
)

// untimed are the flags by which connections that do nothing stay open.
func untimed(more ...string) []string {
	return append([]string{"--handshake-timeout", "0", "--login-timeout", "0"}, more...)
}

var pageFiles = regexp.MustCompile(`<(?:link|script)[^>]* (?:href|src)="([^":]+)"`)

// TestWebCrowd: twenty browsers behind one address, each with as many connections as a browser opens, load the whole page at the same moment.
func TestWebCrowd(t *testing.T) {
	t.Parallel()
	const browsers, each = 20, 6
	s := parleytest.Start(t, untimed()...)
	_, index := asked(t, s, get("/", s.Addr))
	files := []string{""}
	for _, m := range pageFiles.FindAllStringSubmatch(index, -1) {
		files = append(files, m[1])
	}
	if len(files) < 30 {
		t.Fatalf("the page consists of %q", files)
	}
	var opened, loaded sync.WaitGroup
	opened.Add(browsers * each)
	for b := range browsers * each {
		loaded.Go(func() {
			conn, err := dialBrowser(s, s.Addr, "h2", "http/1.1")
			opened.Done()
			if err != nil {
				t.Errorf("connection %d: %v", b, err)
				return
			}
			defer func() { conn.Close() }()
			opened.Wait()
			r := bufio.NewReader(conn)
			for i := b % each; i < len(files); i += each {
				err := fetch(conn, r, get("/"+files[i], s.Addr))
				if err != nil && i >= each { // a connection is kept for two seconds between requests: a browser that comes later connects again
					conn.Close()
					if conn, err = dialBrowser(s, s.Addr, "h2", "http/1.1"); err != nil {
						t.Errorf("connection %d, again: %v", b, err)
						return
					}
					r = bufio.NewReader(conn)
					err = fetch(conn, r, get("/"+files[i], s.Addr))
				}
				if err != nil {
					t.Errorf("%s by connection %d: %v", files[i], b, err)
					return
				}
			}
		})
	}
	loaded.Wait()
	if strings.Contains(s.Log(), "connections refused") {
		t.Error("connections were refused")
	}
}

// fetch asks for something that must come whole.
func fetch(conn *tls.Conn, r *bufio.Reader, request string) error {
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || n != response.ContentLength || n == 0) {
		err = fmt.Errorf("%s, %d bytes of %d", response.Status, n, response.ContentLength)
	}
	return err
}

// webFrom opens a connection that speaks HTTP, or says that it was refused.
func webFrom(s *parleytest.Server) (*tls.Conn, error) {
	conn, err := dialBrowser(s, s.Addr, "http/1.1")
	if err == nil {
		s.T.Cleanup(func() { conn.NetConn().Close() })
	}
	return conn, err
}

// TestWebHTTPBounds: who holds as many connections of HTTP as there may be keeps nobody from the line port; a WebSocket is a stranger until HELLO.
func TestWebHTTPBounds(t *testing.T) {
	t.Parallel()
	hoard := func(t *testing.T, s *parleytest.Server, n int) (held []*tls.Conn) {
		for len(held) < n {
			conn, err := webFrom(s)
			if err != nil {
				t.Fatalf("connection %d of %d: %v", len(held)+1, n, err)
			}
			held = append(held, conn)
		}
		return held
	}
	for _, tt := range []struct {
		name  string
		flags []string
		run   func(t *testing.T, s *parleytest.Server)
	}{
		{"max-http-per-ip", []string{"--max-http-per-ip", "5", "--max-unauth-per-ip", "2", "--max-conns-per-ip", "9"}, func(t *testing.T, s *parleytest.Server) {
			held := hoard(t, s, 5)
			for range 3 {
				if _, err := webFrom(s); err == nil {
					t.Fatal("one more is let in")
				}
			}
			one, two := s.Dial(), s.Dial()
			one.Do("PING|")
			two.Do("PING|")
			if !shut(s, "") {
				t.Error("a third stranger is let in")
			}
			// Both at once, and then over: between two requests a connection is not kept for long.
			codes, bodies := replies(t, held[0], wsRequest(s.Addr, "https://"+s.Addr)+get("/", s.Addr, "Connection: close"))
			if !slices.Equal(codes, []int{http.StatusServiceUnavailable, http.StatusOK}) || !strings.Contains(bodies[0], "too many connections") {
				t.Errorf("a WebSocket where there are all the strangers that may be, and the page after that: %d %.100q", codes, bodies)
			}
			eventually(t, "its place is free", func() bool { _, err := webFrom(s); return err == nil })
			one.Hello("alice", parleytest.Password)
			b := upgraded(t, held[1], wsRequest(s.Addr, "https://"+s.Addr))
			b.do("PING|")
			if !shut(s, "") {
				t.Error("a third stranger is let in, beside a WebSocket")
			}
			two.Hello("alice", parleytest.Password)
			hoard(t, s, 1) // a WebSocket is none of them any more
			if _, err := webFrom(s); err == nil {
				t.Error("one more is let in, beside a WebSocket")
			}
			b.do("HELLO|alice|" + parleytest.Password)
			comes(t, s, "").Do("PING|") // the ninth connection, and the only stranger
			if !shut(s, "") {
				t.Error("one more than max-conns-per-ip is let in")
			}
			for _, conn := range held[2:] {
				conn.Close()
			}
			eventually(t, "the places are free", func() bool { _, err := webFrom(s); return err == nil })
		}},
		{"max-http", []string{"--max-http", "8", "--max-http-per-ip", "0", "--max-unauth", "8"}, func(t *testing.T, s *parleytest.Server) {
			held := hoard(t, s, 5)
			for tries := 0; len(held) < 8; tries++ { // at random from half on
				if conn, err := webFrom(s); err == nil {
					held = append(held, conn)
				} else if tries > 10000 {
					t.Fatal("never full")
				}
			}
			for range 10 {
				if _, err := webFrom(s); err == nil {
					t.Fatal("one more is let in")
				}
			}
			s.SignIn("alice").Do("PING|")
		}},
		{"max-conns-per-ip", []string{"--max-http-per-ip", "0", "--max-conns-per-ip", "6"}, func(t *testing.T, s *parleytest.Server) {
			hoard(t, s, 6)
			if _, err := webFrom(s); err == nil || !shut(s, "127.0.0.1") {
				t.Error("one more is let in")
			}
			s.DialFrom("127.0.0.2").Do("PING|")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := parleytest.Start(t, untimed(tt.flags...)...)
			s.User("alice")
			tt.run(t, s)
			logged(t, s, "connections refused", `"bound":"`+tt.name+`"`)
			if strings.Contains(s.Log(), "handshake failed") {
				t.Error("who is refused is told of twice")
			}
		})
	}
}
