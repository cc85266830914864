package store_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"parley/internal/chat"
)

// TestMessageInWideBlock: blocks of earlier versions span more ids than those of today; messages in them are found too.
func TestMessageInWideBlock(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir)
	say(t, s, "first")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	var more []byte
	for _, above := range []uint64{7, 8191} {
		more = binary.AppendUvarint(more, above)
		more = binary.AppendUvarint(more, 5)
		for _, s := range []string{"bob", fmt.Sprint("word", above)} {
			more = append(binary.AppendUvarint(more, uint64(len(s))), s...)
		}
	}
	if _, err := db.Exec(`INSERT INTO messages (id, time, room, account, text, more) VALUES (100, 1767225600000, 1, 'alice', 'word0', ?)`, more); err != nil {
		t.Fatal(err)
	}
	runScript(t, db, `INSERT INTO search (rowid, room, text) VALUES (100, 'r1', 'word0 word7 word8191'); UPDATE log SET last_id = 10000, wide = 9000`)
	db.Close()
	s = running(t, dir)
	for _, above := range []int64{8191, 0, 7} {
		m, ok, err := s.Message(t.Context(), 100+above)
		if err != nil || !ok || m.Text != fmt.Sprint("word", above) || m.Room != "lobby" {
			t.Fatalf("message %d: %+v, %t, %v", 100+above, m, ok, err)
		}
		if _, err := try(t, s, goneOf(chat.Entry{ID: m.ID, Room: m.Room, Account: m.User})); err != nil {
			t.Fatal(err)
		}
		if list, err := s.Find(t.Context(), "lobby", []string{m.Text}, 50); err != nil || len(list) != 0 {
			t.Fatalf("found %v, %v", list, err)
		}
	}
	for _, id := range []int64{99, 101, 106, 108, 8292, 9001} {
		if m, ok, err := s.Message(t.Context(), id); ok || err != nil {
			t.Fatalf("message %d: %+v, %v", id, m, err)
		}
	}
}

// TestTokensSplitAgain: what the index takes for a word it takes for that word again, which taking words out of it
// rests on.
func TestTokensSplitAgain(t *testing.T) {
	db := raw(t, t.TempDir())
	db.SetMaxOpenConns(1)
	runScript(t, db, `PRAGMA temp_store = MEMORY;
		CREATE VIRTUAL TABLE temp.split USING fts5 (one, two, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 0');
		CREATE VIRTUAL TABLE temp.words USING fts5vocab (temp, split, col); BEGIN`)
	last := rune(soak(0x3000, 0x10ffff))
	for r := rune(1); r <= last; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		if _, err := db.Exec(`INSERT INTO temp.split (rowid, one) VALUES (?, ?)`, r, fmt.Sprintf("a%cb %c", r, r)); err != nil {
			t.Fatal(err)
		}
	}
	runScript(t, db, `COMMIT`)
	rows, err := db.Query(`SELECT term FROM temp.words`)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for rows.Next() {
		var w string
		if err := rows.Scan(&w); err != nil {
			t.Fatal(err)
		}
		words = append(words, w)
	}
	rows.Close()
	runScript(t, db, `BEGIN`)
	for i, w := range words {
		if _, err := db.Exec(`INSERT INTO temp.split (rowid, two) VALUES (?, ?)`, 1<<30+i, w); err != nil {
			t.Fatal(err)
		}
	}
	runScript(t, db, `COMMIT`)
	var differ int
	if err := db.QueryRow(`SELECT count(*) FROM (SELECT term FROM temp.words GROUP BY term HAVING count(*) < 2)`).Scan(&differ); err != nil || differ > 0 || len(words) < 1000 {
		t.Fatalf("%d of %d words are split differently again, %v", differ, len(words), err)
	}
}
