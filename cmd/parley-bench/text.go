package main

import "bytes"

// What a sender says: its number, the number of the message, when it was due, and padding up to the size asked for. All of it is
// checked where it arrives, so that a message lost, doubled, out of order or changed on its way is seen.
//
//	0003 0000002a 00012a05f200 the quick brown…
const (
	senderDigits = 4
	seqDigits    = 8
	dueDigits    = 12 // nanoseconds since the program began: for 78 hours

	seqAt  = senderDigits + 1
	dueAt  = seqAt + seqDigits + 1
	padAt  = dueAt + dueDigits + 1
	noText = -1

	leastSize = padAt + 1
	mostSize  = 2000
)

// padding is what padding is cut from; where it begins depends on all that stands before it.
var padding = bytes.Repeat([]byte("the-quick-brown-fox-jumps-over-the-lazy-dog-0123456789-ABCDEFGH~"), (mostSize+63)/64+1)

func padFrom(seq uint32, due int64) int { return int((uint64(seq) + uint64(due)) & 63) }

const hexDigits = "0123456789abcdef"

// unhex has the value of each digit; what is none has bit 8 set, which no sum of digits loses.
var unhex = func() (table [256]uint64) {
	for i := range table {
		table[i] = 1 << 63
	}
	for i, c := range hexDigits {
		table[c] = uint64(i)
	}
	return table
}()

func appendHex(b []byte, v uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, hexDigits[v>>shift&15])
	}
	return b
}

// parseHex is false where one of the digits is none.
func parseHex(b []byte) (v uint64, ok bool) {
	var bad uint64
	for _, c := range b {
		d := unhex[c]
		bad |= d
		v = v<<4 | d&15
	}
	return v, bad>>63 == 0
}

// appendText writes a message of size bytes.
func appendText(b []byte, sender int, seq uint32, due int64, size int) []byte {
	b = append(appendHex(b, uint64(sender), senderDigits), ' ')
	b = append(appendHex(b, uint64(seq), seqDigits), ' ')
	b = append(appendHex(b, uint64(due), dueDigits), ' ')
	at := padFrom(seq, due)
	return append(b, padding[at:at+size-padAt]...)
}

// parseText takes a message of size bytes apart; sender is noText where it is not one, to the last byte.
func parseText(b []byte, size int) (sender int, seq uint32, due int64) {
	if len(b) != size || b[seqAt-1] != ' ' || b[dueAt-1] != ' ' || b[padAt-1] != ' ' {
		return noText, 0, 0
	}
	s, good := parseHex(b[:senderDigits])
	q, alsoGood := parseHex(b[seqAt : dueAt-1])
	d, allGood := parseHex(b[dueAt : padAt-1])
	at := padFrom(uint32(q), int64(d))
	if !good || !alsoGood || !allGood || !bytes.Equal(b[padAt:], padding[at:at+size-padAt]) {
		return noText, 0, 0
	}
	return int(s), uint32(q), int64(d)
}
