package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
	"parley/tlsutil"
)

// foreign are servers that are none of parley's, as the lines they answer.
var foreign = []struct {
	name   string
	plain  bool // no TLS
	protos []string
	serve  func(net.Conn)
	says   string // of the probe's complaint
}{
	{name: "echo", serve: func(c net.Conn) { io.Copy(c, c) }, says: "this is not a parley server"},
	{name: "echo with parley's ALPN", protos: []string{"parley/1"}, serve: func(c net.Conn) { io.Copy(c, c) }, says: `it says "PING|`},
	{name: "IRC", protos: []string{"parley/1", "irc"}, serve: irc, says: "NOTICE"},
	{name: "IRC without ALPN", serve: irc, says: "this is not a parley server"},
	{name: "no TLS", plain: true, serve: irc, says: "this is not a parley server"},
	{name: "silent", protos: []string{"parley/1"}, serve: func(c net.Conn) { io.Copy(io.Discard, c) }, says: "says nothing"},
	{name: "closing", protos: []string{"parley/1"}, serve: func(net.Conn) {}, says: "this is not a parley server"},
	{name: "refusing", protos: []string{"parley/1"}, serve: alwaysRefuses, says: "EXIT"},
	{name: "endless", protos: []string{"parley/1"}, serve: func(c net.Conn) {
		for {
			if _, err := c.Write([]byte(strings.Repeat("A", 16384))); err != nil {
				return
			}
		}
	}, says: "this is not a parley server"},
	{name: "escaping", protos: []string{"parley/1"}, serve: func(c net.Conn) { fmt.Fprint(c, "\x1b]0;owned\a\n"); io.Copy(io.Discard, c) }, says: `\u{1b}]0;owned`},
}

func irc(c net.Conn) {
	fmt.Fprint(c, ":irc.example NOTICE * :*** Looking up your hostname...\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		fmt.Fprint(c, ":irc.example 451 * :You have not registered\r\n")
	}
}

// alwaysRefuses is as near as one comes to parley without being it: it never closes.
func alwaysRefuses(c net.Conn) {
	for lines := bufio.NewScanner(c); lines.Scan(); {
		fmt.Fprint(c, "ERROR|hello-first|sign in first\n")
	}
}

// TestForeignServers: what is no parley server is told so, with exit code 3, and nothing is said to hold.
func TestForeignServers(t *testing.T) {
	t.Parallel()
	certs, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certs.Cert, certs.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range foreign {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer c.Close()
						c.SetDeadline(time.Now().Add(2 * parleytest.Patience))
						if !f.plain {
							c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: f.protos})
						}
						f.serve(c)
						c.Close()
					}()
				}
			}()
			got := execProbe(t, l.Addr().String(), "--ca", certs.CA)
			if got.code != exitForeign || !strings.Contains(got.stderr, f.says) || len(got.rows) > 0 {
				t.Errorf("exit code %d, want %d and %q:\n%s", got.code, exitForeign, f.says, got.stderr)
			}
			if strings.ContainsFunc(got.stderr, func(r rune) bool { return r < ' ' && r != '\n' }) {
				t.Errorf("what the server said reaches the terminal: %q", got.stderr)
			}
		})
	}
}

// TestUntrusted: to a server that is not the one meant nothing is sent.
func TestUntrusted(t *testing.T) {
	s := parleytest.Start(t)
	other, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"CA":  {s.Addr, "--ca", other.CA},
		"pin": {s.Addr, "--pin", other.Pin},
	} {
		if got := execProbe(t, args...); got.code != exitForeign || !strings.Contains(got.stderr, "not trusted, and nothing was sent") {
			t.Errorf("%s: exit code %d\n%s", name, got.code, got.stderr)
		}
	}
	if strings.Contains(s.Log(), "connected") {
		t.Errorf("a session was opened:\n%s", s.Log())
	}
}

// TestPin: a pin is trust enough, for every stage that makes a configuration of its own.
func TestPin(t *testing.T) {
	s := parleytest.Start(t)
	keys, err := tlsutil.LoadKeyPair(filepath.Join(s.Certs, "server.pem"), filepath.Join(s.Certs, "server-key.pem"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	got := execProbe(t, s.Addr, "--pin", keys.Pin(), "--json", "--only", "tls-versions,tls-tickets,alpn")
	if len(got.with(held)) != 3 || got.code != exitHeld {
		t.Errorf("exit code %d, %v\n%s", got.code, got.rows, got.stderr)
	}
}
