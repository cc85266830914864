package historytest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Most is how many complaints Check makes of one kind of fault at most.
const Most = 10

// layout is how the wire writes times: all of one length, so that they compare as text.
const layout = "2006-01-02T15:04:05.000Z"

// judge collects complaints.
type judge struct {
	bad   []string
	count map[string]int
}

// complain adds a complaint of a kind: it is what the message begins with.
func (j *judge) complain(kind, format string, args ...any) {
	if j.count[kind]++; j.count[kind] <= Most {
		j.bad = append(j.bad, kind+": "+fmt.Sprintf(format, args...))
	}
}

// Check says what in the history must not be; nothing where it is good:
//
//   - every node shows the same messages with the same ids and times, in the order of ids, and no time goes back
//   - every acknowledged message is there, once, under the id of each of its acknowledgements
//   - nothing is there twice, nothing that nobody sent, and not two with one key
//   - what was acknowledged before another was sent has the lower id
//   - what a session saw is what the nodes show, live in the order of ids, and without a gap
//   - a client that was away and asked for what it missed got all of it
func (h *History) Check() []string {
	j := &judge{count: make(map[string]int)}
	if len(h.Nodes) == 0 {
		j.complain("no history", "no node was asked")
		return j.bad
	}
	names := slices.Sorted(maps.Keys(h.Nodes))
	for _, name := range names {
		j.order(name, h.Nodes[name])
	}
	said := h.Nodes[names[0]]
	for _, name := range names[1:] {
		j.same(names[0], said, name, h.Nodes[name])
	}
	j.sequence(h.Sends, j.sends(h.Sends, said))
	j.sessions(h, said)
	return j.bad
}

// order judges one node's history by itself.
func (j *judge) order(node string, said []Message) {
	var last Message
	for _, m := range said {
		if m.ID <= last.ID {
			j.complain("order", "%s: %d after %d", node, m.ID, last.ID)
		}
		if _, err := time.Parse(layout, m.Time); err != nil {
			j.complain("time", "%s: %d: %v", node, m.ID, err)
		}
		if m.Time < last.Time {
			j.complain("time", "%s: %d at %s after %d at %s", node, m.ID, m.Time, last.ID, last.Time)
		}
		last = m
	}
}

// same compares two nodes. It goes by ids, so that one missing message is one complaint.
func (j *judge) same(one string, a []Message, other string, b []Message) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].ID < b[0].ID:
			j.complain("nodes differ", "only %s has %+v, %s has not", one, a[0], other)
			a = a[1:]
		case len(a) == 0 || b[0].ID < a[0].ID:
			j.complain("nodes differ", "only %s has %+v, %s has not", other, b[0], one)
			b = b[1:]
		default:
			if a[0] != b[0] {
				j.complain("nodes differ", "%s has %+v, %s has %+v", one, a[0], other, b[0])
			}
			a, b = a[1:], b[1:]
		}
	}
}

// sends judges what was sent by what was said, and returns the ids of what is there.
func (j *judge) sends(sends []Send, said []Message) map[*Send]int64 {
	type words struct{ user, room, text string }
	type key struct{ user, room, key string }
	wished := make(map[words]*Send)
	keys := make(map[key]bool)
	for i := range sends {
		s := &sends[i]
		w, k := words{s.User, s.Room, s.Text}, key{s.User, s.Room, s.Key}
		if wished[w] != nil || keys[k] {
			j.complain("the test is wrong", "%s sends %q by the key %q, and that text or key before", s.User, s.Text, s.Key)
		}
		wished[w], keys[k] = s, true
	}
	ids := make(map[*Send]int64)
	for _, m := range said {
		s := wished[words{m.User, m.Room, m.Text}]
		if s == nil {
			j.complain("invented", "nobody sent %+v", m)
			continue
		}
		if before, twice := ids[s]; twice {
			j.complain("twice", "%q of %s by the key %q is there as %d and as %d", s.Text, s.User, s.Key, before, m.ID)
			continue
		}
		ids[s] = m.ID
	}
	for i := range sends {
		s := &sends[i]
		at, there := ids[s]
		if (s.Acknowledged != 0) != (len(s.IDs) > 0) {
			j.complain("the test is wrong", "%q of %s: acknowledged at moment %d with the ids %d", s.Text, s.User, s.Acknowledged, s.IDs)
		}
		for _, id := range s.IDs {
			if !there {
				j.complain("lost", "%q of %s was acknowledged as %d", s.Text, s.User, id)
			} else if id != at {
				j.complain("another id", "%q of %s was acknowledged as %d and is %d", s.Text, s.User, id, at)
			}
		}
	}
	return ids
}

// sequence judges that what was acknowledged before another was sent has the lower id, whoever sent them.
func (j *judge) sequence(sends []Send, ids map[*Send]int64) {
	begun := slices.SortedFunc(maps.Keys(ids), func(a, b *Send) int { return cmp.Compare(a.Began, b.Began) })
	ended := slices.DeleteFunc(slices.Clone(begun), func(s *Send) bool { return s.Acknowledged == 0 })
	slices.SortFunc(ended, func(a, b *Send) int { return cmp.Compare(a.Acknowledged, b.Acknowledged) })
	var last *Send // that with the greatest id of those that were acknowledged before the present one began
	for _, s := range begun {
		for len(ended) > 0 && ended[0].Acknowledged < s.Began {
			if last == nil || ids[ended[0]] > ids[last] {
				last = ended[0]
			}
			ended = ended[1:]
		}
		if last != nil && ids[s] < ids[last] {
			j.complain("sequence", "%q of %s is %d, and %q of %s, acknowledged before that was sent, is %d",
				s.Text, s.User, ids[s], last.Text, last.User, ids[last])
		}
	}
}
