package web

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"parley/protocol"
)

// Bytes that are no line's: heads of frames, pings, pongs, empty fragments. A browser sends hardly any.
const (
	idleRate  = 4 << 10  // a second
	idleBurst = 64 << 10 // at once, as of a line without an end
	headBytes = 14       // the longest head of a frame; each message may have one
)

// lastWords is how long the last of what was written may take to go, as in internal/server.
const lastWords = 5 * time.Second

// socket is the bytes under a WebSocket, as its library sees them.
type socket struct {
	Visitor

	// The reader's.
	early   []byte // came with the request
	raw     int    // bytes read
	useful  int    // of these, texts' and their heads'
	charged int    // of these, others'
	idle    *rate.Limiter
	closing bool // the last was written

	mu       sync.Mutex
	gathered *[]byte // what is written, while a message is; nil where it goes straight out
	left     int     // bytes of the frame that is being written
}

// Read implements net.Conn. Its error is protocol.ErrFlood where nearly all that comes is no line.
func (s *socket) Read(b []byte) (n int, err error) {
	if s.closing {
		if err := s.settle(); err != nil {
			return 0, err
		}
	}
	if len(s.early) > 0 {
		n = copy(b, s.early)
		if s.early = s.early[n:]; len(s.early) == 0 {
			s.early = nil
		}
	} else {
		n, err = s.Visitor.Read(b)
	}
	s.raw += n
	if more := s.raw - s.useful - readAhead - s.charged; more > 0 {
		s.charged += more
		if s.idle == nil {
			s.idle = rate.NewLimiter(idleRate, idleBurst)
		}
		if !s.idle.AllowN(time.Now(), more) {
			return 0, protocol.ErrFlood
		}
	}
	return n, err
}

// settle waits until the last is gone: nobody writes after it.
func (s *socket) settle() error {
	s.SetWriteDeadline(time.Now().Add(lastWords))
	for gone := false; !gone; {
		var err error
		if gone, err = s.Drain(); err != nil {
			return err
		}
	}
	return nil
}

// Write implements net.Conn. The library writes one frame after the other, its first frameHead bytes together: all of a control frame.
func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(b)
	if s.left == 0 {
		s.left = frameLength(b)
		b = answer(b)
	}
	s.left -= n
	if s.gathered != nil {
		*s.gathered = append(*s.gathered, b...)
		return n, nil
	}
	if _, err := s.Visitor.Write(b); err != nil {
		return 0, err
	}
	return n, nil
}

// frameLength is how long a frame of the server's is that begins so (RFC 6455, 5.2): it has no mask.
func frameLength(b []byte) int {
	switch n := int(b[1]); n {
	case 126:
		return 4 + int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		return 10 + int(binary.BigEndian.Uint64(b[2:]))
	default:
		return 2 + n
	}
}

// A close frame's first byte, and what stands before its reason.
const (
	closeFrame = 0x88
	closeHead  = 4
)

// answer is the frame, or what is written in place of one that answers a close frame in its own words where those are not UTF-8 (RFC 6455, 8.1):
// the library looks at the code alone.
func answer(b []byte) []byte {
	if b[0] == closeFrame && len(b) > closeHead && !utf8.Valid(b[closeHead:]) {
		return binary.BigEndian.AppendUint16([]byte{closeFrame, 2}, uint16(notUTF8.status))
	}
	return b
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 17<<10); return &b }}

// gather has what write writes, and a control frame that comes between, go out as one. Where that is the close frame, write fails, and it goes all the same.
func (s *socket) gather(write func() error) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	s.mu.Lock()
	s.gathered = buf
	s.mu.Unlock()
	err := write()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gathered = nil
	if len(*buf) > 0 {
		_, lost := s.Visitor.Write(*buf)
		err = errors.Join(err, lost)
	}
	*buf = (*buf)[:0]
	return err
}

// Close is the library's, which does not own the connection: the reader wakes up, and the session closes it.
func (s *socket) Close() error { return s.SetReadDeadline(time.Unix(1, 0)) }
