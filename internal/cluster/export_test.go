package cluster

import (
	"time"

	"github.com/nats-io/nats.go"
)

// StartFast is Start in more of a hurry.
var StartFast = start

// Fast has nodes gone in a good half of a second.
var Fast = timing{beat: 100 * time.Millisecond, batch: 5 * time.Millisecond, answer: time.Second}

// hearData has the node take a message.
func (n *Node) hearData(data []byte) { n.take(&nats.Msg{Subject: "x", Data: data}) }
