package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"parley/protocol"
)

// vector is one line of testdata/vectors: what a line means, or why it is refused.
type vector struct {
	Line    string   `json:"line"`             // without its line end
	Raw     []byte   `json:"base64,omitempty"` // in its place where it is no UTF-8
	Command string   `json:"command,omitempty"`
	Counts  []int    `json:"counts,omitempty"` // field counts the command may have
	Fields  []string `json:"fields,omitempty"`
	Error   string   `json:"error,omitempty"` // code
}

func load[T any](t testing.TB, file string) (list []T) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(list) < 5 {
		t.Fatalf("%s: only %d vectors", file, len(list))
	}
	return list
}

func code(err *protocol.Error) string {
	if err == nil {
		return ""
	}
	return string(err.Code)
}

func TestLineVectors(t *testing.T) {
	for _, v := range load[vector](t, "lines.json") {
		raw := []byte(v.Line)
		if v.Raw != nil {
			raw = v.Raw
		}
		line, err := protocol.Parse(raw)
		var fields []string
		if err == nil && v.Counts != nil {
			fields, err = protocol.Fields(line.Data, v.Counts...)
		}
		if code(err) != v.Error {
			t.Errorf("%q: error %q, want %q", raw, code(err), v.Error)
			continue
		}
		if err == nil && (line.Command != v.Command || v.Counts != nil && !slices.Equal(fields, v.Fields)) {
			t.Errorf("%q: %s %q, want %s %q", raw, line.Command, fields, v.Command, v.Fields)
		}
	}
}

func TestFieldVectors(t *testing.T) {
	type vector struct {
		Kind, Value, Error string
		Repeat             int // the value is written so many times
	}
	check := map[string]func(string) *protocol.Error{
		"text":   protocol.CheckText,
		"name":   protocol.CheckName,
		"key":    protocol.CheckKey,
		"target": func(s string) *protocol.Error { _, err := protocol.ParseTarget(s); return err },
		"id":     func(s string) *protocol.Error { _, err := protocol.ParseID(s); return err },
		"limit":  func(s string) *protocol.Error { _, err := protocol.ParseLimit(s); return err },
	}
	for _, v := range load[vector](t, "fields.json") {
		value := strings.Repeat(v.Value, max(v.Repeat, 1))
		if got := code(check[v.Kind](value)); got != v.Error {
			t.Errorf("%s %q: %q, want %q", v.Kind, v.Value, got, v.Error)
		}
	}
}

func TestEventVectors(t *testing.T) {
	type vector struct {
		Line    string
		Unknown bool
		Error   string
	}
	for _, v := range load[vector](t, "events.json") {
		line, err := protocol.Parse([]byte(v.Line))
		if err != nil {
			t.Fatal(err)
		}
		event, known, err := protocol.ParseEvent(line)
		if known == v.Unknown || code(err) != v.Error {
			t.Errorf("%q: known %v, error %q", v.Line, known, code(err))
		} else if known && err == nil && string(event.Append(nil)) != v.Line+"\n" {
			t.Errorf("%q comes back as %q", v.Line, event.Append(nil))
		}
	}
}

// readAll reads to the end and returns lines, with what was refused by its error's name.
func readAll(r *protocol.Reader) (got []string, end error) {
	for {
		line, err := r.ReadLine()
		switch {
		case err == nil:
			got = append(got, string(line))
		case errors.Is(err, protocol.ErrTooLong):
			got = append(got, "TOO LONG")
		default:
			return got, err
		}
	}
}

func TestReader(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name, in string
		want     []string
		end      error
	}{
		{"lines", "a|\nb|c\n", []string{"a|", "b|c"}, io.EOF},
		{"one CR before the LF is dropped", "a|\r\nb|\r\r\n", []string{"a|", "b|\r"}, io.EOF},
		{"a piece without LF is no line", "a|\nb|", []string{"a|"}, io.EOF},
		{"the longest line", x(4095) + "\nz\n", []string{x(4095), "z"}, io.EOF},
		{"one byte more", x(4096) + "\nz\n", []string{"TOO LONG", "z"}, io.EOF},
		{"thrown away to its LF", x(60000) + "\nz\n", []string{"TOO LONG", "z"}, io.EOF},
		{"the longest that is thrown away", x(65535) + "\nz\n", []string{"TOO LONG", "z"}, io.EOF},
		{"a flood", x(65536) + "\nz\n", []string{"TOO LONG"}, protocol.ErrFlood},
		{"two long ones", x(5000) + "\n" + x(5000) + "\n", []string{"TOO LONG", "TOO LONG"}, io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sources := map[string]io.Reader{
				"whole":        strings.NewReader(tt.in),
				"half":         iotest.HalfReader(strings.NewReader(tt.in)),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
			}
			for name, src := range sources {
				got, end := readAll(protocol.NewReader(src))
				if !slices.Equal(got, tt.want) || end != tt.end {
					t.Errorf("%s: %.80q, %v", name, got, end)
				}
			}
		})
	}
}

// A reader that was interrupted goes on where it was: nothing of a line is lost.
func TestReaderGoesOnAfterTimeout(t *testing.T) {
	r := protocol.NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("ab|c\n"))))
	if _, err := r.ReadLine(); !errors.Is(err, iotest.ErrTimeout) {
		t.Fatal(err)
	}
	if line, err := r.ReadLine(); string(line) != "ab|c" || err != nil {
		t.Fatalf("%q %v", line, err)
	}
	if r.Taken() != 5 {
		t.Errorf("%d bytes taken", r.Taken())
	}
}

// endless is a peer that never sends an LF.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestReaderIsBounded(t *testing.T) {
	total := testing.AllocsPerRun(10, func() {
		r := protocol.NewReader(endless{})
		if _, err := readAll(r); err != protocol.ErrFlood {
			t.Fatal(err)
		}
		if r.Taken() > protocol.MaxSkip+protocol.MaxLine {
			t.Fatalf("read %d bytes of a flood", r.Taken())
		}
	})
	if total > 12 {
		t.Errorf("%v allocations for a line without end", total)
	}
}

func TestWait(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "1 second to wait: x", time.Second: "1 second to wait: x",
		1001 * time.Millisecond: "2 seconds to wait: x", 10 * time.Minute: "600 seconds to wait: x",
	} {
		err := protocol.Wait(protocol.Busy, wait, "x")
		if err.Text != want {
			t.Errorf("%v: %q", wait, err.Text)
		}
		if back := err.RetryAfter(); back < wait || back > wait+time.Second {
			t.Errorf("%v comes back as %v", wait, back)
		}
	}
	if d := protocol.Errorf(protocol.Busy, "99999999 x").RetryAfter(); d != time.Hour {
		t.Errorf("a peer made us wait %v", d)
	}
	if d := protocol.Errorf(protocol.Busy, "-5 x").RetryAfter(); d != 0 {
		t.Errorf("a peer made us wait %v", d)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain, äöü 漢字 👩‍👧": "plain, äöü 漢字 👩‍👧",
		"\x1b]52;c;AAAA\a":  `\u{1b}]52;c;AAAA\u{7}`,
		"a\tb\nc":           `a b\u{a}c`,
		"\u202eevil":        `\u{202e}evil`,
		"\u009b31m":         `\u{9b}31m`,
		"\xff\xfe":          `\xff\xfe`,
		"\x0f\x05\xf0":      `\u{f}\u{5}\xf0`,
		"\uFFFD":            "\uFFFD",
	} {
		if got := protocol.Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	in := bytes.Repeat([]byte("MSG|sixty-four bytes of what somebody might say in a room here.\n"), 1000)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if lines, err := count(protocol.NewReader(bytes.NewReader(in))); lines != 1000 || err != io.EOF {
			b.Fatal(lines, err)
		}
	}
}

func count(r *protocol.Reader) (n int, err error) {
	for {
		if _, err := r.ReadLine(); err != nil {
			return n, err
		}
		n++
	}
}

func BenchmarkEvent(b *testing.B) {
	e := protocol.Event{Command: protocol.EventMsg, ID: 123456, Time: time.Now(), Room: "lobby", User: "alice", Text: strings.Repeat("x", 64)}
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf = e.Append(buf[:0])
	}
}
