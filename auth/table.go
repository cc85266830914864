package auth

import (
	"container/list"
	"time"
)

// How long who failed too often waits, and how long that is remembered.
const (
	firstWait   = time.Second
	longestWait = 10 * time.Minute
	// memory: an entry whose last failure is this long ago is as if it had
	// never been. It is longer than any wait, so waiting alone does not wipe the slate.
	memory = time.Hour
)

// table counts failures by key. It is not safe for concurrent use.
//
// It is bounded. When it is full, who failed fewest goes first: an entry that
// has not reached the limit, the one whose last failure is longest ago; only where
// there is none, one that has. So who wants his own standing forgotten must
// bring as many other keys to the limit as the table holds, each of these
// failures having cost a turn in the pool, within the hour after which it would be forgotten anyway.
type table[K comparable] struct {
	limit   int // failures before waits begin; 0: nobody ever waits
	size    int // entries, at least 1
	entries map[K]*entry[K]
	young   *list.List // of *entry[K] below the limit, by last failure, oldest first
	barred  *list.List // of *entry[K] at the limit and above, likewise
}

// entry is what is known about one key. While it has no failure yet, only tries
// under way, it is in neither list; there are no more of those than of connections that sign in.
type entry[K comparable] struct {
	key      K
	failures int
	trying   int       // tries under way
	last     time.Time // of the last failure
	until    time.Time // no try before
	in       *list.List
	at       *list.Element
}

func newTable[K comparable](limit, size int) *table[K] {
	return &table[K]{limit: limit, size: max(size, 1), entries: map[K]*entry[K]{}, young: list.New(), barred: list.New()}
}

// wait returns how long key has to wait from now; 0 if it may try. Tries under
// way are taken for failures, so that many at once get no further than one after another.
func (t *table[K]) wait(key K, now time.Time) time.Duration {
	t.forget(now)
	e := t.entries[key]
	if e == nil || t.limit <= 0 {
		return 0
	}
	w := e.until.Sub(now)
	if e.trying > 0 && e.failures+e.trying >= t.limit {
		w = max(w, firstWait)
	}
	return max(w, 0)
}

// begin counts a try; end must follow.
func (t *table[K]) begin(key K) {
	if t.limit <= 0 {
		return
	}
	e := t.entries[key]
	if e == nil {
		e = &entry[K]{key: key}
		t.entries[key] = e
	}
	e.trying++
}

// end takes a try back.
func (t *table[K]) end(key K) {
	if e := t.entries[key]; e != nil && e.trying > 0 {
		e.trying--
		if e.trying == 0 && e.failures == 0 {
			delete(t.entries, key)
		}
	}
}

// fail counts a failure of a try that has begun and not ended. It tells whether it was the one that reaches the limit.
func (t *table[K]) fail(key K, now time.Time) bool {
	e := t.entries[key]
	if e == nil {
		return false
	}
	t.unlist(e)
	e.failures++
	e.last = now
	e.in = t.young
	if over := e.failures - t.limit; over >= 0 {
		e.until = now.Add(min(firstWait<<min(over, 20), longestWait))
		e.in = t.barred
	}
	if t.young.Len()+t.barred.Len() >= t.size {
		t.evict()
	}
	e.at = e.in.PushBack(e)
	return e.failures == t.limit
}

// clear wipes the failures of key.
func (t *table[K]) clear(key K) {
	e := t.entries[key]
	if e == nil {
		return
	}
	t.unlist(e)
	if e.trying == 0 {
		delete(t.entries, key)
		return
	}
	e.failures, e.until = 0, time.Time{}
}

func (t *table[K]) unlist(e *entry[K]) {
	if e.at != nil {
		e.in.Remove(e.at)
		e.in, e.at = nil, nil
	}
}

// evict makes room for one.
func (t *table[K]) evict() {
	for _, l := range []*list.List{t.young, t.barred} {
		if at := l.Front(); at != nil {
			t.clear(at.Value.(*entry[K]).key)
			return
		}
	}
}

// forget clears what is too old.
func (t *table[K]) forget(now time.Time) {
	for _, l := range []*list.List{t.young, t.barred} {
		for at := l.Front(); at != nil; at = l.Front() {
			e := at.Value.(*entry[K])
			if now.Sub(e.last) < memory {
				break
			}
			t.clear(e.key)
		}
	}
}
