package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"parley/internal/chat"
)

// Message implements chat.Log.
func (s *Store) Message(ctx context.Context, id int64) (chat.Message, bool, error) {
	// First: what leaves it meanwhile is in the database.
	if m, ok := s.writer.backlog.message(id); ok {
		return m, true, nil
	}
	span := blockSpan
	if id <= s.writer.wide {
		span = wideSpan
	}
	m, ok, err := s.message(ctx, id, id-int64(span))
	if err != nil {
		return chat.Message{}, false, fmt.Errorf("store: read a message: %w", err)
	}
	return m, ok, nil
}

// message looks for a message in the rows from an id on: its own, or a block that began earlier.
func (s *Store) message(ctx context.Context, id, from int64) (chat.Message, bool, error) {
	rows, err := s.query.around.QueryContext(ctx, id, from)
	if err != nil {
		return chat.Message{}, false, err
	}
	defer rows.Close()
	var list []chat.Message
	var more sql.RawBytes
	for rows.Next() {
		var m chat.Message
		var ms int64
		if err := rows.Scan(&m.ID, &ms, &m.Room, &m.User, &m.Text, &more); err != nil {
			return chat.Message{}, false, err
		}
		m.Time = milliseconds(ms)
		list = unblock(list[:0], m, more)
		if at := indexOf(list, id); at >= 0 {
			return list[at], true, nil
		}
	}
	return chat.Message{}, false, rows.Err()
}

func indexOf(list []chat.Message, id int64) int {
	return slices.IndexFunc(list, func(m chat.Message) bool { return m.ID == id })
}

// message returns the message with this id, if it is in the backlog.
func (b *backlog) message(id int64) (chat.Message, bool) {
	list := b.view()
	at := sort.Search(len(list), func(i int) bool { return list[i].ID >= id })
	if at == len(list) || list[at].ID != id {
		return chat.Message{}, false
	}
	return message(&list[at]), true
}

// gone takes back a message. By then it is in a row: what was in the backlog has just been brought into the
// tables. The row keeps its size and place: the bytes of the text become NUL, which no text holds, and so
// SQLite writes over them where they are, in overflow pages too.
//
// Entries of a stream are deleted once they were taken back. A node that reads it later has not the message, and makes its
// place from what the entry tells of it.
type gone struct {
	chat.Entry
	said time.Time // the message, in a cluster
}

func (g *gone) apply(t *tx) (result, error) {
	r, ok, err := t.findRoom(g.Room)
	if err != nil {
		return result{}, err
	}
	switch {
	case t.seq != 0 && g.said.IsZero(): // whoever appended it has not the message, and so has not told of it
		return refuse(chat.ErrNotMember), nil
	case !ok && t.seq != 0:
		return g.late(t)
	case !ok:
		return refuse(chat.ErrNotMember), nil
	}
	first, more, err := t.rowOf(r, g.Message)
	if err != nil {
		return result{}, err
	}
	list := unblock(nil, first, more)
	at := indexOf(list, g.Message)
	if at < 0 && t.seq != 0 {
		return g.late(t)
	}
	if at < 0 {
		return refuse(chat.ErrNotMember), nil
	}
	m := list[at]
	if m.Text == "" {
		return result{what: repeated, entry: g.Entry}, nil
	}
	if at == 0 {
		_, err = t.eraseText.Exec(strings.Repeat("\x00", len(m.Text)), first.ID)
	} else {
		eraseIn(more, m.ID-first.ID)
		_, err = t.eraseMore.Exec(more, first.ID)
	}
	if err != nil {
		return result{}, err
	}
	list[at].Text = ""
	if err := t.unindex(r, list, m.Text); err != nil {
		return result{}, err
	}
	if _, err := t.insertGone.Exec(r.id, m.ID, m.User); err != nil {
		return result{}, err
	}
	if _, err := t.markErased.Exec(); err != nil {
		return result{}, err
	}
	if t.seq != 0 {
		if _, err := t.eraseEntry.Exec(m.ID); err != nil {
			return result{}, err
		}
	}
	e := t.entry(g.Entry)
	e.User = m.User
	return result{what: shown, entry: e}, nil
}

// rowOf reads the row of a room in which a message would be; without one, the first message has id 0.
func (t *tx) rowOf(r room, id int64) (first chat.Message, more []byte, err error) {
	var ms int64
	_, err = found(t.findRow.QueryRow(r.id, id), &first.ID, &ms, &first.User, &first.Text, &more)
	first.Time = milliseconds(ms)
	return first, more, err
}

// eraseIn overwrites the text of the message whose id is so far above the block's first.
func eraseIn(more []byte, above int64) {
	for r := (fields{rest: string(more)}); len(r.rest) > 0; {
		id := int64(r.uvarint())
		r.uvarint()
		_, text := r.string(), r.string()
		if id == above && !r.bad {
			end := len(more) - len(r.rest)
			clear(more[end-len(text) : end])
			return
		}
	}
}

// unindex takes out of the search index what it has of a row because of a text that is no more; list is
// what the row still has. The index's own command for it is given not all that was indexed, as its manual wants,
// but the words that go: the others stay as they are. (It takes out what it is told, word by word.)
func (t *tx) unindex(r room, list []chat.Message, text string) error {
	left := []string{r.word}
	for _, m := range list {
		if m.Text != "" {
			left = append(left, m.Text)
		}
	}
	words, err := t.wordsGone(text, strings.Join(left, " "))
	if err != nil {
		return err
	}
	id := list[0].ID
	roomWord := ""
	if len(left) == 1 {
		roomWord = r.word
	}
	if _, err := t.unindexMessage.Exec(id, roomWord, strings.Join(words, " ")); err != nil {
		return err
	}
	if roomWord == "" { // the command has counted a row less
		if _, err := t.indexMessage.Exec(id, "", ""); err != nil {
			return err
		}
	}
	if _, err := t.flushIndex.Exec(); err != nil {
		return err
	}
	for _, word := range words {
		if err := t.fixSeparators(word); err != nil {
			return err
		}
	}
	return nil
}

// wordsGone returns the words that text has, and left has not, as the index sees them: a table of the same kind,
// which is in memory alone, is asked.
func (t *tx) wordsGone(text, left string) (words []string, err error) {
	if _, err := t.splitWords.Exec(text, left); err != nil {
		return nil, err
	}
	rows, err := t.goneWords.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w string
		if err := rows.Scan(&w); err != nil {
			return nil, err
		}
		words = append(words, w)
	}
	if err := errorsOf(rows); err != nil {
		return nil, err
	}
	_, err = t.forgetWords.Exec()
	return words, err
}

// A separator of the index is the beginning of the word that was a page's first when the page was written (or all
// of it), and stays when that word goes. fixSeparators has those that a word has left behind begin
// the page's present first word.
func (t *tx) fixSeparators(word string) error {
	rows, err := t.separators.Query([]byte("0" + word)) // the index puts a 0 before each
	if err != nil {
		return err
	}
	defer rows.Close()
	type separator struct {
		segment     int64
		term, first []byte
	}
	var stale []separator
	for rows.Next() {
		var s separator
		var page []byte
		if err := rows.Scan(&s.segment, &s.term, &page); err != nil {
			return err
		}
		if s.first = firstTerm(page); !bytes.HasPrefix(s.first, s.term) {
			stale = append(stale, s)
		}
	}
	if err := errorsOf(rows); err != nil {
		return err
	}
	for _, s := range stale {
		if s.first == nil { // a merge has taken the page away
			_, err = t.dropSeparator.Exec(s.segment, s.term)
		} else {
			// It stays above all words before it, and not above the page's first.
			_, err = t.moveSeparator.Exec(s.first[:min(common(s.first, s.term)+1, len(s.first))], s.segment, s.term)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errorsOf ends the reading of rows.
func errorsOf(rows *sql.Rows) error {
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

func common(a, b []byte) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// firstTerm is the first word on a leaf page of FTS5, nil where there is none. The page's bytes 2 and 3 say where
// its footer begins, whose first number says where the first word does: its length and its bytes.
func firstTerm(page []byte) []byte {
	if len(page) < 4 {
		return nil
	}
	footer := int(binary.BigEndian.Uint16(page[2:]))
	at, ok := sqliteVarint(page, footer)
	if !ok {
		return nil
	}
	n, ok := sqliteVarint(page, at)
	if !ok {
		return nil
	}
	from := at + varintSize(page[at:])
	if n == 0 || from+n > len(page) {
		return nil
	}
	return page[from : from+n]
}

// sqliteVarint reads one of SQLite's numbers, most significant bits first, of up to 4 bytes.
func sqliteVarint(b []byte, at int) (v int, ok bool) {
	for i := 0; at >= 0 && at+i < len(b) && i < 4; i++ {
		c := b[at+i]
		v = v<<7 | int(c&0x7f)
		if c < 0x80 {
			return v, true
		}
	}
	return 0, false
}

func varintSize(b []byte) (n int) {
	for n < len(b) && b[n] >= 0x80 {
		n++
	}
	return n + 1
}
