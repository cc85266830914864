package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// Opcodes of RFC 6455, 5.2.
const (
	wsMore   = 0x0
	wsText   = 0x1
	wsBinary = 0x2
	wsClose  = 0x8
	wsPing   = 0x9
	wsPong   = 0xa
	wsFin    = 0x80
)

// browserConn is a WebSocket spoken by hand, as a browser's, or as no browser would.
type browserConn struct {
	t     testing.TB
	conn  net.Conn
	r     *bufio.Reader
	lines []string // of messages that were read
	pongs []string
	sent  []string // fields of the OK to hello
	code  int      // of the close frame, once it came; 1005 where it had none
	why   string
}

// dialBrowser connects by TLS and offers the ALPN names.
func dialBrowser(s *parleytest.Server, addr string, names ...string) (*tls.Conn, error) {
	config := s.TLS()
	config.NextProtos = names
	config.DynamicRecordSizingDisabled = true // what is written at once comes at once
	return tls.DialWithDialer(&net.Dialer{Timeout: parleytest.Patience}, "tcp", addr, config)
}

// wsRequest is what asks for /ws; more are further lines of the head.
func wsRequest(host, origin string, more ...string) string {
	head := []string{"GET /ws HTTP/1.1", "Host: " + host, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	if origin != "" {
		head = append(head, "Origin: "+origin)
	}
	return strings.Join(append(head, more...), "\r\n") + "\r\n\r\n"
}

// browse opens a WebSocket at the server's own address.
func browse(s *parleytest.Server) *browserConn {
	s.T.Helper()
	b, err := tryBrowse(s)
	if err != nil {
		s.T.Fatal(err)
	}
	return b
}

// tryBrowse is browse where the server may close the connection first.
func tryBrowse(s *parleytest.Server) (*browserConn, error) {
	s.T.Helper()
	conn, err := dialBrowser(s, s.Addr, "http/1.1")
	if err != nil {
		return nil, err
	}
	s.T.Cleanup(func() { conn.NetConn().Close() })
	return tryUpgraded(s.T, conn, wsRequest(s.Addr, "https://"+s.Addr))
}

// upgraded sends the request, which must lead to a WebSocket.
func upgraded(t testing.TB, conn net.Conn, request string) *browserConn {
	t.Helper()
	b, err := tryUpgraded(t, conn, request)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tryUpgraded is upgraded where there may be no answer.
func tryUpgraded(t testing.TB, conn net.Conn, request string) (*browserConn, error) {
	t.Helper()
	b := &browserConn{t: t, conn: conn, r: bufio.NewReader(conn)}
	if err := b.tryWrite([]byte(request)); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(b.r, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("no WebSocket: %s %v %s", response.Status, response.Header, body)
	}
	if len(response.Cookies()) > 0 || response.Header.Get("Sec-WebSocket-Extensions") != "" {
		t.Errorf("cookies or extensions: %v", response.Header)
	}
	return b, nil
}

// signInBrowser opens a WebSocket and signs in.
func signInBrowser(s *parleytest.Server, name string) *browserConn {
	s.T.Helper()
	b := browse(s)
	reply, ok := strings.CutPrefix(b.do("HELLO|"+name+"|"+parleytest.Password), "OK|")
	if !ok {
		s.T.Fatal(reply)
	}
	b.sent = strings.Split(reply, "|")
	return b
}

func (b *browserConn) write(p []byte) {
	b.t.Helper()
	if err := b.tryWrite(p); err != nil {
		b.t.Fatalf("write: %v", err)
	}
}

func (b *browserConn) tryWrite(p []byte) error {
	b.conn.SetWriteDeadline(time.Now().Add(parleytest.Patience))
	_, err := b.conn.Write(p)
	return err
}

// frame is a client's frame; first is the opcode with its bits.
func frame(first byte, payload string) []byte {
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	p := []byte(payload)
	for i := range p {
		p[i] ^= mask[i%4]
	}
	return append(append(frameHead(first, 0x80, len(p)), mask[:]...), p...)
}

func frameHead(first, masked byte, n int) []byte {
	switch {
	case n < 126:
		return []byte{first, masked | byte(n)}
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16([]byte{first, masked | 126}, uint16(n))
	}
	return binary.BigEndian.AppendUint64([]byte{first, masked | 127}, uint64(n))
}

// say sends one text message.
func (b *browserConn) say(text string) { b.t.Helper(); b.write(frame(wsFin|wsText, text)) }

// read takes one frame from the server, which are never masked, fragmented or too long.
func (b *browserConn) read() error {
	b.conn.SetReadDeadline(time.Now().Add(parleytest.Patience))
	var head [2]byte
	if _, err := io.ReadFull(b.r, head[:]); err != nil {
		return err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var long uint16
		if err := binary.Read(b.r, binary.BigEndian, &long); err != nil {
			return err
		}
		n = uint64(long)
	case 127:
		if err := binary.Read(b.r, binary.BigEndian, &n); err != nil {
			return err
		}
	}
	if n > 1<<20 {
		return fmt.Errorf("a frame of %d bytes", n)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(b.r, payload); err != nil {
		return err
	}
	return b.took(head[0], string(payload))
}

func (b *browserConn) took(first byte, payload string) error {
	if b.code != 0 {
		return fmt.Errorf("a frame after the close frame: %#x %q", first, payload)
	}
	switch first {
	case wsFin | wsText:
		if payload == "" || strings.HasSuffix(payload, "\n") {
			return fmt.Errorf("not whole lines with an LF between: %q", payload)
		}
		b.lines = append(b.lines, strings.Split(payload, "\n")...)
	case wsFin | wsPong:
		b.pongs = append(b.pongs, payload)
	case wsFin | wsClose:
		b.code = 1005
		if len(payload) >= 2 {
			b.code, b.why = int(binary.BigEndian.Uint16([]byte(payload))), payload[2:]
		}
	default:
		return fmt.Errorf("an unexpected frame: %#x %q", first, payload)
	}
	return nil
}

// tryLine is the next line, or why there is none.
func (b *browserConn) tryLine() (string, error) {
	for len(b.lines) == 0 {
		if err := b.read(); err != nil {
			return "", err
		}
		if b.code != 0 && len(b.lines) == 0 {
			return "", io.EOF
		}
	}
	line := b.lines[0]
	b.lines = b.lines[1:]
	return line, nil
}

func (b *browserConn) line() string {
	b.t.Helper()
	line, err := b.tryLine()
	if err != nil {
		b.t.Fatalf("no line: %v (close %d %q)", err, b.code, b.why)
	}
	return line
}

// do sends one line, and returns its reply.
func (b *browserConn) do(line string) string {
	b.t.Helper()
	b.say(line)
	return b.reply()
}

func (b *browserConn) reply() string {
	b.t.Helper()
	for {
		if line := b.line(); parleytest.IsReply(line) {
			return line
		}
	}
}

// end reads to the close frame, answers it as a browser does, and wants the connection to end by close_notify. It returns what lines were left.
func (b *browserConn) end(code int) []string {
	b.t.Helper()
	for b.code == 0 {
		if err := b.read(); err != nil {
			b.t.Fatalf("no close frame: %v after %q", err, b.lines)
		}
	}
	if b.code != code {
		b.t.Errorf("closed with %d %q, not %d; before: %q", b.code, b.why, code, b.lines)
	}
	b.tryWrite(frame(wsFin|wsClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))))
	if half, ok := b.conn.(*tls.Conn); ok && (code == 1002 || code == 1009) {
		half.CloseWrite() // the server cannot tell frames any more, and would wait a second for the end of the stream
	}
	if err := b.read(); err != io.EOF {
		b.t.Errorf("after the close frame: %v", err)
	}
	return b.lines
}
