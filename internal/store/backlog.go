package store

import (
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
)

// A backlog is what is durable in the journal and not yet in the database.
// Readers look into it, so that what was acknowledged is there to be read at once.
type backlog struct {
	mu   sync.RWMutex
	list []chat.Entry // in the order of ids; entries never change
	keys map[keyOf]keyed

	some, many chan struct{} // told to the applier: there is something, there is enough
}

// keyOf is what a SEND key is unique in.
type keyOf struct{ owner, room, key string }

// keyed is the message that has a key.
type keyed struct{ id, ms int64 }

// When the backlog is brought into the database, and how much at once at the most.
const (
	applyAfter = 500 * time.Millisecond // since there is something
	applyFrom  = 1024
	applyMost  = 256  // in one transaction: on one processor nobody is told anything while it commits
	backlogMax = 8192 // beyond it messages wait for the database
)

func newBacklog() *backlog {
	return &backlog{keys: make(map[keyOf]keyed), some: make(chan struct{}, 1), many: make(chan struct{}, 1)}
}

// add appends messages that have become durable.
func (b *backlog) add(list []chat.Entry) {
	if len(list) == 0 {
		return
	}
	b.mu.Lock()
	b.list = append(b.list, list...)
	n := len(b.list)
	b.mu.Unlock()
	tell(b.some)
	if n >= applyFrom {
		tell(b.many)
	}
}

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// view is what is in the backlog now.
func (b *backlog) view() []chat.Entry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.list
}

// last is the id of the last message in the backlog, 0 where there is none.
func (b *backlog) last() int64 {
	list := b.view()
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].ID
}

// take gives e's key to it, before it is added.
func (b *backlog) take(e *chat.Entry) {
	if e.Key == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys[keyOf{e.KeyOwner, e.Room, e.Key}] = keyed{e.ID, e.Time.UnixMilli()}
}

// key returns the message that has e's key.
func (b *backlog) key(e *chat.Entry) (keyed, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	first, ok := b.keys[keyOf{e.KeyOwner, e.Room, e.Key}]
	return first, ok
}

// untake takes their keys from messages that were not added after all.
func (b *backlog) untake(list []chat.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(list)
}

// forget is untake's part under mu.
func (b *backlog) forget(list []chat.Entry) {
	for i := range list {
		e := &list[i]
		if k := (keyOf{e.KeyOwner, e.Room, e.Key}); e.Key != "" && b.keys[k].id == e.ID {
			delete(b.keys, k)
		}
	}
}

// drop forgets the first n messages, which the database has.
func (b *backlog) drop(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(b.list[:n])
	// Readers may hold the old slice; who reads later gets one without what was dropped.
	if b.list = slices.Clone(b.list[n:]); len(b.list) == 0 {
		b.list = nil
	}
}

// of returns the messages of a room in the backlog.
func (b *backlog) of(room string) (list []chat.Message) {
	all := b.view()
	for i := range all {
		if all[i].Room == room {
			list = append(list, message(&all[i]))
		}
	}
	return list
}
