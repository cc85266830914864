package historytest

import (
	"cmp"
	"slices"
)

// sessions judges what each session saw, and each client over all of its sessions.
func (j *judge) sessions(h *History, said []Message) {
	known := make(map[string]int64) // of each client: up to this id nothing is missing
	for i := range h.Sessions {
		s := &h.Sessions[i]
		if before, again := known[s.Client]; again && s.From > before {
			j.complain("the test is wrong", "%s asks for what came after %d, and knows of %d", s.Client, s.From, before)
		}
		j.shown(s, said)
		j.pages(s, said)
		j.live(s, said)
		if _, again := known[s.Client]; s.Whole || !again {
			known[s.Client] = max(known[s.Client], j.whole(s, said))
		}
	}
}

// shown judges that each message is what the node shows, and comes in order.
func (j *judge) shown(s *Session, said []Message) {
	last := map[Kind]int64{Page: s.From}
	live := make(map[string]int64) // the last of each room
	for _, e := range s.Seen {
		if e.Kind == Acked {
			if e.ID <= live[e.Room] {
				j.complain("late OK", "%s at %s: OK|%d after %d, which is of the same room", s.Client, s.Node, e.ID, live[e.Room])
			}
			continue
		}
		if at, there := find(said, e.ID); !there || said[at] != e.Message {
			j.complain("another message", "%s at %s saw %+v, which is not what is kept", s.Client, s.Node, e.Message)
		}
		if e.ID <= last[e.Kind] {
			j.complain("order", "%s at %s saw %d after %d", s.Client, s.Node, e.ID, last[e.Kind])
		}
		last[e.Kind] = e.ID
		if e.Kind == Live {
			live[e.Room] = e.ID
		}
	}
}

// pages judges that the answers to HISTORY have no gap, from what was asked for to their end.
func (j *judge) pages(s *Session, said []Message) {
	seen, end := s.ids(Page)
	j.gap(s, said, s.From, end, func(m Message) bool { return seen[m.ID] })
}

// live judges that the events have no gap between the first and the last. The session's own messages are no events of it.
func (j *judge) live(s *Session, said []Message) {
	seen, end := s.ids(Live)
	first := end
	for id := range seen {
		first = min(first, id)
	}
	j.gap(s, said, first, end, func(m Message) bool { return m.User == s.User || seen[m.ID] })
}

// whole judges that between what was asked for and the last that was seen nothing is missing, and returns that last.
func (j *judge) whole(s *Session, said []Message) int64 {
	if !s.Whole {
		return s.From
	}
	seen, end := s.ids(Live, Page)
	j.gap(s, said, s.From, end, func(m Message) bool { return m.User == s.User || seen[m.ID] })
	return max(end, s.From)
}

// ids are those that were seen in one of these ways, and the greatest of them.
func (s *Session) ids(kinds ...Kind) (seen map[int64]bool, end int64) {
	seen = make(map[int64]bool)
	for _, e := range s.Seen {
		if slices.Contains(kinds, e.Kind) {
			seen[e.ID] = true
			end = max(end, e.ID)
		}
	}
	return seen, end
}

// gap complains of what was said after one id, up to another, and is not as it should be.
func (j *judge) gap(s *Session, said []Message, after, to int64, fine func(Message) bool) {
	at, there := find(said, after)
	if there {
		at++
	}
	for _, m := range said[at:] {
		if m.ID > to {
			return
		}
		if !fine(m) {
			j.complain("gap", "%s at %s, between %d and %d, did not see %+v", s.Client, s.Node, after, to, m)
		}
	}
}

func find(said []Message, id int64) (int, bool) {
	return slices.BinarySearchFunc(said, id, func(m Message, id int64) int { return cmp.Compare(m.ID, id) })
}
