// Package control carries out the operator's commands on accounts, throttles, sessions and rooms: in the
// running server, asked through a socket in its data directory, or, those on accounts, in
// the process that was started for it when no server runs. Either way one process writes.
//
//   - control.go: the table of operations, and those on accounts and throttles
//   - moderate.go: those on sessions and rooms
//   - socket.go: asking a running server, and answering
//   - audit.go: what the log says of an operation, and who asked for it
package control
