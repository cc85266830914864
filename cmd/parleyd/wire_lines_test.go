package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestLineLength: 4096 bytes with the LF, and not one more.
func TestLineLength(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("alice")
	line := func(n int) string { return "PING|" + strings.Repeat("x", n-len("PING|")-1) } // n bytes with its LF
	for _, tt := range []struct {
		name, send string
		want       []string
	}{
		{"the longest line", line(4096) + "\n", []string{"OK|*"}},
		{"one byte more", line(4097) + "\nPING|next\n", []string{"too-long", "OK|next"}},
		{"the longest line with CR", line(4095) + "\r\n", []string{"OK|*"}},
		{"one byte more with CR", line(4096) + "\r\nPING|next\n", []string{"too-long", "OK|next"}},
		{"thrown away up to its LF", strings.Repeat("|", 65535) + "\nPING|next\n", []string{"too-long", "OK|next"}},
		{"too long three times", strings.Repeat(strings.Repeat("y", 9000)+"\n", 3) + "PING|next\n", []string{"too-long", "too-long", "too-long", "OK|next"}},
		{"CR LF", "PING|a\r\nPING|b\r\n", []string{"OK|a", "OK|b"}},
		{"CR alone is no line end", "PING|a\rPING|b\n", []string{"bad-text"}},
		{"only LF, only CR LF", "\n\r\n", []string{"bad-format", "bad-format"}},
		{"many lines in one record", strings.Repeat("PING|z\n", 200), slices.Repeat([]string{"OK|z"}, 200)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.SignIn("alice")
			c.Write(tt.send)
			for i, want := range tt.want {
				if got := c.Reply(); !isReply(got, want) {
					t.Errorf("reply %d: %.100q, want %s", i, got, want)
				}
			}
			quiet(t, c)
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		c := s.SignIn("alice")
		for _, b := range "PING|slow\n" {
			c.Write(string(b))
		}
		if got := c.Reply(); got != "OK|slow" {
			t.Error(got)
		}
	})
}

// TestLineWithoutEnd: 64 KiB without an LF end the session.
func TestLineWithoutEnd(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	s.User("alice")
	for name, c := range map[string]*parleytest.Conn{"a stranger": s.Dial(), "signed in": s.SignIn("alice")} {
		t.Run(name, func(t *testing.T) {
			c.Write(strings.Repeat("x", 64<<10))
			lines := ended(t, c, "BYE|flood|*")
			if len(lines) != 2 || !isReply(lines[0], "too-long") {
				t.Errorf("%.300q", lines)
			}
		})
	}
}

// TestHTTP: what some browser was made to send is answered once, nothing of it
// is run, and the connection closes.
func TestHTTP(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	s.User("alice")
	smuggled := "HELLO|alice|" + parleytest.Password + "\r\nMSG|smuggled\r\n"
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, "POST /x HTTP/1.1\r\nContent-Length: 50\r\n\r\n" + smuggled,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled, "GET /HELLO|alice|x HTTP/1.0\r\n" + smuggled, "GET /\n" + smuggled,
		"OPTIONS * HTTP/1.1\r\n" + smuggled, "GET /" + strings.Repeat("a", 5000) + " HTTP/1.1\r\n" + smuggled,
	} {
		c := s.Dial()
		c.Write(request)
		if lines := ended(t, c, "ERROR|bad-format|*"); len(lines) != 1 {
			t.Errorf("%.60q: %q", request, lines)
		}
	}
	c := s.Dial()
	c.Do("PING|first a line")
	c.Write("GET / HTTP/1.1\r\n" + smuggled)
	ended(t, c, "ERROR|bad-format|*")

	alice := s.SignIn("alice")
	hold(t, alice, []exchange{{"GET / HTTP/1.1", "bad-format"}, {"PING|still in", "OK|still in"}})
	if list := answer(t, alice, "FIND|lobby|smuggled"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// TestPipelined: a hundred lines at once get a hundred replies, in their order.
func TestPipelined(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "alice", "bob")
	c, bob := s.SignIn("alice"), s.SignIn("bob")
	c.Do("MSG|first")
	table := []exchange{
		{"PING|%d", "OK|%d"}, {"MSG|text %d", "OK|*"}, {"MSG|", "empty"}, {"JOIN|room%d", "OK|room%d|1|0"}, {"SEND|@bob|k%d|to bob", "OK|*"},
		{"NOSUCH|%d", "unknown-command"}, {"MSG|in room%d", "OK|*"}, {"HISTORY|room%d", "OK|1"}, {"LEAVE|room%d", "OK|room%d"}, {"nonsense %d", "bad-format"},
		{"MSG|nowhere", "not-member"}, {"SEND|@bob|k%d|again", "OK|*"}, {"JOIN|lobby", "OK|lobby|2|*"}, {"WHO|lobby", "OK|alice|bob"},
		{"PING|\xff", "bad-text"}, {strings.Repeat("x", 4096), "too-long"}, {"FIND|lobby|first", "OK|1"}, {"HELLO|alice|x", "already-hello"},
	}
	var lines, want []string
	for i := range 108 {
		x := table[i%len(table)]
		lines = append(lines, strings.ReplaceAll(x.line, "%d", fmt.Sprint(i/len(table))))
		want = append(want, strings.ReplaceAll(x.want, "%d", fmt.Sprint(i/len(table))))
	}
	c.Send(lines...)
	for i, want := range want {
		if got := c.Reply(); !isReply(got, want) {
			t.Fatalf("reply %d to %.60q: %q, want %s", i, lines[i], got, want)
		}
	}
	c.Do("PING|end")
	drop(bob)
	if list := answer(t, bob, "HISTORY|@alice"); len(list) != 6 {
		t.Errorf("keys: %+v", list)
	}
}

// TestSClient: plain openssl s_client works for all of it, from a pipe.
func TestSClient(t *testing.T) {
	t.Parallel()
	openssl := parleytest.Need(t, "openssl")
	s := parleytest.Start(t)
	s.User("alice")
	cmd := exec.Command(openssl, "s_client", "-quiet", "-connect", s.Addr, "-CAfile", s.CA, "-verify_return_error")
	// Every command; none may begin with a letter that s_client acts on.
	cmd.Stdin = strings.NewReader(strings.Join([]string{
		"HELP|", "HELLO|alice|" + parleytest.Password, "HELP|", "MSG|hello from openssl", "JOIN|room", "SEND|room|k|in the room", "WHO|room", "LIST|",
		"HISTORY|room", "FIND|lobby|openssl", "LEAVE|room", "PASSWD|weak", "EJECT|bob|x", "PING|pong", "EXIT|",
	}, "\n") + "\n")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	want := []string{
		"ERROR|hello-first|*", "OK|*|pt1.*|lobby", "OK|HELLO|MSG|*", "OK|*", "OK|room|1|0", "OK|*", "OK|alice", "OK|lobby:*|room:*",
		"MSG|*|room|alice|in the room", "OK|1", "MSG|*|lobby|alice|hello from openssl", "OK|1", "OK|room", "ERROR|weak-password|*", "ERROR|forbidden|*", "OK|pong", "OK|bye",
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if !slices.EqualFunc(want, got, matches) {
		t.Errorf("%q", got)
	}
	for _, name := range strings.Split(strings.TrimPrefix(got[2], "OK|"), "|") {
		if strings.ContainsAny(name[:1], "QRKkCB") {
			t.Errorf("s_client keeps the first letter of %s for itself", name)
		}
	}
}

// TestTLS: 1.3 alone, and strict names of the protocol.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	for _, tt := range []struct {
		name   string
		change func(*tls.Config)
		in     bool
	}{
		{"parley/1", func(*tls.Config) {}, true},
		{"no ALPN", func(c *tls.Config) { c.NextProtos = nil }, true},
		{"parley/1 among others", func(c *tls.Config) { c.NextProtos = []string{"imap", "parley/1"} }, true},
		{"a foreign ALPN", func(c *tls.Config) { c.NextProtos = []string{"imap"} }, false},
		{"h2", func(c *tls.Config) { c.NextProtos = []string{"h2"} }, false},
		{"an ALPN that would forge a log line", func(c *tls.Config) { c.NextProtos = []string{"x\n{\"msg\":\"forged\"}\n\x1b[2J"} }, false},
		{"another version", func(c *tls.Config) { c.NextProtos = []string{"parley/2"} }, false},
		{"TLS 1.2", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, false},
		{"TLS 1.0 to 1.2", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS12 }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := s.TLS()
			tt.change(config)
			conn, err := tls.Dial("tcp", s.Addr, config)
			if (err == nil) != tt.in {
				t.Fatalf("error %v, let in should be %v", err, tt.in)
			}
			if err == nil {
				defer conn.Close()
				fmt.Fprint(conn, "PING|\n")
				b := make([]byte, 100)
				if n, err := conn.Read(b); err != nil || !isReply(strings.TrimSuffix(string(b[:n]), "\n"), "hello-first") {
					t.Errorf("%q %v", b[:n], err)
				}
			}
		})
	}
	logged(t, s, "handshake failed", "127.0.0.1")
	s.Stop()
	for line := range strings.Lines(s.Log()) {
		if !json.Valid([]byte(line)) || strings.HasPrefix(line, `{"msg":"forged"`) {
			t.Errorf("a forged line: %q", line)
		}
	}
}
