package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// exchanged is what a browser that signed in sends, and what comes of it.
type exchanged struct {
	name  string // with the section of RFC 6455, and the case of the Autobahn test suite where it has one
	sent  []byte
	lines []string // that come back, matched as by matches
	pongs []string
	code  int // of the close frame; 0: the session goes on
}

func joined(frames ...[]byte) []byte { return slices.Concat(frames...) }

func closing(code uint16, reason string) []byte {
	return frame(wsFin|wsClose, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// unmasked is a frame as only a server may send it.
func unmasked(first byte, payload string) []byte {
	return append(frameHead(first, 0, len(payload)), payload...)
}

// chopped is a text message in fragments of n bytes.
func chopped(text string, n int) (all []byte) {
	first := byte(wsText)
	for ; len(text) > n; text = text[n:] {
		all = append(all, frame(first, text[:n])...)
		first = wsMore
	}
	return append(all, frame(wsFin|first, text)...)
}

var (
	x5000  = strings.Repeat("x", 5000)
	y125   = strings.Repeat("y", 125)
	manyOK = strings.Repeat("PING|\n", 12000) // 72,000 bytes: a frame whose length has 64 bits
)

var exchanges = []exchanged{
	{"5.6 (1.1.1) an empty text is an empty line", frame(wsFin|wsText, ""), []string{"ERROR|bad-format|*"}, nil, 0},
	{"5.2 (1.1.2) a length of 7 bits", frame(wsFin|wsText, "PING|"+y125[:120]), []string{"OK|" + y125[:120]}, nil, 0},
	{"5.2 (1.1.3) a length of 16 bits", frame(wsFin|wsText, "PING|"+y125), []string{"OK|" + y125}, nil, 0},
	{"5.2 (1.1.6) a length of 64 bits", frame(wsFin|wsText, manyOK), slices.Repeat([]string{"OK|"}, 12000), nil, 0},
	{"lines, LF between, CR or LF at the end", frame(wsFin|wsText, "PING|a\r\nPING|b\nPING|c\r\n"), []string{"OK|a", "OK|b", "OK|c"}, nil, 0},
	{"an LF of its own is an empty line", frame(wsFin|wsText, "PING|a\n\n"), []string{"OK|a", "ERROR|bad-format|*"}, nil, 0},
	{"a longest line", frame(wsFin|wsText, "PING|"+x5000[:4090]), []string{"OK|xx*"}, nil, 0},
	{"a line that is too long", frame(wsFin|wsText, "PING|"+x5000), []string{"ERROR|too-long|*"}, nil, 0},
	{"a line without an end", frame(wsFin|wsText, strings.Repeat("x", 66<<10)), []string{"ERROR|too-long|*", "BYE|flood|*"}, nil, 1008},
	{"a line goes on in no other message", joined(frame(wsFin|wsText, "PI"), frame(wsFin|wsText, "NG|")), []string{"ERROR|bad-format|*", "ERROR|unknown-command|*"}, nil, 0},
	{"10.4 a message beyond the bound", frame(wsFin|wsText, manyOK+manyOK), nil, nil, 1009},
	{"10.4 fragments beyond the bound", chopped(manyOK+manyOK, 8<<10), nil, nil, 1009},
	{"10.4 a length of 2^62", append(frameHeadOf(1<<62), strings.Repeat("x", 66<<10)...), []string{"ERROR|too-long|*", "BYE|flood|*"}, nil, 1008},
	{"5.2 a length of 2^63", append(frameHeadOf(1<<63), x5000...), nil, nil, 1002},
	{"5.1 not masked", unmasked(wsFin|wsText, "PING|x"), nil, nil, 1002},
	{"5.1 a ping not masked", unmasked(wsFin|wsPing, ""), nil, nil, 1002},
	{"5.6 (1.2) binary", frame(wsFin|wsBinary, "PING|x"), nil, nil, 1003},
	{"5.5.2 (2.1) an empty ping", frame(wsFin|wsPing, ""), nil, []string{""}, 0},
	{"5.5.2 (2.4) a ping of 125 bytes", frame(wsFin|wsPing, y125), nil, []string{y125}, 0},
	{"5.5.2 (2.3) a ping that is no text", frame(wsFin|wsPing, "\x00\xff\xfe"), nil, []string{"\x00\xff\xfe"}, 0},
	{"5.5 (2.5) a ping of 126 bytes", frame(wsFin|wsPing, y125+"y"), nil, nil, 1002},
	{"5.5.3 (2.7) a pong that nobody asked for", frame(wsFin|wsPong, "hello"), nil, nil, 0},
	{"5.5.2 (2.10) ten pings", slices.Repeat(frame(wsFin|wsPing, "p"), 10), nil, slices.Repeat([]string{"p"}, 10), 0},
	{"5.2 (3.1) RSV3", frame(wsFin|wsText|0x10, "PING|x"), nil, nil, 1002},
	{"5.2 (3.2) RSV2", frame(wsFin|wsText|0x20, "PING|x"), nil, nil, 1002},
	{"5.2 (3.4) RSV1, as if compressed", frame(wsFin|wsText|0x40, "PING|x"), nil, nil, 1002},
	{"5.2 (3.5) RSV1 in a ping", frame(wsFin|wsPing|0x40, ""), nil, nil, 1002},
	{"5.2 (3.6) RSV3 in a close", frame(wsFin|wsClose|0x10, ""), nil, nil, 1002},
	{"5.2 (4.1.1) opcode 3", frame(wsFin|0x3, ""), nil, nil, 1002},
	{"5.2 (4.1.5) opcode 7", frame(wsFin|0x7, "PING|x"), nil, nil, 1002},
	{"5.2 (4.2.1) opcode 11", frame(wsFin|0xb, ""), nil, nil, 1002},
	{"5.2 (4.2.5) opcode 15", frame(wsFin|0xf, "x"), nil, nil, 1002},
	{"5.4 (5.1) a ping in fragments", joined(frame(wsPing, "a"), frame(wsFin|wsMore, "b")), nil, nil, 1002},
	{"5.4 (5.2) a pong in fragments", joined(frame(wsPong, "a"), frame(wsFin|wsMore, "b")), nil, nil, 1002},
	{"5.4 (5.3) a text in fragments", joined(frame(wsText, "PING|a"), frame(wsFin|wsMore, "b")), []string{"OK|ab"}, nil, 0},
	{"5.4 (5.6) a ping between fragments", joined(frame(wsText, "PING|a"), frame(wsFin|wsPing, "p"), frame(wsFin|wsMore, "b")), []string{"OK|ab"}, []string{"p"}, 0},
	{"5.4 (5.9) a fragment of nothing", frame(wsFin|wsMore, "PING|x"), nil, nil, 1002},
	{"5.4 (5.15) a fragment after the last", joined(chopped("PING|ab", 6), frame(wsMore, "x")), []string{"OK|ab"}, nil, 1002},
	{"5.4 (5.18) a text within a text", joined(frame(wsText, "PING|a"), frame(wsFin|wsText, "PING|b")), nil, nil, 1002},
	{"5.4 empty fragments", joined(frame(wsText, ""), frame(wsMore, ""), frame(wsFin|wsMore, "PING|x")), []string{"OK|x"}, nil, 0},
	{"5.4 a byte a fragment", chopped("PING|"+y125, 1), []string{"OK|" + y125}, nil, 0},
	{"8.1 (6.2.1) UTF-8", frame(wsFin|wsText, "PING|κόσμε ✈ 😀"), []string{"OK|κόσμε ✈ 😀"}, nil, 0},
	{"8.1 (6.2.4) UTF-8, its code points in fragments", chopped("PING|κόσμε ✈ 😀", 1), []string{"OK|κόσμε ✈ 😀"}, nil, 0},
	{"8.1 (6.3.1) not UTF-8", frame(wsFin|wsText, "PING|κό\xed\xa0\x80"), nil, nil, 1007},
	{"8.1 (6.4.1) not UTF-8, in fragments", joined(frame(wsText, "PING|κ"), frame(wsMore, "\xf4\x90\x80"), frame(wsFin|wsMore, "\x80")), nil, nil, 1007},
	{"8.1 (6.6.2) UTF-8 that ends early", frame(wsFin|wsText, "PING|\xce"), nil, nil, 1007},
	{"8.1 a code point that goes on in the next message", joined(frame(wsFin|wsText, "PING|\xe2\x9c"), frame(wsFin|wsText, "\x88")), nil, nil, 1007},
	{"8.1 an LF within a code point", frame(wsFin|wsText, "PING|\xe2\n\x9c\x88"), nil, nil, 1007},
	{"8.1 (6.21) a surrogate", frame(wsFin|wsText, "PING|\xed\xbf\xbf"), nil, nil, 1007},
	{"8.1 (6.18) overlong", frame(wsFin|wsText, "PING|\xc0\xaf"), nil, nil, 1007},
	{"8.1 a valid line before one that is not", frame(wsFin|wsText, "PING|a\n"+strings.Repeat("PING|bcdefg\n", 60)+"PING|\xff"), nil, nil, 1007},
	{"5.5.1 (7.1.1) closing", joined(frame(wsFin|wsText, "PING|x"), closing(1000, "")), nil, nil, 1000},
	{"5.5.1 (7.1.2) closing twice", joined(closing(1000, ""), closing(1000, "")), nil, nil, 1000},
	{"5.5.1 (7.1.4) a line after closing", joined(closing(1000, ""), frame(wsFin|wsText, "PING|x")), nil, nil, 1000},
	{"5.5.1 (7.3.1) closing without a code", frame(wsFin|wsClose, ""), nil, nil, 1005},
	{"5.5.1 (7.3.2) closing with half a code", frame(wsFin|wsClose, "a"), nil, nil, 1002},
	{"5.5.1 (7.3.4) closing with a reason", closing(1001, "gone"), nil, nil, 1001},
	{"5.5.1 (7.3.5) closing with the longest reason", closing(1000, y125[:123]), nil, nil, 1000},
	{"5.5.1 (7.3.6) closing with a reason that is too long", closing(1000, y125[:124]), nil, nil, 1002},
	{"8.1 (7.5.1) closing with a reason that is not UTF-8", closing(1000, "κόσμε\xf4\x90\x80\x80edited"), nil, nil, 1007},
	{"8.1 closing with a reason that ends within a code point", closing(1000, y125[:122]+"\xce"), nil, nil, 1007},
	{"8.1 closing with such a reason between fragments", joined(frame(wsText, "PING|x"), closing(3000, "\xff")), nil, nil, 1007},
	{"8.1 closing with a reason beyond ASCII", closing(1000, "κόσμε ✈ 😀"), nil, nil, 1000},
	{"7.4.1 an end that is ours alone", closing(4999, ""), nil, nil, 4999},
}

// frameHeadOf is a text frame's head that promises n bytes, with an empty mask.
func frameHeadOf(n uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{wsFin | wsText, 0x80 | 127}, n), 0, 0, 0, 0)
}

// TestWebFrames: every frame that RFC 6455 allows is understood, and every other ends the connection with the right code and nothing else.
func TestWebFrames(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests", "--login-timeout", "0", "--max-unauth-per-ip", "0", "--refused", "0")...)
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} { // 7.9.x
		exchanges = append(exchanges, exchanged{fmt.Sprintf("7.4.2 closing with %d, which is no code", code), closing(code, ""), nil, nil, 1002})
	}
	for i, e := range exchanges {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for _, pieces := range []int{len(e.sent), 997, 1} { // as one, and however TCP would cut it
				if pieces == 1 && len(e.sent) > 2000 {
					continue
				}
				b := browse(s)
				b.t = t
				if reply := b.do(fmt.Sprintf("HELLO|guest%d-%d", i, pieces)); !strings.HasPrefix(reply, "OK|") {
					t.Fatal(reply)
				}
				e.hold(t, b, pieces)
			}
		})
	}
	s.Dial().Do("PING|")
	if strings.Contains(s.Log(), "panic") {
		t.Error("the server panicked")
	}
}

func (e exchanged) hold(t *testing.T, b *browserConn, pieces int) {
	t.Helper()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for part := range slices.Chunk(e.sent, pieces) {
			if b.tryWrite(part) != nil {
				return
			}
		}
	}()
	if e.code == 0 {
		for _, want := range e.lines {
			if line := b.reply(); !matches(want, line) {
				t.Fatalf("in pieces of %d: %.200q, want %q", pieces, line, want)
			}
		}
		<-written
		if reply := b.do("PING|still here"); reply != "OK|still here" {
			t.Errorf("in pieces of %d: then %.200q", pieces, reply)
		}
		if !slices.Equal(b.pongs, e.pongs) {
			t.Errorf("pongs %q, want %q", b.pongs, e.pongs)
		}
		return
	}
	for b.code == 0 {
		if err := b.read(); err != nil {
			t.Fatalf("in pieces of %d: no close frame: %v after %.200q", pieces, err, b.lines)
		}
	}
	<-written
	lines := slices.DeleteFunc(b.end(e.code), func(line string) bool { return strings.HasPrefix(line, "JOIN|") || strings.HasPrefix(line, "LEAVE|") })
	for i, want := range e.lines {
		if i >= len(lines) || !matches(want, lines[i]) {
			t.Errorf("before the end came %.300q, want %q", lines, e.lines)
		}
	}
	if e.lines == nil && e.code != 1000 && slices.ContainsFunc(lines, func(line string) bool { return line == "OK|x" || strings.HasPrefix(line, "ERROR") }) {
		t.Errorf("what should not have been a line was answered: %.300q", lines)
	}
}
