package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"parley/tlsutil"
)

// conn is a connection, of TLS or plain, whose Write does not wait for the peer (session's eager).
type conn struct {
	net.Conn // a *tls.Conn over wire, or wire itself
	wire     *wire
}

// secure puts TLS on an accepted connection, where there is a config. The handshake waits as usual, also for its turns; loose ends that.
func secure(socket net.Conn, config *tls.Config, turns turns) (*conn, error) {
	w, err := newWire(socket)
	if err != nil {
		return nil, err
	}
	if config == nil {
		return &conn{Conn: w, wire: w}, nil
	}
	w.turn.of = turns
	return &conn{Conn: tls.Server(w, config), wire: w}, nil
}

// shake does the handshake, where there is TLS. After errProved there is nothing more to say to the peer.
func (c *conn) shake() error {
	secured, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	defer c.wire.turn.end()
	err := secured.Handshake()
	if err == nil && secured.ConnectionState().NegotiatedProtocol == tlsutil.Proof {
		err = errProved
	}
	return err
}

// loose has writes wait no more, from the handshake's end on.
func (c *conn) loose() { c.wire.loose = true }

// Cork has what is written wait for Uncork.
func (c *conn) Cork() { c.wire.cork() }

// Uncork writes what waits, and says whether all that was ever written is gone.
func (c *conn) Uncork() (gone bool, err error) { return c.wire.uncork() }

// Drain waits, under the write deadline, until some of what is kept is gone, and says whether it was all.
func (c *conn) Drain() (gone bool, err error) { return c.wire.drain() }

// lastWords is how long close_notify may take, as in crypto/tls.
const lastWords = 5 * time.Second

// CloseWrite sends close_notify, where there is TLS, and waits for all that was written to go.
func (c *conn) CloseWrite() error {
	var err error
	if secured, ok := c.Conn.(*tls.Conn); ok {
		err = secured.CloseWrite()
	}
	gone, lost := c.Uncork()
	c.SetWriteDeadline(time.Now().Add(lastWords))
	for !gone && lost == nil {
		gone, lost = c.Drain()
	}
	return errors.Join(err, lost)
}

// keptMost is the most that a wire keeps: what a session hands over at a time with its
// records' frames, and what TLS says by itself meanwhile.
const keptMost = 128 << 10

var errKept = errors.New("server: too much is kept for a peer that takes nothing")

// wire is the socket under a TLS connection. TLS cannot go on after a write that timed out
// or wrote half a record; so nothing here does: what the socket does not take is kept, in
// order, until drain. Writes come from whoever writes to the session, and from its reader (TLS's own
// answers to a KeyUpdate), one at a time by TLS's lock.
type wire struct {
	net.Conn
	raw   syscall.RawConn
	try   func(fd uintptr)      // w.tryWrite, w.moreWrite and w.tryRead, made once
	more  func(fd uintptr) bool //
	take  func(fd uintptr) bool //
	loose bool                  // writes do not wait; set once, before the connection is shared
	in    incoming              // the reader's
	turn  turn                  // the handshake's
	greet func([]string) error  // the same: told which protocols the peer offers, by greeting's config

	mu     sync.Mutex
	corked bool
	kept   *rest  // nil where nothing is
	out    []byte // for try
	err    error  // the first; there is no going on after it
}

// rest is what is kept: b[sent:].
type rest struct {
	b    []byte
	sent int
}

var rests = sync.Pool{New: func() any { return &rest{b: make([]byte, 0, 66<<10)} }}

func newWire(socket net.Conn) (*wire, error) {
	bare, ok := socket.(syscall.Conn)
	if !ok {
		return nil, errors.New("server: not a socket")
	}
	raw, err := bare.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: socket, raw: raw}
	w.try, w.more, w.take = w.tryWrite, w.moreWrite, w.tryRead
	return w, nil
}

// incoming is one Read: where to, and what came of it.
type incoming struct {
	b   []byte
	n   int
	err error
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	if !w.loose || len(b) == 0 {
		w.turn.give()
		n, err := w.Conn.Read(b)
		w.turn.take()
		return n, err
	}
	w.in = incoming{b: b}
	err := w.raw.Read(w.take)
	in := w.in
	w.in.b = nil
	switch {
	case in.err != nil:
		return 0, in.err
	case err != nil:
		return 0, err
	case in.n == 0:
		return 0, io.EOF
	}
	return in.n, nil
}

// tryRead is false where there is nothing yet.
func (w *wire) tryRead(fd uintptr) bool {
	for {
		n, err := receiveNow(fd, w.in.b)
		switch {
		case err == nil:
			w.in.n = n
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return false
		default:
			w.in.err = os.NewSyscallError("read", err)
		}
		return true
	}
}

// Write implements net.Conn. It takes all of b, or fails for good.
func (w *wire) Write(b []byte) (int, error) {
	if !w.loose {
		return w.Conn.Write(b)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	unsent := b
	if !w.corked && w.kept == nil && w.err == nil {
		unsent = w.send(b)
	}
	if len(unsent) > 0 && w.err == nil {
		w.keep(unsent)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(b), nil
}

func (w *wire) keep(b []byte) {
	if w.kept == nil {
		w.kept = rests.Get().(*rest)
	}
	k := w.kept
	if len(k.b)-k.sent+len(b) > keptMost {
		w.err = errKept
		return
	}
	if len(k.b)+len(b) > cap(k.b) { // what is gone makes room before anything grows
		k.b = k.b[:copy(k.b, k.b[k.sent:])]
		k.sent = 0
	}
	k.b = append(k.b, b...)
}

func (w *wire) cork() {
	w.mu.Lock()
	w.corked = true
	w.mu.Unlock()
}

func (w *wire) uncork() (gone bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.corked {
		w.corked = false
		if w.kept != nil && w.err == nil {
			w.sent(w.send(w.kept.b[w.kept.sent:]))
		}
	}
	return w.kept == nil, w.err
}

// sent says what is still unsent of what is kept.
func (w *wire) sent(unsent []byte) {
	if w.kept.sent = len(w.kept.b) - len(unsent); len(unsent) == 0 {
		w.kept.b, w.kept.sent = w.kept.b[:0], 0
		rests.Put(w.kept)
		w.kept = nil
	}
}

// send writes b as far as the socket takes it, and returns what it does not.
func (w *wire) send(b []byte) (unsent []byte) {
	w.out = b
	// Not raw.Write: it looks at the write deadline, which is for drain.
	if err := w.raw.Control(w.try); err != nil && w.err == nil {
		w.err = err
	}
	unsent, w.out = w.out, nil
	return unsent
}

func (w *wire) tryWrite(fd uintptr) {
	for len(w.out) > 0 {
		n, err := sendNow(fd, w.out)
		switch {
		case n > 0:
			w.out = w.out[n:]
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return
		default:
			w.err = os.NewSyscallError("write", err)
			return
		}
	}
}

func (w *wire) drain() (gone bool, err error) {
	err = w.raw.Write(w.more)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	return w.kept == nil, w.err
}

// moreWrite is true where waiting is over: something went, or nothing will.
func (w *wire) moreWrite(fd uintptr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kept == nil || w.err != nil {
		return true
	}
	w.out = w.kept.b[w.kept.sent:]
	before := len(w.out)
	w.tryWrite(fd)
	unsent := w.out
	w.out = nil
	w.sent(unsent)
	return len(unsent) < before || w.err != nil
}
