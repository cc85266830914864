// Package protocol is the wire of parley: what a line is, how it is read in
// bounded memory, what its fields may hold, and the codes of its errors.
//
// It knows nothing of connections, accounts or rooms, imports only the
// standard library and never package net, so that a client in any setting can
// use it and so that every function here can be fuzzed by itself. The contract
// is docs/protocol.md; testdata/vectors holds it as data that a program in any
// language can be checked against.
//
//   - reader.go: the bounded line reader, the first thing a stranger's bytes meet
//   - line.go: COMMAND|DATA, and DATA into fields
//   - text.go: what texts, names, targets, keys and numbers may be, and how
//     foreign text is made safe to show
//   - event.go: the lines that a server sends without being asked
//   - code.go: error codes and the error that carries one
package protocol
