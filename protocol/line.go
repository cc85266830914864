package protocol

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of the line grammar.
const (
	MaxLine    = 4096     // bytes of a line, its LF included
	MaxSkip    = 64 << 10 // bytes without an LF after which a peer is flooding
	MaxCommand = 16       // letters of a COMMAND
)

// Line is one message of either side: COMMAND|DATA.
type Line struct {
	Command string
	Data    string
}

// Parse takes a line without its line end apart. Its errors are, in this
// order, BadFormat (no |, bad COMMAND) and BadText (not UTF-8).
func Parse(line []byte) (Line, *Error) {
	command, data, found := bytes.Cut(line, []byte{'|'})
	switch {
	case len(line) == 0:
		return Line{}, Errorf(BadFormat, "the line is empty; a line is COMMAND|DATA")
	case !found:
		return Line{}, Errorf(BadFormat, "there is no | in the line; a line is COMMAND|DATA")
	case !isCommand(command):
		return Line{}, Errorf(BadFormat, "COMMAND is 1 to %d letters A-Z before the first |", MaxCommand)
	case !utf8.Valid(data):
		return Line{}, Errorf(BadText, "the line is not valid UTF-8")
	}
	return Line{Command: string(command), Data: string(data)}, nil
}

func isCommand(b []byte) bool {
	if len(b) == 0 || len(b) > MaxCommand {
		return false
	}
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// Fields takes DATA apart. counts are the numbers of fields that the command
// may have, ascending; the last field of the greatest count takes the rest, | included.
// Empty DATA is no field where 0 is listed and one empty field elsewhere.
func Fields(data string, counts ...int) ([]string, *Error) {
	if data == "" && counts[0] == 0 {
		return nil, nil
	}
	most := counts[len(counts)-1]
	if most == 0 {
		return nil, Errorf(BadData, "nothing may stand after the |")
	}
	fields := strings.SplitN(data, "|", most)
	if !slices.Contains(counts, len(fields)) {
		return nil, Errorf(BadData, "%d fields do not fit this command; see HELP and the protocol's description", len(fields))
	}
	return fields, nil
}

// Append appends the line COMMAND|field|field… with its LF to dst. The
// caller answers for the fields: only the last may hold a |, none an LF.
func Append(dst []byte, command string, fields ...string) []byte {
	dst = append(dst, command...)
	dst = append(dst, '|')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, '|')
		}
		dst = append(dst, f...)
	}
	return append(dst, '\n')
}
