package chat

import (
	"runtime"
	"sync"
	"time"
)

// Who is told something is touched: it has events that it has not written yet. Whoever told
// them flushes them after Hub.mu, each once, however much they were told. A write
// costs far more than what it carries, so two things make someone wait, for Options.FlushEvery at
// most: they were flushed a moment ago, or more is on its way to the log for the room they heard. A lone message waits for neither.

// tellSeat delivers to a seat and notes that it has something to write; more says that it is not the last of it.
func (h *Hub) tellSeat(s *Seat, bytes []byte, more bool) {
	s.member.Deliver(bytes)
	s.prompt = s.prompt || !more
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

// flushList flushes those who are due and puts their list, of the pool, back.
func (h *Hub) flushList(list *[]*Seat, due []*Seat) {
	h.flush(due)
	clear(due)
	*list = due
	seatLists.Put(list)
}

// unlock is mu's Unlock where somebody may have been told something: it flushes them.
func (h *Hub) unlock() {
	if len(h.touched) == 0 {
		h.mu.Unlock()
		return
	}
	list := seatLists.Get().(*[]*Seat)
	due := h.due((*list)[:0])
	h.mu.Unlock()
	h.flushList(list, due)
}

// due takes those who were touched and moves who is to be flushed now to list; the others wait for the timer, or to be touched again.
func (h *Hub) due(list []*Seat) []*Seat {
	now := time.Since(h.began)
	for _, s := range h.touched {
		wait := h.opts.FlushEvery
		if s.prompt {
			wait -= now - s.flushed
		}
		s.touched, s.prompt, s.waits = false, false, wait > 0 && !h.closed
		if s.waits {
			h.wait(s, wait)
			continue
		}
		s.flushed = now
		list = append(list, s)
	}
	clear(h.touched)
	h.touched = h.touched[:0]
	return list
}

// wait has the seat flushed by the timer, in this time or as soon as somebody else who waits.
func (h *Hub) wait(s *Seat, atMost time.Duration) {
	if len(h.later) == 0 {
		if h.pacer == nil {
			h.pacer = time.AfterFunc(atMost, h.flushLater)
		} else {
			h.pacer.Reset(atMost)
		}
	}
	if !s.listed {
		s.listed = true
		h.later = append(h.later, s)
	}
}

// flushLater is the timer's: it flushes all who wait still.
func (h *Hub) flushLater() {
	list := seatLists.Get().(*[]*Seat)
	due := (*list)[:0]
	h.mu.Lock()
	now := time.Since(h.began)
	for _, s := range h.later {
		if s.waits {
			due = append(due, s)
			s.flushed = now
		}
		s.waits, s.listed = false, false
	}
	clear(h.later)
	h.later = h.later[:0]
	h.mu.Unlock()
	h.flushList(list, due)
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
	h.flushList(list, due)
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
