package cluster

import "time"

// StartFast is Start in more of a hurry.
var StartFast = start

// Fast has nodes gone in a good half of a second.
var Fast = timing{beat: 100 * time.Millisecond, batch: 5 * time.Millisecond, answer: time.Second}
