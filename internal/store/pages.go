package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// What SQLite's pages hold beside what is in use, by its file format
// (https://www.sqlite.org/fileformat2.html): when it moves cells from page to page the old copies stay
// behind in the gap before the cells, and pages that are free keep what they had.

const pageSize = 4096

// pagesMost are as many as pages of trees can be told from others by their first byte: 128 GiB.
const pagesMost = 1 << 25

var zeroes [pageSize]byte

// cleanPage overwrites what is left behind on a page of a tree with zeros, and says whether there was something.
// Other pages it leaves alone: they begin with another page's number, and so with 0 or 1 below pagesMost.
func cleanPage(page []byte, number uint32) (stale bool) {
	header := 0
	if number == 1 {
		header = 100
	}
	pointers := header
	switch page[header] {
	case 2, 5:
		pointers += 12
	case 10, 13:
		pointers += 8
	default:
		return false
	}
	word := func(at int) int { return int(binary.BigEndian.Uint16(page[at:])) }
	from, to := pointers+2*word(header+3), word(header+5)
	if to == 0 {
		to = 65536
	}
	if from > to || to > len(page) {
		return false
	}
	stale = zero(page[from:to])
	// The free blocks among the cells: the next one, this one's size, and what is left.
	for at := word(header + 1); at >= to && at+4 <= len(page); {
		next, size := word(at), word(at+2)
		if size < 4 || at+size > len(page) {
			break
		}
		stale = zero(page[at+4:at+size]) || stale
		if next <= at {
			break
		}
		at = next
	}
	return stale
}

// zero overwrites b and says whether that changes anything.
func zero(b []byte) bool {
	if bytes.Equal(b, zeroes[:len(b)]) {
		return false
	}
	clear(b)
	return true
}

// freePages says where on each free page begins what is left behind. read reads a page.
func freePages(read func(uint32) ([]byte, error)) (map[uint32]int, error) {
	free := make(map[uint32]int)
	first, err := read(1)
	if err != nil {
		return nil, err
	}
	if n := binary.BigEndian.Uint32(first[28:]); n >= pagesMost {
		return nil, fmt.Errorf("the database has %d pages, and only %d can be told apart", n, pagesMost)
	}
	for trunk := binary.BigEndian.Uint32(first[32:]); trunk != 0; {
		page, err := read(trunk)
		if err != nil {
			return nil, err
		}
		n := int(binary.BigEndian.Uint32(page[4:]))
		if _, again := free[trunk]; again || n > pageSize/4-2 {
			break
		}
		free[trunk] = 8 + 4*n
		for i := range n {
			free[binary.BigEndian.Uint32(page[8+4*i:])] = 0
		}
		trunk = binary.BigEndian.Uint32(page)
	}
	return free, nil
}

// pageSet is a set of page numbers.
type pageSet []uint64

func (s *pageSet) add(n uint32) {
	for int(n/64) >= len(*s) {
		*s = append(*s, make([]uint64, len(*s)+16)...)
	}
	(*s)[n/64] |= 1 << (n % 64)
}

// take moves up to n of the numbers from the set to list.
func (s pageSet) take(list []uint32, n int) []uint32 {
	for i := range s {
		for bit := range 64 {
			if s[i] == 0 || n == 0 {
				break
			}
			if s[i]&(1<<bit) != 0 {
				s[i] &^= 1 << bit
				list = append(list, uint32(i*64+bit))
				n--
			}
		}
		if n == 0 {
			break
		}
	}
	return list
}
