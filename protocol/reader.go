package protocol

import (
	"bytes"
	"errors"
	"io"
)

// Errors of Reader.ReadLine about the line; any other is the underlying reader's.
var (
	// ErrTooLong: more than MaxLine bytes without an LF. Told once a line; the
	// next ReadLine throws the rest away.
	ErrTooLong = errors.New("protocol: line too long")
	// ErrFlood: MaxSkip bytes without an LF. There is no going on after it.
	ErrFlood = errors.New("protocol: no line end in sight")
)

// firstBuffer is what a reader starts with, and goes back to between lines: a
// line people type fits, and ten thousand idle connections stay cheap.
const firstBuffer = 256

// Reader reads lines in bounded memory: at most MaxLine bytes, however long a
// line the peer sends. It is used by one goroutine at a time.
type Reader struct {
	src        io.Reader
	buf        []byte
	start, end int // what was read and not yet returned is buf[start:end]
	scanned    int // no LF in buf[start:start+scanned]
	skipping   bool
	skipped    int // bytes of the present line thrown away
	taken      int64
}

// NewReader returns a Reader of src. No buffer is made before the first read.
func NewReader(src io.Reader) *Reader { return &Reader{src: src} }

// Taken is the number of bytes of all lines so far, line ends and what was thrown away included.
func (r *Reader) Taken() int64 { return r.taken }

// HasLine says whether the next ReadLine finds a line in what was read already, and waits for nothing.
func (r *Reader) HasLine() bool { return bytes.IndexByte(r.buf[r.start:r.end], '\n') >= 0 }

// ReadLine returns the next line without its LF or CR LF. The slice is good
// until the next call. With ErrTooLong it holds the line's beginning. A last
// piece without an LF is not a line. After a time-out ReadLine can go on.
func (r *Reader) ReadLine() ([]byte, error) {
	for {
		if r.skipping {
			if err := r.skip(); err != nil {
				return nil, err
			}
		}
		if line, ok := r.next(); ok {
			return line, nil
		}
		if r.end-r.start >= MaxLine {
			begin := r.buf[r.start:r.end]
			r.skipping, r.skipped = true, len(begin)
			r.taken += int64(len(begin))
			r.start, r.end, r.scanned = 0, 0, 0
			return begin, ErrTooLong
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// next cuts a whole line off the buffer.
func (r *Reader) next() ([]byte, bool) {
	have := r.buf[r.start:r.end]
	i := bytes.IndexByte(have[r.scanned:], '\n')
	if i < 0 {
		r.scanned = len(have)
		return nil, false
	}
	i += r.scanned
	r.take(i + 1)
	return bytes.TrimSuffix(have[:i], []byte{'\r'}), true
}

func (r *Reader) take(n int) {
	r.start += n
	r.scanned = 0
	r.taken += int64(n)
}

// skip throws away up to the LF of a line that was too long.
func (r *Reader) skip() error {
	for {
		have := r.buf[r.start:r.end]
		if i := bytes.IndexByte(have, '\n'); i >= 0 && r.skipped+i < MaxSkip {
			r.take(i + 1)
			r.skipping = false
			return nil
		}
		r.skipped += len(have)
		r.take(len(have))
		if r.skipped >= MaxSkip {
			return ErrFlood
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// fill reads once, into a buffer that grows with the line and shrinks between lines.
func (r *Reader) fill() error {
	switch {
	case r.start == r.end:
		r.start, r.end, r.scanned = 0, 0, 0
		if len(r.buf) != firstBuffer {
			r.buf = make([]byte, firstBuffer)
		}
	case r.start > 0:
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	if r.end == len(r.buf) {
		r.buf = append(r.buf, make([]byte, min(len(r.buf), MaxLine-len(r.buf)))...)
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}
