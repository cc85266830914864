// Command parley-probe attacks a running server from outside, and says what held.
//
//   - main.go: the command line; run.go: one stage after the other; report.go: the table and the JSON
//   - stages.go: the table of stages, each with the threat it belongs to
//   - target.go: the server, and the room of one's own; account.go: who signs in; conn.go: one connection, spoken to by hand
//   - watch.go: two people who talk meanwhile, and what they notice
//   - identify.go: whether it is a parley server at all
//   - the rest: the stages by subject
//
// A stage returns a finding, held or fell, of what it has seen; or an error where it could not be tried: nothing is said to hold that was
// not seen. Everything is sent to one address. What the server says is shown through protocol.Printable.
package main
