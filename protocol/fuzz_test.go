package protocol_test

import (
	"bytes"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"parley/protocol"
)

// The seeds are f.Add's below, every vector in testdata/vectors, and the files in testdata/fuzz: what
// fuzzing found to reach further. All of them run with the other tests.

func FuzzReader(f *testing.F) {
	x := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	f.Add([]byte("HELLO|alice|secret\r\nMSG|hi\n"), 3)
	f.Add([]byte("MSG|hi\r\r\n\r\n\n\r"), 1)
	f.Add(x(70000), 4096)
	f.Add(append(x(5000), "\nMSG|b\n"...), 1)
	for _, edge := range []int{protocol.MaxLine, protocol.MaxSkip} {
		for _, n := range []int{edge - 2, edge - 1, edge, edge + 1} {
			f.Add(append(x(n), "\nMSG|b\r\n"...), 511)
			f.Add(x(n), 512)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, chunk int) {
		chunk = 1 + (chunk&0xffff)%5000
		r := protocol.NewReader(&chunks{in, chunk})
		got, end := readAll(r)
		want, wantEnd := model(in)
		if !slices.Equal(got, want) || end != wantEnd {
			t.Fatalf("chunks of %d: %d lines, %v; want %d, %v", chunk, len(got), end, len(want), wantEnd)
		}
		if r.Taken() > int64(len(in)) {
			t.Fatalf("%d bytes taken of %d", r.Taken(), len(in))
		}
	})
}

type chunks struct {
	rest []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[:min(c.size, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

// model is the reader without bounds on memory: what FuzzReader holds it against.
func model(in []byte) (lines []string, end error) {
	for {
		i := bytes.IndexByte(in, '\n')
		length := i
		if i < 0 {
			length = len(in)
		}
		switch {
		case length >= protocol.MaxSkip:
			return append(lines, "TOO LONG"), protocol.ErrFlood
		case length >= protocol.MaxLine:
			lines = append(lines, "TOO LONG")
		case i >= 0:
			lines = append(lines, strings.TrimSuffix(string(in[:i]), "\r"))
		}
		if i < 0 {
			return lines, io.EOF
		}
		in = in[i+1:]
	}
}

// goodCommand is the grammar of a COMMAND with its |.
var goodCommand = regexp.MustCompile(`^[A-Z]{1,16}\|`)

// FuzzLine: a line is taken for exactly what the grammar says, and what is taken can be written back.
func FuzzLine(f *testing.F) {
	for _, v := range load[vector](f, "lines.json") {
		f.Add([]byte(v.Line))
		f.Add(v.Raw)
	}
	for _, v := range load[vector](f, "events.json") {
		f.Add([]byte(v.Line))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		line, err := protocol.Parse(in)
		want := protocol.Code("")
		if command := goodCommand.Find(in); command == nil {
			want = protocol.BadFormat
		} else if !utf8.Valid(in[len(command):]) {
			want = protocol.BadText
		}
		if code(err) != string(want) {
			t.Fatalf("%q: %q, want %q", in, code(err), want)
		}
		if err != nil {
			return
		}
		if back := protocol.Append(nil, line.Command, line.Data); string(back) != string(in)+"\n" {
			t.Fatalf("%q comes back as %q", in, back)
		}
		if event, known, err := protocol.ParseEvent(line); known && err == nil {
			again, _ := protocol.Parse(bytes.TrimSuffix(event.Append(nil), []byte("\n")))
			if twice, _, err := protocol.ParseEvent(again); err != nil || twice != event {
				t.Fatalf("%+v comes back as %+v, %v", event, twice, err)
			}
		}
	})
}

// FuzzFields: DATA falls apart at its first |s into one of the counts that the command may have, and nothing of it is lost, added or moved.
// Bit n of mask says that n fields are a count of the command's.
func FuzzFields(f *testing.F) {
	for _, v := range load[vector](f, "lines.json") {
		if _, data, found := strings.Cut(v.Line, "|"); found {
			mask := uint8(0)
			for _, n := range v.Counts {
				mask |= 1 << n
			}
			f.Add(data, mask)
		}
	}
	for _, data := range []string{"", "|", "||", "|||||||||", "a", "a|", "|a", "a|b|c", "a||c", "\xff|\xfe", "a\r|b", strings.Repeat("|", 4000)} {
		for _, mask := range []uint8{1 << 0, 1 << 1, 1<<0 | 1<<1, 1<<1 | 1<<2, 1 << 3, 1<<1 | 1<<4, 1 << 7} {
			f.Add(data, mask)
		}
	}
	f.Fuzz(func(t *testing.T, data string, mask uint8) {
		var counts []int
		for n := range 8 {
			if mask>>n&1 == 1 {
				counts = append(counts, n)
			}
		}
		if counts == nil {
			return
		}
		most := counts[len(counts)-1]
		want := min(1+strings.Count(data, "|"), most)
		if data == "" && counts[0] == 0 {
			want = 0
		} else if most == 0 {
			want = -1
		}
		fields, err := protocol.Fields(data, counts...)
		if fits := slices.Contains(counts, want); fits != (err == nil) || err != nil && err.Code != protocol.BadData {
			t.Fatalf("%q as one of %v: %v", data, counts, err)
		}
		if err != nil {
			return
		}
		if len(fields) != want || strings.Join(fields, "|") != data {
			t.Fatalf("%q as one of %v: %q", data, counts, fields)
		}
		for _, one := range fields[:max(0, min(len(fields), most-1))] {
			if strings.Contains(one, "|") {
				t.Fatalf("%q as one of %v: a | in %q", data, counts, one)
			}
		}
	})
}

// What names, keys and numbers may be, written another way than in the package.
var (
	goodName   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)
	goodKey    = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)
	goodNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
)

// FuzzValues: a field is taken for a name, key, target or number exactly where the grammar says so.
func FuzzValues(f *testing.F) {
	for _, v := range load[struct{ Value string }](f, "fields.json") {
		f.Add(v.Value)
	}
	for _, s := range []string{"", "@", "@@a", "~a", "a\x00", "а", "Alice", "al\u200bice", "-1", "+1", "1e3", "0x1f", "٣", "1_000",
		"9223372036854775807", "9223372036854775808", "18446744073709551616", " 1", "1 ", "007", "501", "a'; DROP TABLE t; --", "../../etc/passwd", "%s%n", "$(id)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		is := func(what string, err *protocol.Error, want bool) {
			if (err == nil) != want || err != nil && err.Code != protocol.BadData {
				t.Fatalf("%q as %s: %v", s, what, err)
			}
		}
		is("a name", protocol.CheckName(s), goodName.MatchString(s))
		is("a key", protocol.CheckKey(s), goodKey.MatchString(s))
		target, err := protocol.ParseTarget(s)
		is("a target", err, goodName.MatchString(strings.TrimPrefix(s, "@")))
		if err == nil && target.String() != s {
			t.Fatalf("%q is the target %+v", s, target)
		}
		number, isNumber := new(big.Int).SetString(s, 10)
		isNumber = isNumber && goodNumber.MatchString(s) && number.IsInt64()
		id, err := protocol.ParseID(s)
		is("an id", err, isNumber)
		if isNumber && id != number.Int64() {
			t.Fatalf("%q is %d", s, id)
		}
		limit, err := protocol.ParseLimit(s)
		is("a limit", err, isNumber && id >= 1 && id <= protocol.MaxLimit)
		if err == nil && int64(limit) != id {
			t.Fatalf("%q is the limit %d", s, limit)
		}
	})
}

// steers are the characters that no text may hold, written another way than in the package.
var steers = regexp.MustCompile(`[\x00-\x08\x0a-\x1f\x7f-\x{9f}\x{2028}\x{2029}\x{202a}-\x{202e}\x{2066}-\x{2069}]`)

// FuzzText: nothing that steers a terminal is allowed, or shown; what is allowed is shown as it is.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "hi", "\x1b[2J", "\x1b]52;c;AAAA\a", "\u009b31m", "\u202e", "\u2066", "\u2028", "\xff", "\xc2", "👩‍👧", " \t", "\u200b", "\u200e", "\ufeff", "\uFFFD", "a\x7f", "\r", "\u3164"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		bad := !utf8.ValidString(s) || steers.MatchString(s)
		if err := protocol.CheckCharacters(s); (err != nil) != bad {
			t.Fatalf("%q: %v", s, err)
		}
		shown := protocol.Printable(s)
		if !utf8.ValidString(shown) || steers.MatchString(shown) || strings.Contains(shown, "\t") {
			t.Fatalf("%q is shown as %q", s, shown)
		}
		if err := protocol.CheckText(s); err == nil && (bad || len(s) > protocol.MaxText || strings.Trim(s, " \t\u00a0\u3000") == "") {
			t.Fatalf("%q may be said", s)
		}
		if !bad && !strings.Contains(s, "\t") && shown != s {
			t.Fatalf("allowed %q is shown as %q", s, shown)
		}
	})
}
