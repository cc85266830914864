package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// TestCleanPage: the gap and the free blocks of a tree's page become zeros, cells and all else stay.
func TestCleanPage(t *testing.T) {
	full := func(kind byte, header, cells, content, freeBlock int) []byte {
		page := bytes.Repeat([]byte("x"), pageSize)
		page[header] = kind
		binary.BigEndian.PutUint16(page[header+1:], uint16(freeBlock))
		binary.BigEndian.PutUint16(page[header+3:], uint16(cells))
		binary.BigEndian.PutUint16(page[header+5:], uint16(content))
		return page
	}
	block := func(page []byte, at, next, size int) {
		binary.BigEndian.PutUint16(page[at:], uint16(next))
		binary.BigEndian.PutUint16(page[at+2:], uint16(size))
	}
	for name, c := range map[string]struct {
		page   []byte
		number uint32
		blocks [][3]int // at, next, size
		clean  [][2]int // what becomes zeros
	}{
		"leaf":      {full(13, 0, 2, 3000, 0), 7, nil, [][2]int{{12, 3000}}},
		"interior":  {full(5, 0, 2, 3000, 0), 7, nil, [][2]int{{16, 3000}}},
		"first":     {full(13, 100, 1, 3000, 0), 1, nil, [][2]int{{110, 3000}}},
		"blocks":    {full(10, 0, 1, 2000, 2100), 7, [][3]int{{2100, 3000, 50}, {3000, 0, 4}}, [][2]int{{10, 2000}, {2104, 2150}}},
		"no gap":    {full(2, 0, 1, 14, 0), 7, nil, nil},
		"overflow":  {full(0, 0, 1, 2000, 0), 7, nil, nil},
		"nonsense":  {full(13, 0, 3000, 2000, 0), 7, nil, nil},
		"nonsense2": {full(13, 0, 1, 2000, 4000), 7, [][3]int{{4000, 0, 500}}, [][2]int{{10, 2000}}},
		"circle":    {full(13, 0, 1, 2000, 3000), 7, [][3]int{{3000, 3000, 8}}, [][2]int{{10, 2000}, {3004, 3008}}},
	} {
		for _, b := range c.blocks {
			block(c.page, b[0], b[1], b[2])
		}
		want := slices.Clone(c.page)
		for _, r := range c.clean {
			clear(want[r[0]:r[1]])
		}
		if stale := cleanPage(c.page, c.number); stale != (len(c.clean) > 0) || !bytes.Equal(c.page, want) {
			t.Errorf("%s: stale %t", name, stale)
		}
		if cleanPage(c.page, c.number) {
			t.Errorf("%s: stale again", name)
		}
	}
}

func TestPageSet(t *testing.T) {
	var s pageSet
	want := []uint32{1, 2, 63, 64, 5000, 5001}
	for _, n := range []uint32{5001, 64, 2, 1, 63, 5000, 2} {
		s.add(n)
	}
	got := s.take(nil, 2)
	got = s.take(got, 100)
	if !slices.Equal(got, want) || s.take(nil, 1) != nil {
		t.Fatalf("%v, want %v", got, want)
	}
}
