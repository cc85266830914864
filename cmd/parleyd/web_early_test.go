package main

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestWebEarly: frames that came behind the request, before its answer, are read.
func TestWebEarly(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	conn, err := dialBrowser(s, s.Addr, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := &browserConn{t: t, conn: conn, r: bufio.NewReader(conn)}
	b.write(slices.Concat([]byte(wsRequest(s.Addr, "https://"+s.Addr)), frame(wsFin|wsText, "PING|"+strings.Repeat("x", 1000)), frame(wsFin|wsPing, "p"), []byte{wsFin | wsText}))
	if response, err := http.ReadResponse(b.r, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response, err)
	}
	if line := b.line(); !strings.HasPrefix(line, "ERROR|hello-first|") {
		t.Error(line)
	}
	b.write(frame(wsFin|wsText, "PING|")[1:])
	if line := b.line(); !strings.HasPrefix(line, "ERROR|hello-first|") || !slices.Equal(b.pongs, []string{"p"}) {
		t.Errorf("%s, pongs %q", line, b.pongs)
	}
}

// TestWebManyMessages: short messages, each with its head, are no flood.
func TestWebManyMessages(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice")
	alice := signInBrowser(s, "alice")
	const n = 50000
	written := make(chan struct{})
	go func() {
		defer close(written)
		piece := slices.Repeat(frame(wsFin|wsText, "PING|"), 1000)
		for range n / 1000 {
			if alice.tryWrite(piece) != nil {
				return
			}
		}
	}()
	for range n {
		if reply := alice.reply(); reply != "OK|" {
			t.Fatal(reply)
		}
	}
	<-written
}
