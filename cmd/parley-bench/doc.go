// Command parley-bench loads a running server and measures it: parley, or a peer that speaks IRC or NATS.
//
//   - main.go: the command line; cases are the rows of commandLine
//   - dialect.go, conn.go: how each kind of server is spoken to
//   - run.go, member.go: connections, rooms, and who listens
//   - text.go, ledger.go: what is said, and the check that it arrives once, in order and unchanged
//   - window.go, fanout.go: who speaks how fast, and the phase that is measured
//   - process.go, latency.go, delay.go, report.go, progress.go: figures
package main
