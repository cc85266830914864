package client

import (
	"slices"
	"time"

	"parley/protocol"
)

// Timeline is a room or conversation as a [Mirror] shows it. Its messages are the newest without a gap: what is older is loaded page by page.
// Only the Mirror changes it.
type Timeline struct {
	Name string

	Items   []Item  // oldest first
	Start   bool    // Items begins with the very first message
	Pending []*Post // on their way, in order; they come behind all Items
	Mark    int64   // reading stopped behind this id, and what follows is new since then; 0: nothing is, or everything

	keys   int     // given so far
	most   int     // items are kept; up to a quarter more until the oldest are dropped
	heard  int     // how often LIST had been asked when something showed that the account is in the room, or the room was first heard of
	asking bool    // for an older page
	before int64   // what the older page was asked to be older than
	paused bool    // nothing was missed yet since the connection was lost
	floor  int64   // what is older was dropped, or never loaded: one such message would stand behind a gap
	cut    bool    // that page is of no use: items were dropped since and there may be a gap, or the connection was lost and it may be out of date
	gone   []int64 // taken back while a page or a text is on its way that may still have them

	doubt
	unread
	presence
}

// Item is one entry of a timeline: a message, one that was taken back, a topic that was set, or a text that was not said.
type Item struct {
	Event protocol.Event // ID is 0 where it has none
	Err   error          // why the text was not said
	Key   int            // its own within the timeline, and the same as long as it is there

	after int64 // without an ID: the message that it stands behind
}

// isBefore tells whether an item stands before a message with this id.
func (i Item) isBefore(id int64) bool {
	if i.Event.ID == 0 {
		return i.after < id
	}
	return i.Event.ID <= id
}

// Newest is the id of the newest message that is loaded, 0 where none is.
func (t *Timeline) Newest() int64 { return newest(t.Items) }

func newest(items []Item) int64 {
	for _, item := range slices.Backward(items) {
		if item.Event.ID > 0 {
			return item.Event.ID
		}
	}
	return 0
}

// NeedsOlder says before which id an older page should be asked for, and takes it that it is; ok is false where there is none, one is on its way,
// or as many items are held as may be.
func (t *Timeline) NeedsOlder() (before int64, ok bool) {
	if t.Start || t.asking || t.IsFull() {
		return 0, false
	}
	t.asking, t.before = true, maxID
	if id, found := t.oldest(); found {
		t.before = id
	}
	return t.before, true
}

// IsFull tells that nothing older is taken, since as many items are held as may be.
func (t *Timeline) IsFull() bool { return t.space() <= 0 }

// IsLoading tells whether an older page is on its way.
func (t *Timeline) IsLoading() bool { return t.asking }

// Older takes the page that NeedsOlder wanted, oldest first. start: there is nothing before it. Of a page that is too long its newest part
// is taken, and nothing of one whose messages no longer reach up to those that are here, or that was asked over a connection that was lost.
func (t *Timeline) Older(page []protocol.Event, start bool) {
	oldest, found := t.oldest()
	older := make([]Item, 0, len(page))
	last, before := int64(0), false // before: something is older than was asked for; where nothing is, there is no going on
	for _, e := range page {
		before = before || e.Room == t.Name && e.ID < t.before
		if e.Room == t.Name && e.Command == protocol.EventGone {
			t.forget(e.ID) // it may have been counted, dropped from here, and taken back while there was no connection
		}
		switch {
		case t.cut:
		case e.Room != t.Name || e.ID <= last: // the server is confused
		case !found || e.ID < oldest:
			older = append(older, t.give(Item{Event: e}))
		default: // it was told meanwhile, or is about to be
			t.insert(Item{Event: e})
		}
		last = max(last, e.ID)
	}
	if !t.cut {
		if over := len(older) - t.space(); over > 0 {
			older, start = older[over:], false
		}
		if len(older) > 0 {
			t.floor = older[0].Event.ID - 1
		}
		t.Items = slices.Insert(t.Items, 0, older...)
		t.Start = start || !before
	}
	t.OlderFailed()
}

// OlderFailed takes that there was no answer.
func (t *Timeline) OlderFailed() {
	t.asking, t.cut = false, false
	t.forgetGone()
}

// space is how many items there is space for.
func (t *Timeline) space() int { return t.most + t.most/4 - len(t.Items) }

// give gives an item its key, and forgets what it said where that was taken back meanwhile.
func (t *Timeline) give(item Item) Item {
	t.keys++
	item.Key = t.keys
	if item.Event.ID != 0 && slices.Contains(t.gone, item.Event.ID) {
		item.Event = takenBack(item.Event, item.Event.Time)
	}
	return item
}

func takenBack(e protocol.Event, said time.Time) protocol.Event {
	return protocol.Event{Command: protocol.EventGone, ID: e.ID, Room: e.Room, User: e.User, Time: said}
}

// insert puts an item in its place: by id, and without one behind all that is there. What is there already is there once; a message's
// own time takes the place of the one it was given here.
func (t *Timeline) insert(item Item) {
	defer t.trim()
	item = t.give(item)
	if item.Event.ID == 0 {
		item.after = t.Newest()
		t.Items = append(t.Items, item)
		return
	}
	if i, found := t.find(item.Event.ID); found {
		was := &t.Items[i].Event
		switch {
		case was.Command == protocol.EventGone:
		case item.Event.Command == protocol.EventGone:
			*was = takenBack(item.Event, was.Time)
		default:
			*was = item.Event
		}
		return
	}
	if item.Event.ID <= t.floor {
		return
	}
	at := len(t.Items)
	for at > 0 && !t.Items[at-1].isBefore(item.Event.ID) {
		at--
	}
	t.Items = slices.Insert(t.Items, at, item)
}

// settle inserts a text from here, unless history has told it already.
func (t *Timeline) settle(item Item) {
	if _, found := t.find(item.Event.ID); !found || item.Event.ID == 0 {
		t.insert(item)
	}
	t.forgetGone()
}

// oldest is the id of the oldest message that is loaded.
func (t *Timeline) oldest() (id int64, found bool) {
	for _, item := range t.Items {
		if item.Event.ID > 0 {
			return item.Event.ID, true
		}
	}
	return 0, false
}

// find looks for a message from the end on: it is nearly always near there.
func (t *Timeline) find(id int64) (int, bool) {
	for i, item := range slices.Backward(t.Items) {
		if item.Event.ID == id {
			return i, true
		}
		if item.Event.ID != 0 && item.Event.ID < id {
			break
		}
	}
	return 0, false
}

// takeBack forgets what a message said. stands: where it is not there, that it is gone stands in its place.
func (t *Timeline) takeBack(e protocol.Event, stands bool) {
	switch i, found := t.find(e.ID); {
	case found:
		t.Items[i].Event = takenBack(e, t.Items[i].Event.Time)
	case stands:
		t.insert(Item{Event: e})
	case (t.asking || len(t.Pending) > 0) && len(t.gone) < maxNoted:
		t.gone = append(t.gone, e.ID)
	}
}

// forgetGone forgets what was taken back, once nothing is on its way that may still have it.
func (t *Timeline) forgetGone() {
	if !t.asking && len(t.Pending) == 0 {
		t.gone = nil
	}
}

// trim drops the oldest items where there are too many.
func (t *Timeline) trim() {
	if t.space() >= 0 {
		return
	}
	dropped, kept := t.Items[:len(t.Items)-t.most], t.Items[len(t.Items)-t.most:]
	t.floor = max(t.floor, newest(dropped))
	t.Items = slices.Clone(kept)
	t.Start, t.cut = false, t.asking
}
