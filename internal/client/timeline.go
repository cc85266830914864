package client

import (
	"slices"

	"parley/protocol"
)

// Timeline is a room or conversation as a [Mirror] shows it. Its messages are the newest without a gap: what is older is loaded page by page.
// Only the Mirror changes it.
type Timeline struct {
	Name       string
	Topic      string
	TopicKnown bool
	Here       []string // who is here, sorted; nil: not known, or too many
	HereCount  int

	Items   []Item  // oldest first
	Start   bool    // Items begins with the very first message
	Pending []*Post // on their way, in order; they come behind all Items
	Read    int64   // id of the newest message that the person has been shown, as far as is known
	Mark    int64   // reading stopped behind this id, and what follows is new since then; 0: nothing is

	keys      int  // given so far
	born      int  // how often LIST had been asked when it was first heard of
	asking    bool // for an older page
	counted   int  // unread messages up to countedTo, by LIST
	countedTo int64
	fresh     []int64 // ids of unread messages after that, ascending
	mentions  []int64 // ids of unread messages that mention the account, ascending
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

// Unread is how many messages of others the person has not been shown.
func (t *Timeline) Unread() int { return t.counted + len(t.fresh) }

// Mentions is how many of them mention the account; those that were not told are not known.
func (t *Timeline) Mentions() int { return len(t.mentions) }

// Newest is the id of the newest message that is known to be there.
func (t *Timeline) Newest() int64 {
	newest := t.countedTo
	for _, item := range slices.Backward(t.Items) {
		if item.Event.ID > 0 {
			return max(newest, item.Event.ID)
		}
	}
	return newest
}

// NeedsOlder says before which id an older page should be asked for, and takes it that it is; ok is false where there is none, or one is on its way.
func (t *Timeline) NeedsOlder() (before int64, ok bool) {
	if t.Start || t.asking {
		return 0, false
	}
	t.asking = true
	if id, found := t.oldest(); found {
		return id, true
	}
	return maxID, true
}

// IsLoading tells whether an older page is on its way.
func (t *Timeline) IsLoading() bool { return t.asking }

// Older takes an older page, oldest first. start: there is nothing before it.
func (t *Timeline) Older(page []protocol.Event, start bool) {
	t.asking = false
	t.Start = start
	for _, e := range page {
		if e.Room == t.Name {
			t.insert(Item{Event: e})
		}
	}
}

// OlderFailed takes that there was no answer.
func (t *Timeline) OlderFailed() { t.asking = false }

// insert puts an item in its place: by id, and without one behind all that is there. What is there already is there once; a message's
// own time takes the place of the one it was given here.
func (t *Timeline) insert(item Item) {
	t.keys++
	item.Key = t.keys
	if item.Event.ID == 0 {
		item.after = t.Newest()
		t.Items = append(t.Items, item)
		return
	}
	if i, found := t.find(item.Event.ID); found {
		if t.Items[i].Event.Command != protocol.EventGone {
			item.Key = t.Items[i].Key
			t.Items[i] = item
		}
		return
	}
	at := len(t.Items)
	for at > 0 && !t.Items[at-1].isBefore(item.Event.ID) {
		at--
	}
	t.Items = slices.Insert(t.Items, at, item)
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

// takeBack forgets what a message said.
func (t *Timeline) takeBack(e protocol.Event) {
	if i, found := t.find(e.ID); found {
		was := t.Items[i].Event
		t.Items[i].Event = protocol.Event{Command: protocol.EventGone, ID: e.ID, Room: was.Room, User: was.User, Time: was.Time}
	}
}

// trim drops the oldest items over keep.
func (t *Timeline) trim(keep int) {
	if len(t.Items) < keep+keep/4+1 {
		return
	}
	t.Items = slices.Clone(t.Items[len(t.Items)-keep:])
	t.Start = false
}

// maxFresh bounds how many ids of unread messages are kept one by one.
const maxFresh = 4096

// add counts an unread message.
func (t *Timeline) add(id int64, mention bool) {
	if i, found := slices.BinarySearch(t.mentions, id); mention && !found && len(t.mentions) < maxFresh {
		t.mentions = slices.Insert(t.mentions, i, id)
	}
	i, found := slices.BinarySearch(t.fresh, id)
	if found || id <= t.countedTo { // LIST has counted it
		return
	}
	t.fresh = slices.Insert(t.fresh, i, id)
	if len(t.fresh) > maxFresh {
		t.countedTo = t.fresh[len(t.fresh)-1]
		t.counted += len(t.fresh)
		t.fresh = nil
	}
}

// uncount takes back an unread message of somebody else.
func (t *Timeline) uncount(id int64) {
	if i, found := slices.BinarySearch(t.fresh, id); found {
		t.fresh = slices.Delete(t.fresh, i, i+1)
	} else if id > t.Read && id <= t.countedTo {
		t.counted = max(0, t.counted-1)
	}
	t.mentions = slices.DeleteFunc(t.mentions, func(m int64) bool { return m == id })
}

// recount counts what is unread after Read has moved; false: only the server knows.
func (t *Timeline) recount(self string) bool {
	read := func(id int64) bool { return id <= t.Read }
	t.fresh = slices.DeleteFunc(t.fresh, read)
	t.mentions = slices.DeleteFunc(t.mentions, read)
	if t.Read >= t.countedTo || t.counted == 0 {
		t.counted = 0
		return true
	}
	if oldest, found := t.oldest(); !t.Start && (!found || oldest > t.Read+1) {
		return false
	}
	t.counted = 0
	for _, item := range t.Items {
		e := item.Event
		if e.Command == protocol.EventMsg && e.User != self && e.ID > t.Read && e.ID <= t.countedTo {
			t.counted++
		}
	}
	return true
}
