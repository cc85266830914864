package session

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/parleytest"
)

// socket is an eager connection in memory whose peer takes room bytes and then waits.
type socket struct {
	net.Conn // its deadlines; nothing is written to it
	room     int
	more     chan int // what the peer takes later; closed: it is lost

	corked bool
	kept   []byte
	taken  []byte
	calls  []int // sizes of what went out at once
}

func newSocket(t testing.TB, room int) *socket {
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	return &socket{Conn: here, room: room, more: make(chan int)}
}

func (s *socket) Write(b []byte) (int, error) {
	s.kept = append(s.kept, b...)
	if !s.corked {
		s.send()
	}
	return len(b), nil
}

func (s *socket) send() {
	n := min(len(s.kept), s.room)
	s.calls = append(s.calls, n)
	s.taken = append(s.taken, s.kept[:n]...)
	s.kept = s.kept[n:]
	s.room -= n
}

func (s *socket) Cork() { s.corked = true }

func (s *socket) Uncork() (bool, error) {
	if s.corked {
		s.corked = false
		s.send()
	}
	return len(s.kept) == 0, nil
}

func (s *socket) Drain() (bool, error) {
	room, ok := <-s.more
	if !ok {
		return false, io.ErrClosedPipe
	}
	s.room += room
	s.send()
	return len(s.kept) == 0, nil
}

// What is flushed goes out by one call where it can: a lone piece as it is, several in records, many records together.
func TestFlushIsOneCall(t *testing.T) {
	for _, tt := range []struct{ pieces, size, calls int }{
		{1, 10, 1}, {1, recordSize, 1}, {100, 100, 1}, {3, recordSize, 1}, {64, 1 << 10, 1}, {65, 1 << 10, 2}, {1, recordSize + 1, 1},
	} {
		s := newSocket(t, 1<<30)
		o := newOutbox(s, 0, 0, nil)
		var want []byte
		for i := range tt.pieces {
			p := slices.Repeat([]byte{byte(i)}, tt.size)
			want = append(want, p...)
			o.event(p)
		}
		o.flush()
		if len(s.calls) != tt.calls || !slices.Equal(s.taken, want) {
			t.Errorf("%d pieces of %d bytes: calls of %v bytes", tt.pieces, tt.size, s.calls)
		}
	}
}

// A full socket holds up nobody who flushes; all goes out, in order, as the peer takes it.
func TestFullSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket(t, 1000)
		o := newOutbox(s, 1<<20, 0, nil)
		var want []byte
		say := func(n int) {
			for range n {
				p := fmt.Appendf(nil, "%0100d\n", len(want))
				want = append(want, p...)
				o.event(p)
				o.flush()
			}
		}
		say(100)
		for len(s.calls) < 400 {
			s.more <- 70
			synctest.Wait()
			say(1)
		}
		s.more <- 1 << 30
		synctest.Wait()
		say(10)
		if !slices.Equal(s.taken, want) {
			t.Errorf("%d of %d bytes arrived, or others", len(s.taken), len(want))
		}
		if o.writing || o.waiting != [2]int{} {
			t.Errorf("at rest: writing %v, waiting %v", o.writing, o.waiting)
		}
	})
}

// What is dropped at the end is not torn: what was begun goes out whole, and the last words after it.
func TestFinishDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket(t, 1000)
		o := newOutbox(s, 0, 0, nil)
		for range 20 {
			o.event(make([]byte, recordSize))
		}
		o.flush()
		go func() { s.more <- 1 << 30 }()
		o.finish([]byte("BYE"), time.Now().Add(time.Second), true)
		if len(s.taken) != handover+3 || !strings.HasSuffix(string(s.taken), "\x00BYE") {
			t.Errorf("%d bytes came, the last %q", len(s.taken), s.taken[len(s.taken)-4:])
		}
	})
}

// A connection that is lost while the outbox waits ends the waiting.
func TestFullSocketIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket(t, 10)
		o := newOutbox(s, 0, 0, nil)
		o.event(make([]byte, 100))
		o.flush()
		close(s.more)
		o.finish([]byte("BYE"), time.Now().Add(time.Second), false)
		o.event([]byte("late"))
		o.flush()
		if len(s.taken) != 10 || !slices.Equal(s.calls, []int{10}) {
			t.Errorf("came: %v", s.calls)
		}
	})
}

// sink is an eager connection that takes everything.
type sink struct{ net.Conn }

func (sink) Write(b []byte) (int, error) { return len(b), nil }
func (sink) Cork()                       {}
func (sink) Uncork() (bool, error)       { return true, nil }
func (sink) Drain() (bool, error)        { return true, nil }

// To deliver and to flush allocates nothing.
func TestDeliveryAllocatesNothing(t *testing.T) {
	if parleytest.Race {
		t.Skip("the race detector's pools forget")
	}
	o := newOutbox(sink{}, 1<<20, time.Second, nil)
	line := make([]byte, 100)
	for _, pieces := range []int{1, 10, 100} {
		allocs := testing.AllocsPerRun(1000, func() {
			for range pieces {
				o.event(line)
			}
			o.flush()
		})
		if allocs >= 1 {
			t.Errorf("%v allocations for %d pieces", allocs, pieces)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	for _, tt := range []struct{ pieces, size int }{{1, 128}, {1, 4 << 10}, {8, 512}, {32, 128}} {
		b.Run(fmt.Sprintf("pieces=%d/size=%d", tt.pieces, tt.size), func(b *testing.B) {
			o := newOutbox(sink{}, 1<<20, time.Second, nil)
			line := make([]byte, tt.size)
			b.ReportAllocs()
			b.SetBytes(int64(tt.pieces * tt.size))
			for b.Loop() {
				for range tt.pieces {
					o.event(line)
				}
				o.flush()
			}
		})
	}
}

// While an eager connection is being written to, nobody is slow: a batch over the limit is not the peer's fault.
func TestWritingIsNotWaiting(t *testing.T) {
	full := false
	s := &busySocket{socket: newSocket(t, 1<<30)}
	o := newOutbox(s, 100, 0, func() { full = true })
	s.meanwhile = func() { o.event(make([]byte, 90)) }
	for range 2 {
		o.event(make([]byte, 90))
	}
	o.flush()
	if full || len(s.taken) != 270 {
		t.Errorf("full: %v; %d bytes came", full, len(s.taken))
	}
}

// busySocket is told something more in the middle of a write.
type busySocket struct {
	*socket
	meanwhile func()
}

func (s *busySocket) Write(b []byte) (int, error) {
	if s.meanwhile != nil {
		s.meanwhile()
		s.meanwhile = nil
	}
	return s.socket.Write(b)
}
