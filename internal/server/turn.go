package server

import "runtime"

// A handshake computes for half a millisecond. When thousands come at once, as after a restart, those who are in
// would wait until all have computed. So as many compute at once as there are processors, in the
// order in which they came, and somebody who is in waits for one of them at the most.

// turns bounds how many handshakes compute at once.
type turns chan struct{}

func newTurns() turns { return make(turns, runtime.GOMAXPROCS(0)) }

// turn is one handshake's. It is held while it computes, and not while it waits for its peer.
type turn struct {
	of   turns
	held bool
}

func (t *turn) take() {
	if t.of != nil && !t.held {
		t.of <- struct{}{}
		t.held = true
	}
}

// end is after the handshake: reads and writes need no turn any more.
func (t *turn) end() {
	t.give()
	t.of = nil
}

func (t *turn) give() {
	if t.held {
		<-t.of
		t.held = false
	}
}
