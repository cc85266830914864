package main

import (
	"testing"
	"testing/synctest"

	"parley/internal/client"
)

// What comes faster than it is taken waits, comes in batches and in order, and nobody waits once nobody listens.
func TestFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		const count = 3 * feedSize
		sent := 0
		go func() {
			for ; sent < count; sent++ {
				f.send(client.Update{Missed: sent})
			}
		}()
		synctest.Wait()
		if sent != feedSize {
			t.Fatalf("%d were taken in", sent)
		}
		for next := 0; next < count; {
			all := f.listen().(batch)
			if len(all) > feedBatch {
				t.Fatalf("%d at once", len(all))
			}
			for _, msg := range all {
				if got := msg.(client.Update).Missed; got != next {
					t.Fatalf("%d comes in the place of %d", got, next)
				}
				next++
			}
			synctest.Wait()
		}
		for range feedSize {
			f.send(nil)
		}
		go f.send(nil)
		synctest.Wait()
		f.close()
		synctest.Wait() // and the bubble ends, with nobody in it who waits
	})
}
