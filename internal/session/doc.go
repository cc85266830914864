// Package session is one connection's life: it reads lines, checks them in the
// contract's order, runs them from one table of commands, answers each exactly once and
// in order, and hands over the events of the account's rooms. Rate limits live here.
//
//   - service.go: Service, what all sessions share, what it asks other nodes, and their draining
//   - session.go: one session's reading loop, its states and its end
//   - command.go: the table of commands and the order of the checks
//   - hello.go, talk.go, read.go, rooms.go, account.go: the handlers
//   - limits.go: the rates of an account over all its sessions
//   - outbox.go: what waits to be written, bounded
//   - write.go: how it is written
//   - reply.go: Go errors to codes, events to bytes
//
// A session is one goroutine that reads and runs commands, and, only while its peer has
// to be waited for, one that writes; else whoever flushes writes. Serve returns after both. Replies to MSG and SEND come
// from the log's tail goroutine; every other command waits for them first.
//
// Lock order: chat's Hub.mu, outbox.mu, session.mu; limits.mu is taken alone.
package session
