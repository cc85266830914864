package chat

import (
	"runtime"
	"sync"
	"time"
)

// Who is told something is touched: it has events that it has not written yet. Whoever told
// them flushes them after Hub.mu, each once, however much they were told. A
// write costs far more than what it carries, so in a dense stream those who were
// flushed a moment ago wait for more, until Options.FlushEvery is over.

// tellSeat delivers to a seat and notes that it has something to write.
func (h *Hub) tellSeat(s *Seat, bytes []byte) {
	s.member.Deliver(bytes)
	if !s.touched {
		s.touched = true
		h.touched = append(h.touched, s)
	}
}

// answered notes that a reply from the log's tail waits in the session, on any goroutine.
func (h *Hub) answered(s *Seat) {
	h.repliesMu.Lock()
	defer h.repliesMu.Unlock()
	if !s.answered {
		s.answered = true
		h.replies = append(h.replies, s)
	}
}

// seatLists are lists of seats to flush, kept for the next time.
var seatLists = sync.Pool{New: func() any { return new([]*Seat) }}

// unlock is mu's Unlock where somebody may have been told something: it flushes them.
func (h *Hub) unlock() {
	if len(h.touched) == 0 {
		h.mu.Unlock()
		return
	}
	list := seatLists.Get().(*[]*Seat)
	due := h.due((*list)[:0])
	h.mu.Unlock()
	h.flush(due)
	clear(due)
	*list = due
	seatLists.Put(list)
}

// due takes those who were touched and moves who may be flushed now to list; the others wait for the timer.
func (h *Hub) due(list []*Seat) []*Seat {
	now := time.Since(h.began)
	for _, s := range h.touched {
		if wait := s.flushed + h.opts.FlushEvery - now; wait > 0 && s.flushed > 0 && !h.closed {
			if len(h.later) == 0 {
				h.wake(wait)
			}
			h.later = append(h.later, s)
			continue
		}
		s.touched, s.flushed = false, now
		list = append(list, s)
	}
	clear(h.touched)
	h.touched = h.touched[:0]
	return list
}

// wake has those who wait flushed after this time: the first of them is due then.
func (h *Hub) wake(after time.Duration) {
	if h.pacer == nil {
		h.pacer = time.AfterFunc(after, h.flushLater)
	} else {
		h.pacer.Reset(after)
	}
}

// flushLater is the timer's: it flushes all who wait.
func (h *Hub) flushLater() {
	h.mu.Lock()
	list := seatLists.Get().(*[]*Seat)
	// The two lists change places, so that nothing is copied.
	due := h.later
	h.later = (*list)[:0]
	now := time.Since(h.began)
	for _, s := range due {
		s.touched, s.flushed = false, now
	}
	h.mu.Unlock()
	h.flush(due)
	clear(due)
	*list = due
	seatLists.Put(list)
}

// flushReplies flushes those whom the tail answered.
func (h *Hub) flushReplies() {
	h.repliesMu.Lock()
	list := seatLists.Get().(*[]*Seat)
	due := h.replies
	h.replies = (*list)[:0]
	for _, s := range due {
		s.answered = false
	}
	h.repliesMu.Unlock()
	h.flush(due)
	clear(due)
	*list = due
	seatLists.Put(list)
}

// share is how many seats make it worth to flush them on another processor.
const share = 32

// flush flushes seats, on as many processors as there are where they are many. It returns when all are flushed.
func (h *Hub) flush(seats []*Seat) {
	var helpers sync.WaitGroup
	for parts := min(runtime.GOMAXPROCS(0), len(seats)/share); parts > 1; parts-- {
		part := seats[:len(seats)/parts]
		seats = seats[len(part):]
		helpers.Go(func() { flushEach(part) })
	}
	flushEach(seats)
	helpers.Wait()
}

func flushEach(seats []*Seat) {
	for _, s := range seats {
		s.member.Flush()
	}
}
