package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// frameStages send what no browser would.
var frameStages = []stage{
	{name: "web-frames", row: 25, run: webFrames,
		tried: "WebSocket frames with a line in them that are not masked, have reserved bits, opcodes or lengths, are binary, no UTF-8 or out of order"},
	{name: "web-flood", row: 25, run: webFlood,
		tried: "8 MiB of pings, of pongs and of empty fragments, whose answers are read, in place of lines"},
}

// Bits and opcodes of RFC 6455, 5.2.
const (
	frameFin   = 0x80
	frameText  = 0x1
	frameBin   = 0x2
	frameClose = 0x8
	framePing  = 0x9
	framePong  = 0xa
	masked     = 0x80
)

// frame is one of a client's, with a mask of zeros.
func frame(first byte, text string) []byte {
	n := len(text)
	switch {
	case n < 126:
		return append([]byte{first, masked | byte(n), 0, 0, 0, 0}, text...)
	case n < 1<<16:
		return slices.Concat(binary.BigEndian.AppendUint16([]byte{first, masked | 126}, uint16(n)), []byte{0, 0, 0, 0}, []byte(text))
	}
	return slices.Concat(promised(first, uint64(n)), []byte(text))
}

// promised is the head of a frame of n bytes.
func promised(first byte, n uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{first, masked | 127}, n), 0, 0, 0, 0)
}

// liar is a frame, or several, that must end the WebSocket; none of their lines may be answered.
type liar struct {
	name string
	sent []byte
}

const spoken = "PING|parley-probe"

var liars = []liar{
	{"not masked", append([]byte{frameFin | frameText, byte(len(spoken))}, spoken...)},
	{"compressed, it says", frame(frameFin|0x40|frameText, spoken)},
	{"with RSV2", frame(frameFin|0x20|frameText, spoken)},
	{"with opcode 3", frame(frameFin|0x3, spoken)},
	{"with opcode 15", frame(frameFin|0xf, spoken)},
	{"binary", frame(frameFin|frameBin, spoken)},
	{"a fragment of nothing", frame(frameFin, spoken)},
	{"a text within a text", append(frame(frameText, "PING|"), frame(frameFin|frameText, spoken)...)},
	{"a ping of 126 bytes", frame(frameFin|framePing, strings.Repeat("x", 126))},
	{"a ping in fragments", frame(framePing, "x")},
	{"a close with half a code", frame(frameFin|frameClose, "x")},
	{"a length of 2^63", append(promised(frameFin|frameText, 1<<63), spoken...)},
	{"no UTF-8", frame(frameFin|frameText, spoken+"\xc0\xaf")},
	{"UTF-8 that ends early", frame(frameFin|frameText, spoken+"\xe2\x9c")},
}

func webFrames(ctx context.Context, t *target) (finding, error) {
	for _, one := range liars {
		ws, err := t.websocket(ctx)
		if errors.Is(err, errNoWeb) {
			return noWeb, nil
		}
		if err != nil {
			return finding{}, err
		}
		ws.conn.write(one.sent)
		texts, code, open := ws.rest()
		ws.conn.close()
		switch {
		case texts > 0:
			return seenFell("a frame %s is answered", one.name), nil
		case open:
			return seenFell("a frame %s: not closed", one.name), nil
		case code == 1000:
			return seenFell("a frame %s: closed as if nothing were wrong", one.name), nil
		}
	}
	return seenHeld("%d kinds of frames, each ended its WebSocket; no line in them was answered", len(liars)), nil
}

// rest reads to the close frame or the end, and counts texts. open is true where neither came in time.
func (w response) rest() (texts, code int, open bool) {
	for {
		w.conn.SetReadDeadline(time.Now().Add(patience))
		first, payload, err := w.frame()
		switch {
		case err != nil:
			return texts, code, errors.Is(err, os.ErrDeadlineExceeded)
		case first == frameFin|frameText && strings.HasPrefix(payload, "BYE|"):
		case first == frameFin|frameText:
			texts++
		case first == frameFin|frameClose && len(payload) >= 2:
			return texts, int(binary.BigEndian.Uint16([]byte(payload))), false
		case first == frameFin|frameClose:
			return texts, 1005, false
		}
	}
}

// frame reads one frame of the server's.
func (w response) frame() (first byte, payload string, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(w.r, head); err != nil {
		return 0, "", err
	}
	n := uint64(head[1])
	if extra := map[byte]int{126: 2, 127: 8}[head[1]]; extra > 0 {
		long := make([]byte, 8)
		if _, err := io.ReadFull(w.r, long[8-extra:]); err != nil {
			return 0, "", err
		}
		n = binary.BigEndian.Uint64(long)
	}
	if n > mostBody {
		return 0, "", fmt.Errorf("the server sends a frame of %d bytes", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(w.r, b)
	return head[0], string(b), err
}

func webFlood(ctx context.Context, t *target) (finding, error) {
	const most = 8 << 20
	var ends []string
	for _, flood := range []struct {
		name         string
		begin, again []byte
	}{
		{"pings", nil, frame(frameFin|framePing, strings.Repeat("x", 125))},
		{"pongs", nil, frame(frameFin|framePong, "")},
		{"empty fragments", frame(frameText, "PING|"), frame(0, "")},
	} {
		ws, err := t.websocket(ctx)
		if errors.Is(err, errNoWeb) {
			return noWeb, nil
		}
		if err != nil {
			return finding{}, err
		}
		done := make(chan bool, 1)
		go func() {
			_, _, open := ws.rest()
			done <- open
		}()
		err = ws.conn.write(flood.begin)
		piece, sent := slices.Repeat(flood.again, 16<<10/len(flood.again)), 0
		for ; err == nil && sent < most && len(done) == 0; sent += len(piece) {
			err = ws.conn.write(piece)
			if waited := pause(ctx, time.Millisecond); waited != nil {
				err = waited
			}
		}
		// All of it may wait in the kernels' buffers. This is less than a sign-in may take, whose deadline would end it as well.
		late := time.AfterFunc(patience/2, ws.conn.close)
		open := <-done
		taken := !late.Stop() && sent >= most && err == nil
		ws.conn.close()
		if ctx.Err() != nil {
			return finding{}, context.Cause(ctx)
		}
		if taken {
			return seenFell("%d MiB of %s are taken", most>>20, flood.name), nil
		}
		if open {
			return seenFell("%s: not closed after %d KiB", flood.name, sent>>10), nil
		}
		ends = append(ends, fmt.Sprintf("%s after %d KiB", flood.name, sent>>10))
	}
	return seenHeld("ended: %s", strings.Join(ends, ", ")), nil
}
