// Package client is the client's side of parley: what every program that talks to a server is built on.
//
//   - dial.go: a verified TLS connection, or an error that says what was wrong
//   - session.go: [Session], one connection; requests go out pipelined, replies are matched to them in order
//   - requests.go: the commands of the protocol as methods of Session
//   - client.go: [Client], a conversation that outlives its connections: it reconnects, and sends again what was not acknowledged
//   - signin.go: with which credential a Client signs in, and when it stops trying
//   - shown.go: how a Client tells the server what the person has been shown
//   - catchup.go: how a Client fetches what it missed, so that each message is told once and in order
//   - mirror.go, told.go: [Mirror], what a person may look at: rooms, and how the connection is
//   - review.go: how a Mirror finds out what was taken back while there was no connection
//   - timeline.go, unread.go, presence.go, mention.go: [Timeline], one room of it: messages, what is unread, who is here
//   - tokens.go: [TokenFile], the resume token on disk, for one process at a time
//   - files.go: where a client keeps files, and how: locked, and replaced as a whole
//
// A peer is not trusted to behave: lines, replies in flight, held events and waits are bounded, and a server that breaks the protocol
// or falls silent costs the connection, never more. Texts, names and explanations are handed on as they came: who shows them puts them
// through [protocol.Printable].
package client
