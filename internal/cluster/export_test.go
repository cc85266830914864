package cluster

import (
	"time"

	"github.com/nats-io/nats.go"

	"parley/internal/parleytest"
)

// Start with other timing: Steady for what has nothing to do with silence, so that nobody is taken for gone on a machine that stands
// still; Fast has nodes gone in three seconds; Hasty waits for no answer for long.
var (
	StartWith = start
	Steady    = timing{beat: 10 * time.Second, batch: Batch, answer: parleytest.Patience}
	Fast      = timing{beat: 500 * time.Millisecond, batch: Batch, answer: parleytest.Patience}
	Hasty     = timing{beat: 10 * time.Second, batch: Batch, answer: 5 * time.Second}
)

// Batch is how soon a change is told.
const Batch = 5 * time.Millisecond

// Timing is one of these.
type Timing = timing

// Beat is the time between heartbeats.
func (t timing) Beat() time.Duration { return t.beat }

// hearData has the node take a message.
func (n *Node) hearData(data []byte) { n.take(&nats.Msg{Subject: "x", Data: data}) }
