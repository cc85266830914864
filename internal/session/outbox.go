package session

import (
	"net"
	"sync"
	"time"
)

// recordSize is what one TLS record holds (RFC 8446, 5.1): a flush makes records of this size where it can.
const recordSize = 16 << 10

var records = sync.Pool{New: func() any { b := make([]byte, 0, recordSize); return &b }}

// outbox is what waits to be written to one connection. Any goroutine may
// add to it; none but the session's own ever waits. A goroutine that writes lives only
// while there is something to write.
type outbox struct {
	conn     net.Conn
	limit    int           // bytes of events (see full), and again of answers, that may wait; 0 is no limit
	timeout  time.Duration // for one write; 0 is no limit
	overflow func()        // called once when events do not fit; must not block

	mu       sync.Mutex
	changed  sync.Cond
	queue    []piece
	held     []piece // events that wait for an answer's end
	holding  bool
	waiting  [2]int    // bytes in queue and held that are not yet written, by kind
	took     time.Time // when the connection last took something, or had nothing to take
	flushing bool
	closed   bool      // takes no event and no part of an answer any more
	finished bool      // takes nothing any more
	failed   bool      // the connection took no more
	until    time.Time // once set, the deadline of all writes
}

// piece is one line or more, and what it counts as.
type piece struct {
	bytes []byte
	kind  kind
}

type kind uint8

const (
	event kind = iota
	answer
)

func newOutbox(conn net.Conn, limit int, timeout time.Duration, overflow func()) *outbox {
	o := &outbox{conn: conn, limit: limit, timeout: timeout, overflow: overflow}
	o.changed.L = &o.mu
	return o
}

// event adds an event's shared bytes. Where it does not fit the session is
// too slow: nobody waits for it.
func (o *outbox) event(b []byte) {
	o.mu.Lock()
	if o.closed || o.failed {
		o.mu.Unlock()
		return
	}
	if o.full(o.waiting[event] + len(b)) {
		o.closed = true
		o.mu.Unlock()
		o.overflow()
		return
	}
	if o.holding {
		o.waiting[event] += len(b)
		o.held = append(o.held, piece{b, event})
	} else {
		o.push(piece{b, event})
	}
	o.mu.Unlock()
}

// All that was committed at once is told at once, before the goroutine that
// writes may have had a turn, and that can be more than the limit. So a peer is too slow when it has
// taken nothing for stalled; but no more than burst times the limit waits even for one that takes a little.
const (
	burst   = 8 // at the default limit, what a whole transaction holds
	stalled = time.Second
)

// full says whether n bytes of events are too many.
func (o *outbox) full(n int) bool {
	return o.limit > 0 && n > o.limit && (n > burst*o.limit || time.Since(o.took) > stalled)
}

// reply adds a reply. It does not wait: there are at most as many as lines
// that a session works on at once, and it takes no new one before room.
func (o *outbox) reply(b []byte) {
	o.mu.Lock()
	if !o.finished && !o.failed {
		o.push(piece{b, answer})
	}
	o.mu.Unlock()
}

// answer adds a part of a long answer, and waits until there is room. It is
// false when the connection takes no more.
func (o *outbox) answer(b []byte) bool {
	o.room()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.failed {
		return false
	}
	o.push(piece{b, answer})
	return true
}

// room waits while the peer does not take what it has asked for. Else one that
// reads just fast enough for the write deadline could have answers made for ever.
func (o *outbox) room() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.limit > 0 && o.waiting[answer] > o.limit && !o.closed && !o.failed {
		o.changed.Wait()
	}
}

// close ends the events, and a long answer under way; replies still go out.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.changed.Broadcast()
	o.mu.Unlock()
}

// hold keeps events back until release, so that an answer comes in one piece.
func (o *outbox) hold() {
	o.mu.Lock()
	o.holding = true
	o.mu.Unlock()
}

func (o *outbox) release() {
	o.mu.Lock()
	o.holding = false
	held := o.held
	o.held = nil
	for _, p := range held {
		o.waiting[event] -= len(p.bytes)
		if !o.closed && !o.failed {
			o.push(p)
		}
	}
	o.mu.Unlock()
}

func (o *outbox) push(p piece) {
	o.waiting[p.kind] += len(p.bytes)
	o.queue = append(o.queue, p)
	if !o.flushing {
		o.flushing, o.took = true, time.Now()
		go o.flush()
	}
}

// flush writes until nothing is left. finish waits for it.
func (o *outbox) flush() {
	for {
		o.mu.Lock()
		if o.failed {
			o.queue = nil
		}
		if len(o.queue) == 0 {
			o.flushing = false
			o.changed.Broadcast()
			o.mu.Unlock()
			return
		}
		queue := o.queue
		o.queue = nil
		o.mu.Unlock()
		o.write(queue)
	}
}

// write gathers pieces into records and writes them, each with one call.
func (o *outbox) write(queue []piece) {
	buf := records.Get().(*[]byte)
	defer records.Put(buf)
	record := (*buf)[:0]
	var written [2]int
	for i, p := range queue {
		record = append(record, p.bytes...)
		written[p.kind] += len(p.bytes)
		if i+1 < len(queue) && len(record)+len(queue[i+1].bytes) <= recordSize {
			continue
		}
		if !o.send(record) {
			return
		}
		o.mu.Lock()
		for k, n := range written {
			o.waiting[k] -= n
		}
		o.took = time.Now()
		o.changed.Broadcast()
		o.mu.Unlock()
		record, written = record[:0], [2]int{}
	}
}

func (o *outbox) send(record []byte) bool {
	o.mu.Lock()
	if o.failed {
		o.mu.Unlock()
		return false
	}
	switch {
	case !o.until.IsZero():
		o.conn.SetWriteDeadline(o.until)
	case o.timeout > 0:
		o.conn.SetWriteDeadline(time.Now().Add(o.timeout))
	}
	o.mu.Unlock()
	_, err := o.conn.Write(record)
	o.mu.Lock()
	if err == nil {
		// A deadline left behind would fail what TLS itself writes later, while
		// it reads: its answer to a KeyUpdate (RFC 8446, 4.6.3).
		if o.until.IsZero() && o.timeout > 0 {
			o.conn.SetWriteDeadline(time.Time{})
		}
		o.mu.Unlock()
		return true
	}
	o.failed = true
	o.queue, o.held = nil, nil
	o.changed.Broadcast()
	o.mu.Unlock()
	// The reader must learn of it: a TLS connection is of no use after a failed write.
	o.conn.Close()
	return false
}

// finish adds last words, waits until all is written or until is past, and
// takes nothing more. drop forgets what waits: it would not arrive.
func (o *outbox) finish(last []byte, until time.Time, drop bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.finished = true, true
	o.until = until
	o.conn.SetWriteDeadline(until)
	if drop {
		o.queue = nil
	}
	if len(last) > 0 && !o.failed {
		o.push(piece{last, answer})
	}
	for o.flushing {
		o.changed.Wait()
	}
}
