package web

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// stream is a visitor whose peer has sent all that it will, and takes everything.
type stream struct {
	Visitor
	in  io.Reader
	out bytes.Buffer
}

func (s *stream) Read(b []byte) (int, error)       { return s.in.Read(b) }
func (s *stream) Write(b []byte) (int, error)      { return s.out.Write(b) }
func (s *stream) Drain() (gone bool, err error)    { return true, nil }
func (s *stream) SetReadDeadline(time.Time) error  { return nil }
func (s *stream) SetWriteDeadline(time.Time) error { return nil }
func (s *stream) Close() error                     { return nil }

// upgradable is a response that can be taken over.
type upgradable struct {
	http.ResponseWriter
	socket *socket
}

func (u upgradable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return u.socket, bufio.NewReadWriter(bufio.NewReaderSize(u.socket, readAhead), bufio.NewWriterSize(u.socket, frameHead)), nil
}

// open is a WebSocket as a session gets it, over a visitor.
func open(v Visitor) *conn {
	request := httptest.NewRequest("GET", "/ws", nil)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		request.Header.Set(name, value)
	}
	c := &conn{socket: &socket{Visitor: v}}
	if err := c.accept(upgradable{httptest.NewRecorder(), c.socket}, request); err != nil {
		panic(err)
	}
	return c
}

// clientFrame is a frame as browsers send it.
func clientFrame(first byte, payload []byte, mask [4]byte) []byte {
	head := []byte{first, 0x80 | 126}
	if len(payload) < 126 {
		head[1] = 0x80 | byte(len(payload))
	} else {
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload)))
	}
	head = append(head, mask[:]...)
	for i, b := range payload {
		head = append(head, b^mask[i%4])
	}
	return head
}

// TestMessagesAreLines: however texts are cut into fragments, with pings between, and however little is read at once, what is read is their lines.
func TestMessagesAreLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sent, want []byte
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			text := []byte(rapid.StringMatching(`(PING\|[a-zé✈😀]{0,300}(\n|\r\n)?){0,3}`).Draw(t, "text"))
			if want = append(want, text...); !bytes.HasSuffix(text, []byte{'\n'}) {
				want = append(want, '\n')
			}
			first, whole := byte(1), text
			for cuts := rapid.IntRange(0, 4).Draw(t, "cuts"); cuts > 0; cuts-- {
				at := rapid.IntRange(0, len(whole)).Draw(t, "at")
				sent = append(sent, clientFrame(first, whole[:at], [4]byte{1, 2, 3, 4})...)
				first, whole = 0, whole[at:]
				if rapid.Bool().Draw(t, "ping") {
					sent = append(sent, clientFrame(0x89, []byte("p"), [4]byte{5, 6, 7, 8})...)
				}
			}
			sent = append(sent, clientFrame(0x80|first, whole, [4]byte{9, 10, 11, 12})...)
		}
		sent = append(sent, clientFrame(0x88, []byte{3, 232}, [4]byte{})...)
		c := open(&stream{in: bytes.NewReader(sent)})
		var got []byte
		for b := make([]byte, rapid.IntRange(1, 300).Draw(t, "buffer")); ; {
			n, err := c.Read(b)
			got = append(got, b[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v after %q", err, got)
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// FuzzFrames: whatever bytes come, what is read of them is whole lines of UTF-8 or nothing, it comes to an end, and so does closing.
func FuzzFrames(f *testing.F) {
	mask := [4]byte{1, 2, 3, 4}
	for _, seed := range [][]byte{
		clientFrame(0x81, []byte("PING|✈"), mask), clientFrame(0x81, []byte("PING|\xe2\x9c"), mask), clientFrame(0x82, []byte("x"), mask), clientFrame(0x01, nil, mask),
		clientFrame(0x88, []byte{3, 232}, mask), clientFrame(0x89, []byte("p"), mask), clientFrame(0xc1, []byte("x"), mask), clientFrame(0x88, []byte("\x03\xe8\xce"), mask), {0x81, 0x05, 'P', 'I', 'N', 'G', '|'},
		clientFrame(0x81, []byte(strings.Repeat("x", 5000)), mask), {0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := &stream{in: bytes.NewReader(sent)}
		c := open(s)
		var got []byte
		b := make([]byte, 64)
		for {
			n, err := c.Read(b)
			got = append(got, b[:n]...)
			if err != nil {
				break
			}
		}
		if lines := got[:bytes.LastIndexByte(got, '\n')+1]; !utf8.Valid(lines) || len(got) > len(sent)+1 {
			t.Errorf("%q is read of %q", got, sent)
		}
		c.CloseWrite()
		for out := s.out.Bytes(); len(out) > 0; out = out[frameLength(out):] {
			if end := out[:frameLength(out)]; end[0] == closeFrame && (len(end) == closeHead-1 || !utf8.Valid(end[min(closeHead, len(end)):])) {
				t.Errorf("%q is said at the end of %q", end, sent)
			}
		}
		if n, err := io.Copy(io.Discard, c); err != nil || n > int64(len(sent)) {
			t.Errorf("after closing: %d bytes, %v", n, err)
		}
		c.Close()
	})
}
