// Package server is the entrance: it accepts connections within their caps,
// finishes the TLS handshake under a deadline, and hands each to its session. It
// knows nothing of lines.
//
//   - server.go: Server, its listeners and its draining; alive.go: whether they still accept
//   - visit.go: what the web front gets of a connection
//   - wire.go: the socket under TLS, whose writes wait for nobody
//   - socket_linux.go: reading and writing that cannot wait
//   - turn.go: how many handshakes compute at once
//   - trim.go: what a storm of handshakes leaves behind goes back to the system
//   - gate.go: how many connections there may be of a kind, in all and from one address
package server
