package session

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestOutboxIsFull: more than the limit waits in a burst, and while the peer takes some; a peer that takes nothing gets no more than that.
func TestOutboxIsFull(t *testing.T) {
	const piece, limit, most = recordSize, 4 * recordSize, burst * 4 // most: pieces that may wait
	for _, tt := range []struct {
		name       string
		come, take int           // pieces in one step
		step       time.Duration // between two of them
		want       int           // pieces that fit
	}{
		{"a burst", 1, 0, 0, most},
		{"nothing is taken", 1, 0, stalled/4 + 1, limit / piece},
		{"some is taken", 2, 1, stalled / 2, 2*most - 1},
		{"some is taken, too late", 2, 1, stalled + 1, limit/piece + 3},
		{"all is taken", 2, 2, stalled / 2, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				full := false
				o := newOutbox(ours, limit, 0, func() { full = true })
				fit := 0
				for ; !full && fit < 1000; fit++ {
					o.event(make([]byte, piece))
					o.flush()
					if (fit+1)%tt.come == 0 {
						for range tt.take {
							theirs.Read(make([]byte, piece))
						}
						synctest.Wait()
						time.Sleep(tt.step)
					}
				}
				if full {
					fit--
				}
				if fit != tt.want {
					t.Errorf("%d pieces fit, want %d", fit, tt.want)
				}
				theirs.Close()
				synctest.Wait()
				ours.Close()
			})
		})
	}
}
