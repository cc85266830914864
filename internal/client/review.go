package client

import "parley/protocol"

// doubt is what of a [Timeline] may have been taken back while there was no connection, and nobody told: the loaded messages with ids from
// first to last, both 0 where there are none.
type doubt struct {
	first, last int64
	doubts      int  // how often there was something new to doubt
	lapsed      bool // texts are on their way from before the connection was lost
}

// Review is a question about messages that are loaded: HISTORY of Room, the newest Limit messages below the id Before.
type Review struct {
	Room   string
	Before int64
	Limit  int // at most [protocol.MaxLimit]

	timeline *Timeline
	doubts   int
}

// NeedsReview says what should be asked to know what was taken back while there was no connection; one question at a time. Of rooms that are
// not on the screen, only those are asked about where unread messages mention the account: the others are when they are opened.
func (m *Mirror) NeedsReview() (question Review, ok bool) {
	if !m.Connection.Online {
		return question, false
	}
	if t := m.rooms[m.open]; t != nil {
		if question, ok = t.review(); ok {
			return question, true
		}
	}
	for _, t := range m.rooms {
		if t.last == 0 || t.Mentions() == 0 {
			continue
		}
		if question, ok = t.review(); ok {
			return question, true
		}
	}
	return question, false
}

// Reviewed takes the answer to a question of NeedsReview, oldest first. start: there is nothing before it.
func (m *Mirror) Reviewed(question Review, page []protocol.Event, start bool) {
	t := question.timeline
	if m.rooms[t.Name] != t || t.doubts != question.doubts {
		return
	}
	lowest := int64(0)
	for _, e := range page {
		if e.Room != t.Name {
			continue // the server is confused
		}
		if lowest == 0 {
			lowest = e.ID
		}
		if e.Command == protocol.EventGone {
			t.takeBack(e, false)
			t.forget(e.ID)
		}
	}
	if start || lowest <= t.first || lowest > t.last {
		t.first, t.last = 0, 0
	} else {
		t.last = lowest - 1
	}
}

// review is the next question about the timeline, from the newest messages down.
func (t *Timeline) review() (question Review, ok bool) {
	if t.last == 0 || !t.known {
		return question, false
	}
	limit := 0
	for _, item := range t.Items {
		if id := item.Event.ID; id >= t.first && id <= t.last {
			limit++
		}
	}
	if limit == 0 { // they are not loaded any more
		t.first, t.last = 0, 0
		return question, false
	}
	return Review{t.Name, t.last + 1, min(limit, protocol.MaxLimit), t, t.doubts}, true
}

// lapse takes that the connection was lost. A page that is on its way is from before.
func (t *Timeline) lapse() {
	t.paused, t.cut, t.lapsed = true, t.cut || t.asking, len(t.Pending) > 0
	t.doubts++
	if id, found := t.oldest(); found {
		t.first, t.last = id, t.Newest()
	}
}

// suspect takes a text from here that was acknowledged, perhaps before the connection was lost; id is 0 where it was not said.
func (t *Timeline) suspect(id int64) {
	if t.lapsed && id > 0 {
		if t.last == 0 {
			t.first = id
		}
		t.first, t.last = min(t.first, id), max(t.last, id)
		t.doubts++
	}
	t.lapsed = t.lapsed && len(t.Pending) > 0
}
