package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestWebSmuggling: a request that two readers could understand in two ways is refused and the last of its connection, or understood as
// RFC 9112 says; nothing within a request is taken for another.
func TestWebSmuggling(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, untimed("--max-http-per-ip", "0", "--max-unauth-per-ip", "0")...)
	host := "Host: " + s.Addr
	lines := func(lines ...string) string { return strings.Join(lines, "\r\n") }
	hidden := lines("GET /ws HTTP/1.1", host, "", "") // would be refused by 403 if it were a request
	length := fmt.Sprintf("Content-Length: %d", len(hidden))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
	origin := "https://" + s.Addr
	const refused, next = 400, 404 // next: what follows is read as a request of its own
	const kept = 2 * time.Second   // a connection between two requests
	for _, tt := range []struct {
		name, sent string
		want       []int
	}{
		{"two requests at once", get("/icon.svg", s.Addr) + get("/style.css", s.Addr), []int{200, 200, next}},
		{"a body of a GET", lines("GET /icon.svg HTTP/1.1", host, length, "", hidden), []int{refused}},
		{"a body of a POST", lines("POST / HTTP/1.1", host, length, "", hidden), []int{405}},
		{"chunks", lines("GET /icon.svg HTTP/1.1", host, "Transfer-Encoding: chunked", "", chunk), []int{refused}},
		{"two lengths", lines("POST / HTTP/1.1", host, length, "Content-Length: 0", "", hidden), []int{refused}},
		{"a list of lengths", lines("POST / HTTP/1.1", host, length+", 0", "", hidden), []int{refused}},
		{"a length below zero", lines("POST / HTTP/1.1", host, "Content-Length: -1", "", hidden), []int{refused}},
		{"a length with a sign", lines("POST / HTTP/1.1", host, "Content-Length: +5", "", hidden), []int{refused}},
		{"a length in hex", lines("POST / HTTP/1.1", host, "Content-Length: 0x5", "", hidden), []int{refused}},
		{"chunks and a length", lines("POST / HTTP/1.1", host, "Content-Length: 4", "Transfer-Encoding: chunked", "", chunk), []int{405}},
		{"no chunks", lines("GET /icon.svg HTTP/1.1", host, "Transfer-Encoding: chunked", "", "0", "", ""), []int{refused}},
		{"a length of nothing", lines("GET /icon.svg HTTP/1.1", host, "Content-Length: 0", "", ""), []int{200, next}},
		{"a coding that is none", lines("POST / HTTP/1.1", host, "Transfer-Encoding: xchunked", "", chunk), []int{501}},
		{"two codings", lines("POST / HTTP/1.1", host, "Transfer-Encoding: chunked", "Transfer-Encoding: identity", "", chunk), []int{501}},
		{"a space before the colon", lines("POST / HTTP/1.1", host, "Content-Length : 5", "", hidden), []int{refused}},
		{"a NUL in a field", lines("GET / HTTP/1.1", host, "X: a\x00b", "", ""), []int{refused}},
		{"a field without a colon", lines("GET / HTTP/1.1", host, "X", "", ""), []int{refused}},
		{"two hosts", lines("GET / HTTP/1.1", host, "Host: evil.test", "", ""), []int{refused}},
		{"no host", lines("GET / HTTP/1.1", "", ""), []int{refused}},
		{"no host, of HTTP/1.0", lines("GET / HTTP/1.0", "", ""), []int{421}},
		{"HTTP/1.0", lines("GET /icon.svg HTTP/1.0", host, "", ""), []int{200}},
		{"HTTP/0.9", "GET /\r\n\r\n", []int{refused}},
		{"HTTP/3.0", lines("GET / HTTP/3.0", host, "", ""), []int{505}},
		{"a target with another host", lines("GET https://evil.test/ HTTP/1.1", host, "", ""), []int{421, next}},
		{"a target with the host, and another beside it", lines("GET https://"+s.Addr+"/icon.svg HTTP/1.1", "Host: evil.test", "", ""), []int{200, next}},
		{"a target of another scheme", lines("GET file:///etc/passwd HTTP/1.1", host, "", ""), []int{404, next}},
		{"CONNECT", lines("CONNECT evil.test:443 HTTP/1.1", "Host: evil.test:443", "", ""), []int{421, next}},
		{"TRACE", lines("TRACE / HTTP/1.1", host, "", ""), []int{405, next}},
		{"a target of 20 KiB", get("/"+strings.Repeat("x", 20<<10), s.Addr), []int{431}},
		{"a thousand fields", lines("GET / HTTP/1.1", host, strings.Repeat("X: yyyyyyyyyy\r\n", 2000)), []int{431}},
		{"an upgrade to what nobody speaks", get("/icon.svg", s.Addr, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), []int{200, next}},
		{"a WebSocket with a body", wsRequest(s.Addr, origin, length) + hidden, []int{refused}},
		{"a WebSocket with chunks", wsRequest(s.Addr, origin, "Transfer-Encoding: chunked") + chunk, []int{refused}},
		{"a WebSocket of HTTP/1.0", strings.Replace(wsRequest(s.Addr, origin), "HTTP/1.1", "HTTP/1.0", 1), []int{426}},
		{"a WebSocket by a target with another host", strings.Replace(wsRequest(s.Addr, origin), "GET /ws", "GET https://evil.test/ws", 1), []int{421, next}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, pieces := range []int{1 << 20, 7} {
				var got []int
				for tries := 0; tries < 10; tries++ {
					began := time.Now()
					got = answers(t, s, tt.sent+get("/and-then", s.Addr, "Connection: close"), pieces)
					if slices.Equal(got, tt.want) || time.Since(began) < kept/2 {
						break // else the rest may have come too late to be read
					}
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("in pieces of %d: %d, want %d", pieces, got, tt.want)
				}
			}
		})
	}
}

// answers are the status codes of all responses on one connection.
func answers(t *testing.T, s *parleytest.Server, sent string, pieces int) (codes []int) {
	t.Helper()
	conn, err := dialBrowser(s, s.Addr, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		for part := range slices.Chunk([]byte(sent), pieces) {
			if _, err := conn.Write(part); err != nil {
				return
			}
		}
	}()
	codes, _ = replies(t, conn, "")
	return codes
}

// replies sends requests, and returns the status codes and bodies of all responses until the end of the connection, or until it speaks HTTP no more.
func replies(t *testing.T, conn net.Conn, requests string) (codes []int, bodies []string) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(parleytest.Patience))
	if requests != "" {
		io.WriteString(conn, requests) // where that fails, what came back tells why
	}
	for r := bufio.NewReader(conn); ; {
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			return codes, bodies
		}
		codes = append(codes, response.StatusCode)
		if response.StatusCode == http.StatusSwitchingProtocols {
			return codes, bodies
		}
		body, _ := io.ReadAll(response.Body)
		bodies = append(bodies, string(body))
	}
}
