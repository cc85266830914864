package parleytest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Cut is how a Link is.
type Cut int

const (
	Open  Cut = iota // it carries everything
	Hole             // nothing comes through and nobody is told; what was sent comes when it is open again, as TCP would repeat it
	Reset            // what was connected is reset, and so is who connects
)

// Link is a way between two programs: a TCP proxy on loopback, which can be cut.
type Link struct {
	Addr string // where to connect to; the same for the link's life

	to       func() string // where it leads to now
	listener net.Listener
	carriers sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	state   Cut
	closed  bool
	conns   map[*net.TCPConn]bool
}

// NewLink makes an open one, to the address that to says at each connection. It ends with the test.
func NewLink(t testing.TB, to func() string) *Link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{Addr: listener.Addr().String(), to: to, listener: listener, conns: make(map[*net.TCPConn]bool)}
	l.changed = sync.NewCond(&l.mu)
	l.carriers.Go(l.accept)
	t.Cleanup(l.close)
	return l
}

// Set cuts the link or opens it again. After a cut at most what was just being handed on still comes through.
func (l *Link) Set(state Cut) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	if state == Reset {
		l.drop()
	}
	l.changed.Broadcast()
}

func (l *Link) close() {
	l.listener.Close()
	l.mu.Lock()
	l.closed = true
	l.drop()
	l.changed.Broadcast()
	l.mu.Unlock()
	l.carriers.Wait()
}

// drop resets all connections. It is called with mu held.
func (l *Link) drop() {
	for c := range l.conns {
		c.SetLinger(0)
		c.Close()
	}
	clear(l.conns)
}

// enter adds a connection to those that a cut resets; false where it is too late.
func (l *Link) enter(c *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.state == Reset {
		c.SetLinger(0)
		c.Close()
		return false
	}
	l.conns[c] = true
	return true
}

// leave resets a connection that is not needed any more.
func (l *Link) leave(conns ...*net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		delete(l.conns, c)
		c.SetLinger(0)
		c.Close()
	}
}

func (l *Link) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		if from := c.(*net.TCPConn); l.enter(from) {
			l.carriers.Go(func() { l.carry(from) })
		}
	}
}

// carry connects one connection through and waits for its end.
func (l *Link) carry(from *net.TCPConn) {
	defer l.leave(from)
	if !l.through(nil, nil) {
		return
	}
	c, err := net.DialTimeout("tcp", l.to(), Patience)
	if err != nil {
		return
	}
	to := c.(*net.TCPConn)
	if !l.enter(to) {
		return
	}
	defer l.leave(to)
	var both sync.WaitGroup
	both.Go(func() { l.copy(to, from) })
	both.Go(func() { l.copy(from, to) })
	both.Wait()
}

// copy carries what comes one way, and its end.
func (l *Link) copy(to, from *net.TCPConn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if !l.through(to, buf[:n]) {
			break
		}
		if err == io.EOF {
			to.CloseWrite()
			return
		}
		if err != nil {
			break
		}
	}
	l.leave(to, from)
}

// through waits while the link is a hole and then hands bytes on, to nobody where to is nil; false where that fails.
func (l *Link) through(to *net.TCPConn, bytes []byte) bool {
	l.mu.Lock()
	for l.state == Hole && !l.closed {
		l.changed.Wait()
	}
	ended := l.closed || l.state == Reset
	l.mu.Unlock()
	if ended || to == nil {
		return !ended
	}
	_, err := to.Write(bytes)
	return err == nil
}
