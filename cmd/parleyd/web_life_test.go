package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// lastLine is the last of what came before the close frame, but for who comes and goes.
func lastLine(t *testing.T, lines []string) string {
	t.Helper()
	if len(lines) == 0 {
		t.Error("there were no last words")
		return ""
	}
	return lines[len(lines)-1]
}

// TestWebTimeouts: silence ends a WebSocket as it ends a line connection, and frames that are no lines are silence.
func TestWebTimeouts(t *testing.T) {
	t.Parallel()
	const login, idle = 600 * time.Millisecond, 1500 * time.Millisecond
	hasty := parleytest.Start(t, unlimited("--login-timeout", login.String())...)
	patient := parleytest.Start(t, unlimited("--login-timeout", "0", "--idle-timeout", idle.String())...)
	addUsers(patient, "alice")
	stranger := func(t *testing.T) (b *browserConn, began time.Time) {
		eventually(t, "a WebSocket is open before it is late", func() bool {
			began = time.Now()
			var err error
			b, err = tryBrowse(hasty)
			return err == nil
		})
		return b, began
	}
	alice := func(*testing.T) (*browserConn, time.Time) {
		began := time.Now()
		return signInBrowser(patient, "alice"), began
	}
	for _, tt := range []struct {
		name string
		open func(*testing.T) (*browserConn, time.Time)
		wait time.Duration
		bye  string
		busy []byte // sent all the time
	}{
		{"login", stranger, login, "login-timeout", nil},
		{"login, with lines that are no sign-in", stranger, login, "login-timeout", frame(wsFin|wsText, "HELP|")},
		{"login, within a frame", stranger, login, "login-timeout", []byte{wsFin | wsText}},
		{"idle", alice, idle, "idle", nil},
		{"idle, with pings", alice, idle, "idle", frame(wsFin|wsPing, "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, began := tt.open(t)
			b.t = t
			stop := make(chan struct{})
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				for once := tt.busy; once != nil && !closed(stop); time.Sleep(10 * time.Millisecond) {
					if b.tryWrite(once) != nil || len(once) == 1 {
						return
					}
				}
			}()
			for b.code == 0 {
				if err := b.read(); err != nil {
					t.Fatalf("%v after %q", err, b.lines)
				}
			}
			close(stop)
			<-stopped
			if took := time.Since(began); took < tt.wait-20*time.Millisecond {
				t.Errorf("ended after %v, not %v", took, tt.wait)
			}
			if last := lastLine(t, b.end(1008)); !strings.HasPrefix(last, "BYE|"+tt.bye+"|") {
				t.Errorf("the last words were %q", last)
			}
		})
	}
}

// TestWebRates: an account has its rates once, by whatever front it comes.
func TestWebRates(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--msg-rate", hardly, "--command-rate", hardly)
	addUsers(s, "alice")
	line, b := s.SignIn("alice"), signInBrowser(s, "alice")
	counted(t, "by lines", tally(t, line, "MSG|pasted", 30), 30, 0)
	b.say(strings.Repeat("MSG|pasted\n", 30))
	counts := make(map[string]int)
	for range 30 {
		code := parleytest.Code(b.reply())
		if strings.HasPrefix(code, "OK|") {
			code = "OK"
		}
		counts[code]++
	}
	counted(t, "then by a browser", counts, 10, 20)
	counted(t, "and by lines again", tally(t, line, "MSG|pasted", 5), 0, 5)
}

// TestWebFloods: frames that are no lines cost the server work; who sends hardly anything else is put out, and so is who never reads.
func TestWebFloods(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--login-timeout", "0", "--max-unauth-per-ip", "0")
	for name, flood := range map[string][]byte{
		"pings":           frame(wsFin|wsPing, y125),
		"pongs":           frame(wsFin|wsPong, ""),
		"empty fragments": frame(wsMore, ""),
	} {
		for _, reads := range []bool{true, false} {
			b := browse(s)
			if flood[0] == wsMore {
				b.write(frame(wsText, "PING|"))
			}
			piece := slices.Repeat(flood, 1000)
			written := make(chan int, 1)
			go func() {
				n := 0
				for b.tryWrite(piece) == nil && n < 64<<20 {
					n += len(piece)
				}
				written <- n
			}()
			if !reads {
				if n := <-written; n >= 64<<20 {
					t.Errorf("%s: 64 MiB of them are taken from who never reads", name)
				}
				continue
			}
			for b.code == 0 {
				if err := b.read(); err != nil {
					t.Fatalf("%s: %v after %q", name, err, b.lines)
				}
			}
			if last := lastLine(t, b.lines); !strings.HasPrefix(last, "BYE|flood|") || b.code != 1008 {
				t.Errorf("%s: %q and %d", name, last, b.code)
			}
			b.conn.Close()
			<-written
		}
	}
}

// TestWebSlowReader: a browser that never reads is ended, nobody waits for it, and one that reads at last finds BYE and the close frame.
func TestWebSlowReader(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "16KiB", "--write-timeout", "20s")...)
	addUsers(s, "alice", "bob", "stuck")
	alice, bob, stuck := s.SignIn("alice"), s.SignIn("bob"), signInBrowser(s, "stuck")
	drop(alice, bob)
	text := strings.Repeat("x", 1990)
	for n := 0; endedAsSlow(s, "stuck") == 0; n++ {
		if n > 50000 {
			t.Fatal("a browser that never reads is kept for ever")
		}
		alice.Do(fmt.Sprintf("MSG|%s %d", text, n))
		bob.Await(fmt.Sprintf("%s %d", text, n)) // it never has much to read
	}
	var err error
	for err == nil && stuck.code == 0 {
		err = stuck.read()
	}
	if len(stuck.lines) == 0 {
		t.Errorf("nothing came to who did not read: %v", err)
	}
}

// TestWebHalfOpen: a browser that is gone without a word is missed as a line connection is.
func TestWebHalfOpen(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	addUsers(s, "alice", "bob", "eve")
	bob := s.SignIn("bob")
	alice, eve := signInBrowser(s, "alice"), signInBrowser(s, "eve")
	alice.write([]byte{wsFin | wsText, 0x80 | 100})
	alice.conn.(*tls.Conn).NetConn().Close()
	eve.write(closing(1001, ""))
	eve.end(1001)
	left := bob.Await("LEAVE|lobby|") + bob.Await("LEAVE|lobby|")
	if !strings.Contains(left, "alice") || !strings.Contains(left, "eve") {
		t.Error(left)
	}
}

// TestWebHalfPing: a ping that does not come to its end ends the connection after five seconds, long before anything is idle.
func TestWebHalfPing(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--login-timeout", "0", "--idle-timeout", "0")
	b := browse(s)
	b.write([]byte{wsFin | wsPing, 0x80 | 5, 0, 0, 0, 0, 'x'})
	if err := b.read(); err != io.EOF {
		t.Errorf("%v", err)
	}
}

// TestWebEject: an admin's word ends a browser's session.
func TestWebEject(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	s.User("root", "--admin")
	addUsers(s, "alice")
	root, alice := s.SignIn("root"), signInBrowser(s, "alice")
	if reply := root.Do("EJECT|alice|enough"); reply != "OK|1" {
		t.Fatal(reply)
	}
	if last := lastLine(t, alice.end(1008)); last != "BYE|ejected|enough" {
		t.Error(last)
	}
}

// TestWebSlowRequests: a request that does not come to its end, and one after the other for ever, hold no connection.
func TestWebSlowRequests(t *testing.T) {
	t.Parallel()
	const head, life = 500 * time.Millisecond, 1 * time.Second
	s := parleytest.Start(t, "--handshake-timeout", head.String(), "--login-timeout", life.String())
	open := func() (conn net.Conn, began time.Time) {
		eventually(t, "a handshake is in time", func() bool {
			began = time.Now()
			secured, err := dialBrowser(s, s.Addr, "http/1.1")
			if err == nil {
				conn = secured
				t.Cleanup(func() { conn.Close() })
				conn.SetDeadline(time.Now().Add(parleytest.Patience))
			}
			return err == nil
		})
		return conn, began
	}
	for name, send := range map[string]func(net.Conn){
		"a head by the byte": func(conn net.Conn) {
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(conn, "%c", "GET / HTTP/1.1\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"[min(i, 50)]); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		},
		"nothing": func(net.Conn) {},
		"a body without an end": func(conn net.Conn) {
			io.WriteString(conn, strings.Replace(get("/", s.Addr, "Transfer-Encoding: chunked"), "GET", "POST", 1)+"ffffff\r\n")
		},
	} {
		conn, began := open()
		go send(conn)
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Errorf("%s: it stays open", name)
		}
		if took := time.Since(began); took < head-20*time.Millisecond {
			t.Errorf("%s: closed after %v", name, took)
		}
	}
	conn, _ := open()
	requests := 0
	for r := bufio.NewReader(conn); ; time.Sleep(100 * time.Millisecond) {
		io.WriteString(conn, get("/", s.Addr))
		if closes, err := response(r); err != nil || closes {
			break
		}
		if requests++; requests > 30 {
			t.Fatal("a connection is kept by asking now and then")
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// TestWebManyRequests: a connection has 64 requests, and that is told with the last answer.
func TestWebManyRequests(t *testing.T) {
	t.Parallel()
	const most = 64
	s := parleytest.Start(t, untimed()...)
	conn, err := dialBrowser(s, s.Addr, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(parleytest.Patience))
	go io.WriteString(conn, strings.Repeat(get("/", s.Addr), most)) // no pause between two
	r := bufio.NewReader(conn)
	for n := 1; n <= most; n++ {
		if closes, err := response(r); err != nil || closes != (n == most) {
			t.Fatalf("request %d of %d is the last: %v, %v", n, most, closes, err)
		}
	}
}

// response reads the page, and says whether that was the connection's last.
func response(r *bufio.Reader) (closes bool, err error) {
	for n, first := 0, true; ; first = false {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			return false, err
		case first && !strings.HasPrefix(line, "HTTP/1.1 200 "):
			return false, fmt.Errorf("%q", line)
		case strings.HasPrefix(line, "Content-Length: "):
			fmt.Sscanf(line, "Content-Length: %d", &n)
		case strings.HasPrefix(line, "Connection: close"):
			closes = true
		case line == "\r\n":
			_, err := r.Discard(n)
			return closes, err
		}
	}
}

// TestWebDrainStubborn: neither a browser that answers no close frame, nor a half request, nor a kept connection holds a stopping server up.
func TestWebDrainStubborn(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	addUsers(s, "alice")
	alice := signInBrowser(s, "alice")
	half, kept := browse(s), browse(s)
	half.write([]byte{wsFin | wsText, 0x80 | 100})
	conn, err := dialBrowser(s, s.Addr, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET / HTT")
	idle, err := dialBrowser(s, s.Addr, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	ask(t, idle, get("/", s.Addr))
	if code := s.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, b := range []*browserConn{alice, half, kept} {
		for b.code == 0 {
			if err := b.read(); err != nil {
				t.Fatalf("%v after %q", err, b.lines)
			}
		}
		if last := lastLine(t, b.lines); b.code != 1001 || !strings.HasPrefix(last, "BYE|shutdown|") {
			t.Errorf("%d after %q", b.code, last)
		}
	}
}
