// Package store keeps everything that lasts in one SQLite database: it is the
// log of a single node ([chat.Log]), the keeper of accounts and tokens
// ([auth.Store]), and the only thing that history, search, accounts and
// memberships are read from.
//
// # The way of a write
//
// Every write is an op: plain data with an apply method that changes the
// tables in a transaction (said.go, member.go, account.go, token.go). Append
// and the writing methods of auth.Store put ops on one bounded queue, so all
// writes have one order and one sequence of ids. The writer goroutine takes
// what is waiting, applies it in one transaction, commits (writer.go) and hands
// the batch to the tail goroutine, which calls the tail and then done for each
// op in order while the next batch is being committed. An op that is refused
// changes nothing and does not disturb its batch. When the disk is full, the
// whole batch fails and the next one tries again; after a failed fsync nothing
// is acknowledged any more (failure.go).
//
// # Who owns what
//
// The writer goroutine owns the only connection that writes, its statements and
// the counter of ids and times. Readers (read.go, find.go, auth.go) take one of
// a bounded number of read-only connections (reading the account or token of who
// signs in has its own) and see what was committed when they began. Start begins both goroutines, Close waits for them. A lock on
// the directory keeps other processes out from Open to Close (open.go).
//
// The tables are in migrations; how an old database becomes a new one is in
// schema.go.
package store
