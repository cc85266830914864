package historytest_test

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	. "parley/internal/historytest"
)

// mutations are faults: how each is made, false where the history has no place for it, and
// the kind of complaint that must come of it.
var mutations = []struct {
	name, kind string
	make       func(*rapid.T, *History) bool
}{
	{"a message is lost on one node", "nodes differ", onNode(func(t *rapid.T, said []Message, i int) []Message { return slices.Delete(said, i, i+1) })},
	{"two are swapped on one node", "order", onNode(func(t *rapid.T, said []Message, i int) []Message {
		if i == 0 {
			return nil
		}
		said[i-1], said[i] = said[i], said[i-1]
		return said
	})},
	{"two have each other's ids on one node", "nodes differ", onNode(func(t *rapid.T, said []Message, i int) []Message {
		if i == 0 {
			return nil
		}
		said[i-1], said[i] = said[i], said[i-1]
		said[i-1].ID, said[i].ID = said[i].ID, said[i-1].ID
		return said
	})},
	{"a message is there twice on one node", "order", onNode(func(t *rapid.T, said []Message, i int) []Message { return slices.Insert(said, i, said[i]) })},
	{"a text is another on one node", "nodes differ", change(func(m *Message) { m.Text += "!" })},
	{"a user is another on one node", "nodes differ", change(func(m *Message) { m.User += "x" })},
	{"a room is another on one node", "nodes differ", change(func(m *Message) { m.Room += "x" })},
	{"an id is another on one node", "nodes differ", change(func(m *Message) { m.ID += 1000 })},
	{"a time is another on one node", "nodes differ", change(func(m *Message) { m.Time = "2026-01-02T03:59:59.999Z" })},
	{"a time goes back on all nodes", "time", func(t *rapid.T, h *History) bool {
		m, ok := pick(t, h.Nodes["a"][min(1, len(h.Nodes["a"])):], nil)
		everywhere(h, m.ID, func(m *Message) { m.Time = "2025-12-31T23:59:59.999Z" })
		return ok
	}},
	{"a time is none", "time", func(t *rapid.T, h *History) bool {
		m, ok := pick(t, h.Nodes["a"], nil)
		everywhere(h, m.ID, func(m *Message) { m.Time = "2026-01-02T03:59:59Z" })
		return ok
	}},
	{"an acknowledged message is lost on all nodes", "lost", func(t *rapid.T, h *History) bool {
		s, ok := pick(t, h.Sends, acknowledged)
		for node := range h.Nodes {
			h.Nodes[node] = slices.DeleteFunc(h.Nodes[node], func(m Message) bool { return ok && m.ID == s.IDs[0] })
		}
		return ok
	}},
	{"a message is there twice on all nodes", "twice", atEnd(func(m *Message) {})},
	{"a message is invented on all nodes", "invented", atEnd(func(m *Message) { m.Text = "nobody's" })},
	{"a text is another everywhere", "invented", changeAll(func(m *Message) { m.Text += "!" })},
	{"a room is another everywhere", "invented", changeAll(func(m *Message) { m.Room += "x" })},
	{"an acknowledged id is another everywhere", "another id", func(t *rapid.T, h *History) bool {
		said := h.Nodes["a"]
		s, ok := pick(t, h.Sends, func(s Send) bool { return acknowledged(s) && s.IDs[0] == said[len(said)-1].ID })
		if ok {
			everywhere(h, s.IDs[0], func(m *Message) { m.ID++ })
		}
		return ok
	}},
	{"two acknowledged texts are swapped everywhere", "another id", swapTexts(func(a, b Send) bool { return true }, false)},
	{"an order of one client is swapped everywhere, acknowledgements too", "sequence", swapTexts(func(a, b Send) bool { return a.User == b.User && a.Room == b.Room && a.Acknowledged < b.Began }, true)},
	{"an acknowledgement names another id", "another id", ack(func(s *Send) { s.IDs[0]++ })},
	{"a repeated message is acknowledged by another id", "another id", ack(func(s *Send) { s.IDs = append(s.IDs, s.IDs[0]-1) })},
	{"an event is missed", "gap", inSession(func(t *rapid.T, s *Session) bool {
		return remove(t, s, func(i int) bool {
			isLive := func(e Seen) bool { return e.Kind == Live }
			return isLive(s.Seen[i]) && slices.ContainsFunc(s.Seen[:i], isLive) && slices.ContainsFunc(s.Seen[i+1:], isLive)
		})
	})},
	{"a page misses a message", "gap", inSession(func(t *rapid.T, s *Session) bool {
		return remove(t, s, func(i int) bool { return s.Seen[i].Kind == Page && i+1 < len(s.Seen) && s.Seen[i+1].Kind == Page })
	})},
	{"what was said while the client was away is missed", "gap", inSession(func(t *rapid.T, s *Session) bool {
		last := slices.IndexFunc(s.Seen, func(e Seen) bool { return e.Kind == Live })
		if !s.Whole || last < 1 || s.Seen[last-1].Kind != Page || s.Seen[last-1].User == s.User || s.Seen[last].ID <= s.Seen[last-1].ID {
			return false
		}
		s.Seen = slices.Delete(s.Seen, last-1, last)
		return true
	})},
	{"two events are swapped", "order", inSession(func(t *rapid.T, s *Session) bool {
		return swap(t, s, func(a, b Seen) bool { return a.Kind == b.Kind && a.Kind != Acked })
	})},
	{"an event comes twice", "order", inSession(func(t *rapid.T, s *Session) bool {
		i, ok := pick(t, numbers(len(s.Seen)), func(i int) bool { return s.Seen[i].Kind != Acked })
		if ok {
			s.Seen = slices.Insert(s.Seen, i, s.Seen[i])
		}
		return ok
	})},
	{"an OK comes after an event of a greater id", "late OK", inSession(func(t *rapid.T, s *Session) bool {
		return swap(t, s, func(a, b Seen) bool { return a.Kind == Acked && b.Kind == Live && a.Room == b.Room })
	})},
	{"an event shows another text", "another message", show(func(m *Message) { m.Text += "!" })},
	{"an event shows another user", "another message", show(func(m *Message) { m.User += "x" })},
	{"an event shows another room", "another message", show(func(m *Message) { m.Room += "x" })},
	{"an event shows another time", "another message", show(func(m *Message) { m.Time = "2026-01-02T03:59:59.999Z" })},
	{"an event shows another id", "another message", show(func(m *Message) { m.ID += 1000 })},
}

func acknowledged(s Send) bool { return len(s.IDs) > 0 }

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// pick draws one of those that are right; nil means all.
func pick[T any](t *rapid.T, list []T, right func(T) bool) (one T, ok bool) {
	list = slices.DeleteFunc(slices.Clone(list), func(x T) bool { return right != nil && !right(x) })
	if len(list) == 0 {
		return one, false
	}
	return rapid.SampledFrom(list).Draw(t, "one"), true
}

func node(t *rapid.T, h *History) string {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(h.Nodes))).Draw(t, "node")
}

func onNode(f func(t *rapid.T, said []Message, i int) []Message) func(*rapid.T, *History) bool {
	return func(t *rapid.T, h *History) bool {
		name := node(t, h)
		i, ok := pick(t, numbers(len(h.Nodes[name])), nil)
		if !ok {
			return false
		}
		changed := f(t, h.Nodes[name], i)
		if changed == nil {
			return false
		}
		h.Nodes[name] = changed
		return true
	}
}

func change(f func(*Message)) func(*rapid.T, *History) bool {
	return onNode(func(_ *rapid.T, said []Message, i int) []Message {
		f(&said[i])
		return said
	})
}

func changeAll(f func(*Message)) func(*rapid.T, *History) bool {
	return func(t *rapid.T, h *History) bool {
		m, ok := pick(t, h.Nodes["a"], nil)
		everywhere(h, m.ID, f)
		return ok
	}
}

// atEnd adds a copy of a message to the end of all nodes, changed.
func atEnd(f func(*Message)) func(*rapid.T, *History) bool {
	return func(t *rapid.T, h *History) bool {
		m, ok := pick(t, h.Nodes["a"], nil)
		if !ok {
			return false
		}
		last := h.Nodes["a"][len(h.Nodes["a"])-1]
		m.ID, m.Time = last.ID+1, last.Time
		f(&m)
		for name := range h.Nodes {
			h.Nodes[name] = append(h.Nodes[name], m)
		}
		return true
	}
}

// swapTexts gives two acknowledged messages each other's ids and times, wherever they are shown.
func swapTexts(right func(a, b Send) bool, acks bool) func(*rapid.T, *History) bool {
	return func(t *rapid.T, h *History) bool {
		var pairs [][2]int
		for i, a := range h.Sends {
			for k, b := range h.Sends {
				if i != k && acknowledged(a) && acknowledged(b) && right(a, b) {
					pairs = append(pairs, [2]int{i, k})
				}
			}
		}
		pair, ok := pick(t, pairs, nil)
		if !ok {
			return false
		}
		a, b := &h.Sends[pair[0]], &h.Sends[pair[1]]
		texts := map[int64]*Send{a.IDs[0]: b, b.IDs[0]: a}
		for id, s := range texts {
			everywhere(h, id, func(m *Message) { m.User, m.Room, m.Text = s.User, s.Room, s.Text })
		}
		if acks {
			a.IDs, b.IDs = b.IDs, a.IDs
		}
		return true
	}
}

func ack(f func(*Send)) func(*rapid.T, *History) bool {
	return func(t *rapid.T, h *History) bool {
		i, ok := pick(t, numbers(len(h.Sends)), func(i int) bool { return acknowledged(h.Sends[i]) })
		if ok {
			f(&h.Sends[i])
		}
		return ok
	}
}

// inSession makes a fault in the first session, of a drawn order, that has a place for it.
func inSession(f func(*rapid.T, *Session) bool) func(*rapid.T, *History) bool {
	return func(t *rapid.T, h *History) bool {
		for _, i := range rapid.Permutation(numbers(len(h.Sessions))).Draw(t, "sessions") {
			if f(t, &h.Sessions[i]) {
				return true
			}
		}
		return false
	}
}

func show(f func(*Message)) func(*rapid.T, *History) bool {
	return inSession(func(t *rapid.T, s *Session) bool {
		i, ok := pick(t, numbers(len(s.Seen)), func(i int) bool { return s.Seen[i].Kind != Acked })
		if ok {
			f(&s.Seen[i].Message)
		}
		return ok
	})
}

func remove(t *rapid.T, s *Session, right func(i int) bool) bool {
	i, ok := pick(t, numbers(len(s.Seen)), right)
	if ok {
		s.Seen = slices.Delete(s.Seen, i, i+1)
	}
	return ok
}

// swap swaps one and the one right after it.
func swap(t *rapid.T, s *Session, right func(a, b Seen) bool) bool {
	i, ok := pick(t, numbers(max(0, len(s.Seen)-1)), func(i int) bool { return right(s.Seen[i], s.Seen[i+1]) })
	if ok {
		s.Seen[i], s.Seen[i+1] = s.Seen[i+1], s.Seen[i]
	}
	return ok
}
