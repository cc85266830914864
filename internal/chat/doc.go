// Package chat is what goes on in the rooms: who is a member, who is there,
// what was said, and who is told. It knows no socket, no line and no SQL.
//
// A message goes this way: Seat.Say checks membership and appends an Entry to
// the Log; the log makes it durable and hands it to Hub.Tail; the tail, and it
// alone, tells the rooms. So nobody sees what is not on disk, and all see one order.
//
//   - log.go: the Log that chat needs, and what it keeps
//   - hub.go: the Hub, who is known and who is signed in
//   - room.go: a room, its members, and who may become one
//   - seat.go: what a signed-in session can do, and where its membership is asked; say.go, join.go, read.go:
//     speak, join and leave, read; position.go: note what was read; takeback.go: take back what was said
//   - rule.go: lock, invite, expel, set a topic, mute
//   - tail.go: what each kind of entry does to rooms and people
//   - run.go: messages that follow each other in a room are told as one
//   - flush.go: when members write what they were told
//   - presence.go: coming and going, the grace of a lost connection, big rooms
//   - elsewhere.go: who is there on other nodes
//
// One mutex, Hub.mu, guards all of it. It is held for memory alone: never over a
// read of the log, an append or anything else that can wait. Two more belong to a
// person: writing makes the order in which their sessions' messages and leavings are checked
// the order of the log, and reading lets one read of the log run at a time. Lock order: a
// person's, Hub.mu, Hub.repliesMu or a Member's own. Members are flushed with none of them held;
// crowded, alone, lets one crowd be flushed at a time.
package chat
