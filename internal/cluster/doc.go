// Package cluster is what the nodes of one team tell each other beside the log, by core NATS: who is present where,
// which sign-ins failed, whether a session lives, and that a guest is to be ended. What is kept goes through the log.
//
//   - node.go: a Node, from Start to Close, and who is told what on which subject
//   - message.go: the messages, and how strictly they are read
//   - tell.go: what this node says of its own people: changes in batches, heartbeats, the whole on request
//   - hear.go: what the others say, and when one is gone
//   - ask.go: questions to all nodes, with their answers
//
// # Protocol
//
// Each process is a node with a fresh UUID. It says what changed about its people as messages numbered from 1,
// and once a second (a beat) the number of the last one. Who misses a number, or meets a node that it does not know, asks
// that node for everything (a node that is met is sent a beat at once), which comes in parts and stands for all up to a number. All that is said of a person is absolute
// and replaces what was said before; so nothing needs to arrive, and what comes late, twice or out of order does no
// harm. A node that was not heard for five beats is gone, and its people with it. There is no goodbye: a
// node that stops falls silent, so that its people have that time to come back on another without having left.
//
// Messages are JSON of at most 32 KiB on NAME.nodes.all and NAME.nodes.to.UUID. Whoever may publish there can say who
// is present, throttle and lift, and end guests; nobody's password or token is ever there.
//
// Where NATS is out of reach nothing waits: what would be said is left out, which the others notice by its number when it is back.
//
// # Goroutines
//
// Two belong to a Node, and Close waits for both. hear owns what is known of the others and never publishes; tell publishes,
// and owns the numbers. Lock order: Hub.mu, Node.mu, which is held for memory alone and with which nothing else is taken.
package cluster
