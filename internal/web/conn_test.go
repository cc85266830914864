package web

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"parley/protocol"
)

// visitor is a connection of which one end is here.
type visitor struct {
	Visitor
	reads  [][]byte
	writes []string
	loose  bool
}

func (v *visitor) Loose() { v.loose = true }

func (v *visitor) Write(b []byte) (int, error) {
	v.writes = append(v.writes, string(b))
	return len(b), nil
}

func (v *visitor) Read(b []byte) (n int, err error) {
	n = copy(b, v.reads[0])
	v.reads = v.reads[1:]
	return n, nil
}

// TestGather: a message is one write, and so one TLS record, whatever its library makes of it; a pong between is in it.
func TestGather(t *testing.T) {
	v := &visitor{}
	s := &socket{Visitor: v}
	const pong, head, text = "\x8a\x04pong", "\x81\x7e\x00\x84", "\x88 and more of what looks like a frame's head"
	s.Write([]byte(pong))
	err := s.gather(func() error {
		s.Write([]byte(pong))
		s.Write([]byte(head + strings.Repeat("x", 132-len(text))))
		s.Write([]byte(text))
		s.Write([]byte(pong))
		return nil
	})
	s.Write([]byte(pong))
	if want := []string{pong, pong + head + strings.Repeat("x", 132-len(text)) + text + pong, pong}; err != nil || !slices.Equal(v.writes, want) {
		t.Errorf("%q %v, want %q", v.writes, err, want)
	}
}

// TestGatherAtTheEnd: a close frame that came before the message, which is not sent any more then, goes out.
func TestGatherAtTheEnd(t *testing.T) {
	v := &visitor{}
	s := &socket{Visitor: v}
	const closing = "\x88\x02\x03\xea"
	err := s.gather(func() error {
		s.Write([]byte(closing))
		return net.ErrClosed
	})
	if want := []string{closing}; !errors.Is(err, net.ErrClosed) || !slices.Equal(v.writes, want) {
		t.Errorf("%q %v, want %q", v.writes, err, want)
	}
}

// taken is a response whose connection can be taken over, with bytes behind the request.
type taken struct {
	http.ResponseWriter
	behind *bufio.Reader
}

func (r taken) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, bufio.NewReadWriter(r.behind, nil), nil
}

// TestHijack: from the upgrade on writes wait for nobody, and what is kept is small.
func TestHijack(t *testing.T) {
	v := &visitor{reads: [][]byte{[]byte("later")}}
	behind := bufio.NewReader(strings.NewReader("early"))
	behind.Peek(1)
	conn, small, err := hijacker{taken{behind: behind}, &socket{Visitor: v}}.Hijack()
	if err != nil || !v.loose || small.Reader.Size() > 512 || small.Writer.Size() > 128 {
		t.Fatalf("%v; loose: %v; buffers of %d and %d bytes", err, v.loose, small.Reader.Size(), small.Writer.Size())
	}
	b := make([]byte, 10)
	for _, want := range []string{"early", "later"} {
		if n, err := conn.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("%q %v, want %q", b[:n], err, want)
		}
	}
}

// TestIdleBytes: bytes that are lines cost nothing, and others are a flood beyond what is allowed at once.
func TestIdleBytes(t *testing.T) {
	piece := make([]byte, 256)
	for name, useful := range map[string]int{"lines": len(piece), "pings": 0, "fragments of a byte": len(piece) / 7} {
		s := &socket{Visitor: &visitor{reads: slices.Repeat([][]byte{piece}, 10000)}}
		taken, err := 0, error(nil)
		for b := make([]byte, len(piece)); err == nil && taken < 10000; taken++ {
			_, err = s.Read(b)
			s.useful += useful
		}
		if got := taken * (len(piece) - useful); useful == len(piece) && err != nil || useful < len(piece) && (err != protocol.ErrFlood || got < idleBurst || got > 2*idleBurst) {
			t.Errorf("%s: %v after %d bytes", name, err, got)
		}
	}
}

// FuzzUTF8Check: a text in parts is judged as the whole is.
func FuzzUTF8Check(f *testing.F) {
	for _, text := range []string{"", "a", "κόσμε ✈ 😀", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xce", "a\xff", "\xe2\n\x9c\x88", "\xc0\xaf", "\xf0\x9f\x98"} {
		f.Add([]byte(text), uint(1), uint(2))
	}
	f.Fuzz(func(t *testing.T, text []byte, i, j uint) {
		i %= uint(len(text)) + 1
		j = i + j%(uint(len(text))-i+1)
		var check utf8Check
		ok := check.add(text[:i]) && check.add(text[i:j]) && check.add(text[j:]) && !check.open()
		if ok != utf8.Valid(text) {
			t.Errorf("%q in parts to %d and %d: %v", text, i, j, ok)
		}
	})
}

// TestLoad: a page that browsers could not be told the type of, or that is not there, is no page.
func TestLoad(t *testing.T) {
	fine := fstest.MapFS{"index.html": {Data: []byte("hello")}, "js/a.js": {Data: []byte("1")}}
	files, err := load(fine)
	if err != nil || len(files) != 3 || string(files["/"].content) != "hello" || files["/js/a.js"].kind != "text/javascript; charset=utf-8" {
		t.Errorf("%v %v", files, err)
	}
	if files["/"].etag == files["/js/a.js"].etag {
		t.Error("two files have one ETag")
	}
	for name, bad := range map[string]fstest.MapFS{
		"no index":     {"a.js": {Data: []byte("1")}},
		"unknown type": {"index.html": {}, "notes.txt~": {}},
	} {
		if _, err := load(bad); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
