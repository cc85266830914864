// Package store keeps everything that lasts: it is the log of a single node
// ([chat.Log]), the keeper of accounts and tokens ([auth.Store]), and what history,
// search, accounts and memberships are read from. All of it is in one SQLite
// database; messages are first in a journal.
//
// # The way of a write
//
// Every write is an op: plain data with an apply method that changes the tables in a
// transaction (said.go, member.go, rule.go, position.go, account.go, token.go). Append and the writing methods
// of auth.Store put ops on one bounded queue (sequence.go), so all writes have one order
// and one sequence of ids. The sequencer goroutine takes what is waiting, and for a moment what
// is just coming (pace.go), and makes it durable (writer.go): messages by a write to the
// journal (journal.go), anything else by a transaction. The tail goroutine gets the batch, tells
// the rooms and answers, while the next batch is made durable.
//
// Messages in the journal are also in the backlog (backlog.go), until the applier goroutine
// has brought them into the tables, many at once (apply.go, block.go). A
// transaction for other writes does so first. An op that is refused changes nothing and does not
// disturb its batch. When the disk is full, the whole batch fails and the next one tries
// again; after a failed fsync nothing is acknowledged any more (failure.go). Whether all of that still goes on can be asked (beat.go).
//
// What is said is counted, so that nobody need count what is unread (counts.go).
//
// A message that is taken back (erase.go) leaves the tables and the search index in a transaction, the journal
// right after it (wipe.go), and then the scrubber goroutine removes what SQLite's files still have of it (scrub.go,
// pages.go, emptylog.go).
//
// What is too old to be kept is dropped by ops as well (keep.go, expire.go); their room on the disk is given back by compact.go and
// giveback.go. copy.go copies a database that others write to, for backup.go and for schema.go; restore.go is the way back, export.go reads a room.
//
// # In a cluster
//
// The same ops go to a JetStream stream (package stream) instead, which orders those of all nodes, and the tables follow it
// (follow.go, followrun.go, followtake.go); codec.go has their form. The journal and the backlog are not used: the stream has what the database lacks. What the
// hub has checked is checked again in the stream's order (recheck.go). Operators change accounts in the stream alone (registry.go), and a
// single server's database is brought there by migrate.go. A node that comes late finds no text that was taken back (late.go).
//
// # Who owns what
//
// The sequencer owns the journal, the counter of ids and times, and a connection that looks
// for keys. The only connection that writes, and its statements, are used by it, the applier and
// the scrubber in turn (writer.mu). Readers (read.go, find.go, auth.go) take one of a bounded number of
// read-only connections (reading the account or token of who signs in has its own); what was
// committed when they began, and the backlog, is what they see. Start begins the goroutines,
// Close waits for them. A lock on the directory keeps other processes out from Open to Close (open.go).
//
// The tables are in migrations; how an old database becomes a new one is in
// schema.go.
package store
