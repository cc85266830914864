package chat

import "bytes"

// runBytes bounds a run: what one TLS record holds, and far less than an outbox.
const runBytes = 16 << 10

// tellRun tells a room what was said in it by the first outcomes of a batch, as
// many as follow each other in one room, and answers those who said it. It returns how many they were: 0 where the batch begins otherwise.
//
// The messages are one piece of bytes for all who only listen. Who said
// something itself gets it in parts, with its replies in between: OK|5 stands behind event 4 and before event 6.
func (h *Hub) tellRun(batch []Outcome) int {
	if !batch[0].isSaid() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.room(batch[0].Entry.Room)
	if h.closed || r.isConversation() {
		return 0
	}
	batch = batch[:h.encodeRun(r, batch)]
	run, begin := bytes.Clone(h.run.bytes), 0
	for i := range batch {
		o := &batch[i]
		if s := h.seats[o.Entry.Session]; s != nil && r.hears(s) {
			if s.heard < begin {
				h.tellSeat(s, run[s.heard:begin], true)
			}
			s.heard = h.run.ends[i]
			h.counted.Deliveries-- // which is none of one's own
		}
		begin = h.run.ends[i]
		h.own(r, o.Entry.Account)
		o.Done(o.Entry, o.Err)
	}
	r.last = batch[len(batch)-1].Entry.ID
	r.said += len(batch)
	h.counted.Messages += int64(len(batch))
	more := r.coming.Load() > 0
	for _, p := range r.here.list[:r.here.near] {
		for _, s := range p.seats {
			if s.entered {
				h.counted.Deliveries += int64(len(batch))
			}
			if s.entered && s.heard < len(run) {
				h.tellSeat(s, run[s.heard:], more)
			}
			s.heard = 0
		}
	}
	return len(batch)
}

func (o *Outcome) isSaid() bool { return o.News && o.Entry.Kind == Said }

// own counts a message that its author need not read.
func (h *Hub) own(r *room, author string) {
	if m := r.members[h.people[author]]; m != nil {
		m.read++
	}
}

func (r *room) hears(s *Seat) bool {
	_, here := r.here.at[s.person]
	return here && s.entered
}

// run is what encoding a run needs, kept for the next one.
type run struct {
	bytes []byte
	ends  []int // where each message's bytes end
	event Event
}

// encodeRun fills h.run with the messages of the run, and says how many they are.
func (h *Hub) encodeRun(r *room, batch []Outcome) int {
	b, ends := h.run.bytes[:0], h.run.ends[:0]
	for i := range batch {
		o := &batch[i]
		if !o.isSaid() || o.Entry.Room != r.name {
			break
		}
		h.run.event = messageEvent(r.name, &o.Entry)
		begin := len(b)
		if b = h.opts.Append(b, &h.run.event); i > 0 && len(b) > runBytes {
			b = b[:begin]
			break
		}
		ends = append(ends, len(b))
	}
	h.run.bytes, h.run.ends = b, ends
	return len(ends)
}
