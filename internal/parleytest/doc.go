// Package parleytest starts the real programs for tests, as child processes on
// loopback with certificates and data of their own, and speaks the line protocol to them
// by hand: no code of parley's stands between a test and the wire.
//
//   - build.go: the programs, built once a test run
//   - server.go: a parleyd to start, stop, kill and start again
//   - conn.go: one connection, line by line
//   - wire.go: how it ended
//   - openssl.go: a connection by another program
//   - tmux.go: a program in a terminal, driven by internal/tmux
//   - nats.go: nats-server processes, one or a cluster of them, to start, stop, kill, cut off and start again
//   - natsnode.go: one of them
//   - natscreds.go: who may talk to them
//   - link.go: a way between two programs that can be cut
//   - shell.go: bash, zsh and fish, completing
package parleytest
