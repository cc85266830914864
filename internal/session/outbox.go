package session

import (
	"net"
	"sync"
	"time"
)

// outbox is what waits to be written to one connection. Any goroutine may
// add to it and flush it; none but the session's own ever waits. One goroutine
// writes at a time: see write.go.
type outbox struct {
	conn     net.Conn
	eager    eager         // conn, where its writes never wait
	limit    int           // bytes of events (see full), and again of answers, that may wait; 0 is no limit
	timeout  time.Duration // for one write; 0 is no limit
	overflow func()        // called once when events do not fit; must not block

	mu       sync.Mutex
	changed  sync.Cond
	queue    *pieces // nil where nothing waits
	held     *pieces // events that wait for an answer's end
	holding  bool
	waiting  [2]int    // bytes in queue and held that are not yet written, by kind
	took     time.Time // while writing, when the peer last took something; zero where nothing has had to wait yet
	writing  bool      // a goroutine writes, or goes on when the peer takes something
	closed   bool      // takes no event and no part of an answer any more
	finished bool      // takes nothing any more
	dropped  bool      // forgets what waits
	failed   bool      // the connection took no more
	until    time.Time // once set, the deadline of all writes
}

// piece is lines, one or more, and what they count as.
type piece struct {
	bytes []byte
	kind  kind
}

type kind uint8

const (
	event kind = iota
	answer
)

// pieces are taken from a pool where something waits: an idle connection has none.
type pieces struct {
	list []piece
	next int // those before it are handed to the connection
	done int // those before it have gone
}

var piecesPool = sync.Pool{New: func() any { return new(pieces) }}

// add adds to what may be nil, and drop gives it back to the pool.
func (ps *pieces) add(p piece) *pieces {
	if ps == nil {
		ps = piecesPool.Get().(*pieces)
	}
	ps.list = append(ps.list, p)
	return ps
}

func (ps *pieces) drop() {
	clear(ps.list)
	if cap(ps.list) <= 1024 { // no more of a burst is kept
		ps.list, ps.next, ps.done = ps.list[:0], 0, 0
		piecesPool.Put(ps)
	}
}

func newOutbox(conn net.Conn, limit int, timeout time.Duration, overflow func()) *outbox {
	o := &outbox{conn: conn, limit: limit, timeout: timeout, overflow: overflow}
	o.eager, _ = conn.(eager)
	o.changed.L = &o.mu
	return o
}

// event adds the shared bytes of events. Where they do not fit the session is
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
		o.held = o.held.add(piece{b, event})
	} else {
		o.push(piece{b, event})
	}
	o.mu.Unlock()
}

// All that was committed at once is told at once, before it is flushed, and that can be more than the limit. So a peer is too slow when it has
// taken nothing for stalled; but no more than burst times the limit waits even for one that takes a little.
const (
	burst   = 8 // at the default limit, what a whole transaction holds
	stalled = time.Second
)

// full says whether n bytes of events are too many.
func (o *outbox) full(n int) bool {
	return o.limit > 0 && n > o.limit && (n > burst*o.limit || o.writing && !o.took.IsZero() && time.Since(o.took) > stalled)
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
		if !o.writing {
			o.mu.Unlock()
			o.flush()
			o.mu.Lock()
			continue
		}
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
	defer o.mu.Unlock()
	o.holding = false
	if o.held == nil {
		return
	}
	for _, p := range o.held.list {
		o.waiting[event] -= len(p.bytes)
		if !o.closed && !o.failed {
			o.push(p)
		}
	}
	o.held.drop()
	o.held = nil
}

func (o *outbox) push(p piece) {
	o.waiting[p.kind] += len(p.bytes)
	o.queue = o.queue.add(p)
}

// finish adds last words, waits until all is written or until is past, and
// takes nothing more. drop forgets what waits: it would not arrive.
func (o *outbox) finish(last []byte, until time.Time, drop bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.finished, o.dropped = true, true, drop
	o.until = until
	o.conn.SetWriteDeadline(until)
	if drop && o.queue != nil {
		o.queue.drop()
		o.queue = nil
	}
	if len(last) > 0 && !o.failed {
		o.push(piece{last, answer})
	}
	for o.writing || o.queue != nil {
		if !o.writing {
			o.mu.Unlock()
			o.flush()
			o.mu.Lock()
			continue
		}
		o.changed.Wait()
	}
}
