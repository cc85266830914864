package store

import (
	"context"
	"maps"
	"slices"
)

// SQLite keeps the pages that it does not need for later and never makes its file smaller, unless it writes all of it anew. Where the file
// system can, these pages become holes in the file instead: they take no room, until SQLite writes to them again.
//
// A page is free as of the last commit only. Readers may look at an older state, in which it was not, and a write may need it
// next. So it is done while nothing writes (w.mu), and the write-ahead log is empty: then every reader looks at the last state.

// punchMost is how many holes are made while writes wait.
const punchMost = 512

// giveBack makes holes of all free pages, until ctx ends.
func (w *writer) giveBack(ctx context.Context) error {
	for from, more := uint32(0), true; more; {
		err := w.emptyLog(ctx, func() (err error) {
			from, more, err = w.punchFrom(from)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// punchFrom makes some holes from a page on, and says from which page on it is to go on.
func (w *writer) punchFrom(from uint32) (next uint32, more bool, err error) {
	free, err := freePages(w.page)
	if err != nil {
		return 0, false, err
	}
	// Pages of the free list itself are in use.
	maps.DeleteFunc(free, func(n uint32, left int) bool { return left > 0 || n < from })
	pages := slices.Sorted(maps.Keys(free))
	for holes := 0; len(pages) > 0; holes++ {
		if holes == punchMost {
			return pages[0], true, nil
		}
		n := 1
		for n < len(pages) && pages[n] == pages[0]+uint32(n) {
			n++
		}
		given, err := punch(w.file, int64(pages[0]-1)*pageSize, int64(n)*pageSize)
		if !given || err != nil {
			return 0, false, err
		}
		pages = pages[n:]
	}
	return 0, false, nil
}
