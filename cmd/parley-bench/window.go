package main

import (
	"context"
	"fmt"
	"sync/atomic"
)

// window bounds the messages of one sender that are on their way. What ends a message's way is chosen by --window-by.
type window struct {
	free    atomic.Int64
	wake    chan struct{} // of size 1: there was nothing free, and is now
	witness *member       // by delivery: the one who must have heard a message
	left    []atomic.Int32
	by      windowBy
	limit   int64 // of messages in all; 0 is none
	taken   int64

	// By OK, which come in the order of the messages:
	oks          *latencies // of the OKs, where that is of interest
	due          []atomic.Int64
	acknowledged int64 // the reading goroutine's
	accept       atomic.Int64
}

// windowBy names what ends a message's way.
type windowBy string

const (
	byDelivery windowBy = "delivery" // one member has heard it
	byAll      windowBy = "all"      // all members have
	byOK       windowBy = "ok"       // the server has said so
)

// open readies the window. It is called before anybody speaks.
func (s *sender) open(by windowBy, size int) error {
	s.by, s.wake = by, make(chan struct{}, 1)
	s.free.Store(int64(size))
	others := make([]*member, 0, len(s.room.members))
	for _, m := range s.room.members {
		if m != s.member {
			others = append(others, m)
		}
	}
	if len(others) == 0 && by != byOK {
		return fmt.Errorf("nobody would hear sender %d", s.number)
	}
	switch by {
	case byOK:
		s.due = make([]atomic.Int64, size)
	case byDelivery:
		// Those who only hear come last in a room.
		s.witness = others[len(others)-1-(s.number-s.room.first)%len(others)]
	case byAll:
		s.left = make([]atomic.Int32, size)
		for i := range s.left {
			s.left[i].Store(int32(len(others)))
		}
	}
	return nil
}

// give frees n places.
func (w *window) give(n int64) {
	if w.free.Add(n) == n {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// take waits for a place, and takes up to most; 0 where there is nothing more to be sent.
func (w *window) take(ctx context.Context, most int64) int {
	if w.limit > 0 {
		most = min(most, w.limit-w.taken)
		if most == 0 {
			return 0
		}
	}
	for ctx.Err() == nil {
		if n := min(w.free.Load(), most); n > 0 {
			w.free.Add(-n)
			w.taken += n
			return int(n)
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
		}
	}
	return 0
}

// delivered is told by each member of each message.
func (s *sender) delivered(m *member, seq uint32) {
	switch s.by {
	case byDelivery:
		if m == s.witness {
			s.give(1)
		}
	case byAll:
		left := &s.left[int(seq)%len(s.left)]
		if left.Add(-1) == 0 {
			left.Store(int32(len(s.room.members) - 1))
			s.give(1)
		}
	}
}

// accepted is told of each OK: the sender's own goroutine, that reads its connection, calls it.
func (s *sender) accepted(clock func() int64) {
	if s.by != byOK {
		return
	}
	if s.oks != nil {
		s.oks.record([]int64{clock() - s.due[int(s.acknowledged)%len(s.due)].Load()})
	}
	s.acknowledged++
	s.accept.Add(1)
	s.give(1)
}
