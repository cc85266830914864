package main

import (
	"context"
	"slices"
)

// threats are the rows of the table in docs/security-analysis.md that stages belong to, by number.
var threats = map[int]string{
	1:  "slow connections",
	2:  "connection flood",
	4:  "TLS downgrade",
	5:  "cross-protocol",
	8:  "account names",
	9:  "CPU by bcrypt",
	10: "guessing passwords",
	11: "bcrypt's 72 bytes",
	12: "weak passwords",
	13: "stolen sessions",
	14: "hostile lines",
	15: "injection",
	16: "flooding",
	17: "slow readers",
	18: "rooms without end",
	19: "reading of others",
	20: "speaking as others",
	21: "look-alike names",
	22: "terminal escapes",
	24: "foreign pages",
	25: "lying frames",
}

// stage is one attack.
type stage struct {
	name   string
	row    int    // of threats
	tried  string // what is done, with numbers
	flag   string // of parleyd, which tightens it
	people int    // accounts that it needs
	room   bool   // it writes
	many   bool   // it needs many addresses to send from
	beside bool   // it mostly waits: it runs at the same time as its neighbours of this kind
	run    func(context.Context, *target) (finding, error)
}

// stages is the order in which they run: what costs nothing first; what uses up rates, and guesses, last.
var stages = slices.Concat(tlsStages, lineStages, webStages, frameStages, roomStages, sessionStages, rateStages, readerStages, floodStages, passwordStages, guessStages, slowStages, spreeStages)
