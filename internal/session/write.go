package session

import (
	"errors"
	"net"
	"sync"
	"time"
)

// eager is a connection whose Write never waits for the peer: what the peer has no
// room for is kept, and nothing more may be written before Drain has seen it go.
type eager interface {
	net.Conn
	// Cork has what is written wait for Uncork, so that it goes out at once. Uncork is
	// false where not all of it has gone, now or by a Write before.
	Cork()
	Uncork() (gone bool, err error)
	// Drain waits, under the write deadline, until the peer has taken some of what is kept; gone says that it was all.
	Drain() (gone bool, err error)
}

const (
	recordSize = 16 << 10       // what one TLS record holds (RFC 8446, 5.1)
	handover   = 4 * recordSize // what an eager connection is given at a time, by one system call
)

var records = sync.Pool{New: func() any { b := make([]byte, 0, recordSize); return &b }}

// flush writes what waits, and does not wait itself: what has to is left to a goroutine that
// lives only as long. Where somebody is writing already, they see to this too.
func (o *outbox) flush() {
	o.mu.Lock()
	if o.writing || o.queue == nil {
		o.mu.Unlock()
		return
	}
	o.writing, o.took = true, time.Time{}
	ps := o.take()
	if o.eager == nil {
		o.took = time.Now()
	}
	o.mu.Unlock()
	if o.eager == nil {
		go o.write(ps, true)
	} else {
		o.write(ps, false)
	}
}

// take takes all that is queued, under mu.
func (o *outbox) take() *pieces {
	ps := o.queue
	o.queue = nil
	return ps
}

// write writes until nothing is left. Where it may not wait and would have to,
// another goroutine goes on. room and finish wait for what it has done.
func (o *outbox) write(ps *pieces, waits bool) {
	for ps != nil {
		gone, err := o.put(ps)
		switch {
		case err == nil && gone:
			ps = o.written(ps, waits)
		case err == nil && waits:
			ps = o.drain(ps)
		case err == nil:
			o.mu.Lock()
			o.took = time.Now()
			o.mu.Unlock()
			go o.resume(ps)
			return
		default:
			o.fail(ps)
			return
		}
	}
}

// resume goes on where write could not without waiting.
func (o *outbox) resume(ps *pieces) { o.write(o.drain(ps), true) }

// put hands over the next pieces.
func (o *outbox) put(ps *pieces) (gone bool, err error) {
	if o.eager == nil {
		return true, o.putWaiting(ps)
	}
	var buf []byte
	if len(ps.list)-ps.next > 1 {
		b := records.Get().(*[]byte)
		defer records.Put(b)
		buf = (*b)[:0]
	}
	record, n := gather(ps.list[ps.next:], buf)
	if n == len(ps.list)-ps.next && len(record) <= recordSize {
		ps.next += n
		if _, err = o.conn.Write(record); err != nil {
			return false, err
		}
		return o.eager.Uncork()
	}
	o.eager.Cork()
	for room := handover; err == nil && room >= len(record); {
		ps.next += n
		room -= len(record)
		if _, err = o.conn.Write(record); err != nil || ps.next == len(ps.list) {
			break
		}
		record, n = gather(ps.list[ps.next:], buf)
	}
	gone, uncorked := o.eager.Uncork()
	return gone, errors.Join(err, uncorked)
}

// gather returns what the next record holds and of how many pieces that is: one piece itself, or several, one after the other, in buf.
func gather(list []piece, buf []byte) (record []byte, n int) {
	size := 0
	for n < len(list) && (n == 0 || size+len(list[n].bytes) <= recordSize) {
		size += len(list[n].bytes)
		n++
	}
	if n == 1 {
		return list[0].bytes, 1
	}
	for _, p := range list[:n] {
		buf = append(buf, p.bytes...)
	}
	return buf, n
}

// putWaiting writes one record to a connection whose Write waits.
func (o *outbox) putWaiting(ps *pieces) error {
	b := records.Get().(*[]byte)
	defer records.Put(b)
	record, n := gather(ps.list[ps.next:], (*b)[:0])
	ps.next += n
	o.setDeadline()
	if _, err := o.conn.Write(record); err != nil {
		return err
	}
	// A deadline left behind would fail what the connection itself writes later, while it reads.
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.until.IsZero() && o.timeout > 0 {
		o.conn.SetWriteDeadline(time.Time{})
	}
	return nil
}

func (o *outbox) setDeadline() {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.until.IsZero():
		o.conn.SetWriteDeadline(o.until)
	case o.timeout > 0:
		o.conn.SetWriteDeadline(time.Now().Add(o.timeout))
	}
}

// drain waits until what was put has gone, as long as the peer takes some of it within the timeout.
func (o *outbox) drain(ps *pieces) *pieces {
	for {
		o.setDeadline()
		gone, err := o.eager.Drain()
		if err != nil {
			o.fail(ps)
			return nil
		}
		if gone {
			return o.written(ps, true)
		}
		o.mu.Lock()
		o.took = time.Now()
		o.mu.Unlock()
	}
}

// written counts off what was put, and returns what is to be written next: nil where the writing is over.
func (o *outbox) written(ps *pieces, waited bool) *pieces {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range ps.list[ps.done:ps.next] {
		o.waiting[p.kind] -= len(p.bytes)
	}
	ps.done = ps.next
	if waited {
		o.took = time.Now()
	}
	if ps.next == len(ps.list) || o.dropped {
		ps.drop()
		ps = o.take()
	}
	o.writing = ps != nil
	o.changed.Broadcast()
	return ps
}

// fail gives the connection up.
func (o *outbox) fail(ps *pieces) {
	ps.drop()
	o.mu.Lock()
	o.failed, o.writing = true, false
	o.queue, o.held = nil, nil
	o.changed.Broadcast()
	o.mu.Unlock()
	// The reader must learn of it: a TLS connection is of no use after a failed write.
	o.conn.Close()
}
