package main

// faults are what must not happen. One is enough for the case to have failed.
type faults struct {
	Lost      int64 `json:"lost"`
	Doubled   int64 `json:"doubled"`
	Reordered int64 `json:"reordered"` // after a later one of the same sender, or with an id that is not above the one before
	Corrupted int64 `json:"corrupted"` // not what was said, not said by who is named, or not meant for whom it reached
	Refused   int64 `json:"refused"`   // messages, or sessions ended by the server
}

func (f *faults) add(g faults) {
	f.Lost += g.Lost
	f.Doubled += g.Doubled
	f.Reordered += g.Reordered
	f.Corrupted += g.Corrupted
	f.Refused += g.Refused
}

func (f faults) any() bool { return f != faults{} }

// mostMissing bounds what is remembered of gaps, per member; beyond it a late message counts as doubled.
const mostMissing = 10000

// ledger is what one member has heard. Its member's reading goroutine owns it.
type ledger struct {
	room    *room
	own     int      // its own number among the room's senders, or -1: nobody hears oneself
	next    []uint32 // by sender of the room: the number that is to come
	lastID  int64
	missing map[missed]struct{} // those that a gap left out so far
	faults  faults
}

type missed struct {
	sender int
	seq    uint32
}

func newLedger(r *room, m *member) ledger {
	own := -1
	if m.said != nil {
		own = m.said.number - r.first
	}
	return ledger{room: r, own: own, next: make([]uint32, len(r.senders))}
}

// take enters a message and returns its sender's place in the room and its time, or noText where it was none to be counted.
func (l *ledger) take(e *event) (sender int, seq uint32, due int64) {
	number, seq, due := parseText(e.text, l.room.size)
	sender = number - l.room.first
	if number == noText || sender < 0 || sender >= len(l.next) || sender == l.own || !l.room.senders[sender].is(e.user) {
		l.faults.Corrupted++
		return noText, 0, 0
	}
	if e.id != 0 {
		if e.id <= l.lastID {
			l.faults.Reordered++
		} else {
			l.lastID = e.id
		}
	}
	if want := l.next[sender]; seq != want {
		l.amiss(sender, seq, want)
	}
	l.next[sender] = max(l.next[sender], seq+1)
	return sender, seq, due
}

// amiss enters a message that is not the next of its sender.
func (l *ledger) amiss(sender int, seq, want uint32) {
	if seq > want {
		if l.missing == nil {
			l.missing = make(map[missed]struct{})
		}
		for s := want; s < seq && len(l.missing) < mostMissing; s++ {
			l.missing[missed{sender, s}] = struct{}{}
		}
		l.faults.Lost += int64(seq - want)
		return
	}
	if _, late := l.missing[missed{sender, seq}]; late {
		delete(l.missing, missed{sender, seq})
		l.faults.Lost--
		l.faults.Reordered++
		return
	}
	l.faults.Doubled++
}

// settle closes the ledger when all was sent: what did not come is lost, and what nobody sent is corrupted.
func (l *ledger) settle() faults {
	f := l.faults
	for i, s := range l.room.senders {
		if i == l.own {
			continue
		}
		switch sent := uint32(s.sent.Load()); {
		case l.next[i] < sent:
			f.Lost += int64(sent - l.next[i])
		case l.next[i] > sent:
			f.Corrupted++
		}
	}
	return f
}
