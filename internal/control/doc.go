// Package control carries out the operator's commands on accounts and
// throttles: in the running server, asked through a socket in its data directory, or in
// the process that was started for it when no server runs. Either way one process writes.
//
//   - control.go: the table of operations
//   - socket.go: asking a running server, and answering
package control
