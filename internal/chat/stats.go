package chat

import "time"

// Stats are what a hub has done, and who is there.
type Stats struct {
	Messages   int64 // told to rooms and conversations since the start; in a cluster those of every node
	Deliveries int64 // of messages and all other events to sessions, since the start
	Rooms      int   // but conversations
	Accounts   int
	Guests     int // that are signed in, here or on another node
	Present    int // accounts and guests with a session, here or on another node
}

// Stats counts. It goes over all people, so it is for now and then.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.counted
	s.Rooms = len(h.names)
	for _, p := range h.people {
		if p.guest {
			s.Guests++
		} else {
			s.Accounts++
		}
		if p.present {
			s.Present++
		}
	}
	return s
}

// time tells Options.Told of the messages of a batch that the rooms have.
func (h *Hub) time(batch []Outcome) {
	if h.opts.Told == nil {
		return
	}
	now := time.Now()
	for i := range batch {
		if o := &batch[i]; o.isSaid() && !o.Since.IsZero() {
			h.opts.Told(now.Sub(o.Since))
		}
	}
}
