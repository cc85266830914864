package main

import (
	"testing"
	"time"
)

// hall is a room of one member that hears two senders of size 40, who have each sent four messages.
func hall() (*member, *room) {
	in := &room{name: "hall", size: 40, first: 7}
	m := &member{shown: "~ear"}
	in.members = append(in.members, m)
	for i, name := range []string{"~ann", "~ben"} {
		s := &sender{member: &member{shown: name}, room: in, number: in.first + i}
		s.sent.Store(4)
		in.senders = append(in.senders, s)
	}
	m.ledger = newLedger(in, m)
	return m, in
}

// said is message seq of a sender; id grows by itself.
type said struct {
	sender int
	seq    uint32
	spoil  func(*event)
}

func enter(m *member, all []said) {
	for i, s := range all {
		user := "~ann"
		if s.sender == 8 {
			user = "~ben"
		}
		e := event{kind: message, id: int64(100 + i), user: []byte(user), text: appendText(nil, s.sender, s.seq, int64(i)*12345, 40)}
		if s.spoil != nil {
			s.spoil(&e)
		}
		m.ledger.take(&e)
	}
}

// all is what the member of hall should hear.
func all() []said {
	return []said{{7, 0, nil}, {8, 0, nil}, {8, 1, nil}, {7, 1, nil}, {7, 2, nil}, {8, 2, nil}, {8, 3, nil}, {7, 3, nil}}
}

// TestLedger: one fault of each kind is found, and counted as what it is.
func TestLedger(t *testing.T) {
	spoilt := func(i int, spoil func(*event)) []said {
		list := all()
		list[i].spoil = spoil
		return list
	}
	without := func(i int) []said { return append(all()[:i:i], all()[i+1:]...) }
	swapped := all()
	swapped[3], swapped[4] = swapped[4], swapped[3]
	for name, tt := range map[string]struct {
		heard []said
		want  faults
	}{
		"all":              {all(), faults{}},
		"first lost":       {without(0), faults{Lost: 1}},
		"lost between":     {without(4), faults{Lost: 1}},
		"last lost":        {without(7), faults{Lost: 1}},
		"nothing":          {nil, faults{Lost: 8}},
		"doubled at once":  {append(all()[:2:2], all()[1:]...), faults{Doubled: 1}},
		"doubled late":     {append(all(), said{7, 0, nil}), faults{Doubled: 1}},
		"swapped":          {swapped, faults{Reordered: 1}},
		"id not above":     {spoilt(3, func(e *event) { e.id = 102 }), faults{Reordered: 1}},
		"id far below":     {spoilt(7, func(e *event) { e.id = 1 }), faults{Reordered: 1}},
		"another's name":   {spoilt(7, func(e *event) { e.user = []byte("~ben") }), faults{Corrupted: 1, Lost: 1}},
		"a byte changed":   {spoilt(7, func(e *event) { e.text[39]++ }), faults{Corrupted: 1, Lost: 1}},
		"a byte missing":   {spoilt(7, func(e *event) { e.text = e.text[:39] }), faults{Corrupted: 1, Lost: 1}},
		"a time changed":   {spoilt(7, func(e *event) { e.text[padAt-2] ^= 1 }), faults{Corrupted: 1, Lost: 1}},
		"nobody's":         {append(all(), said{9, 0, nil}), faults{Corrupted: 1}},
		"before the first": {append(all(), said{6, 0, nil}), faults{Corrupted: 1}},
		"never sent":       {append(all(), said{7, 4, nil}), faults{Corrupted: 1}},
		"late":             {append(without(4), said{7, 2, nil}), faults{Reordered: 1}},
	} {
		m, _ := hall()
		enter(m, tt.heard)
		if got := m.ledger.settle(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// TestOwnMessages: who speaks must not hear oneself.
func TestOwnMessages(t *testing.T) {
	_, in := hall()
	ann := in.senders[0].member
	ann.said = in.senders[0]
	ann.ledger = newLedger(in, ann)
	enter(ann, []said{{8, 0, nil}, {8, 1, nil}, {8, 2, nil}, {8, 3, nil}})
	if got := ann.ledger.settle(); got.any() {
		t.Errorf("%+v, want nothing", got)
	}
	enter(ann, []said{{7, 0, nil}})
	if got := ann.ledger.settle(); got.Corrupted == 0 {
		t.Error("one's own message came back, and nobody saw it")
	}
}

// TestTexts: what is written is read, and no changed byte is.
func TestTexts(t *testing.T) {
	for _, size := range []int{leastSize, 64, 400, mostSize} {
		for _, seq := range []uint32{0, 1, 77, 1<<32 - 1} {
			due := int64(78 * time.Hour)
			text := appendText(nil, 65535, seq, due, size)
			if sender, q, d := parseText(text, size); len(text) != size || sender != 65535 || q != seq || d != due {
				t.Fatalf("%q is read as %d %d %d", text, sender, q, d)
			}
			for i := padAt; i < size; i++ {
				text[i] ^= 1
				if sender, _, _ := parseText(text, size); sender != noText {
					t.Fatalf("byte %d changed, and nobody saw it: %q", i, text)
				}
				text[i] ^= 1
			}
		}
	}
	for _, junk := range []string{"", "x", "hello", string(make([]byte, 64))} {
		if sender, _, _ := parseText([]byte(junk), 64); sender != noText {
			t.Errorf("%q was taken for a text", junk)
		}
	}
}

// TestHearingAllocatesNothing: the load generator shares a machine with the server that it measures.
func TestHearingAllocatesNothing(t *testing.T) {
	m, in := hall()
	m.late = make([]int64, 0, 10000)
	e := event{kind: message, room: []byte("hall"), user: []byte("~ann")}
	text := make([]byte, 0, 64)
	seq := uint32(0)
	in.senders[0].member = &member{shown: "~ann"}
	if n := testing.AllocsPerRun(1000, func() {
		text = appendText(text[:0], 7, seq, 5, 40)
		e.id, e.text = int64(seq)+1, text
		m.hear(&e, 10)
		seq++
	}); n != 0 {
		t.Errorf("%v allocations for each message heard", n)
	}
	if m.ledger.faults.any() {
		t.Errorf("%+v", m.ledger.faults)
	}
}
