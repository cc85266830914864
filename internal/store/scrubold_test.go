package store_test

import (
	"os"
	"testing"
	"time"

	"parley/internal/chat"
)

// TestTakingBackOld takes back what an earlier version kept, which let SQLite leave what it moved or freed as it was: nothing of it
// is left, in pages that are not used any more either.
func TestTakingBackOld(t *testing.T) {
	script, err := os.ReadFile("testdata/first.sql")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	db := raw(t, dir)
	db.SetMaxOpenConns(1)
	runScript(t, db, string(script))
	runScript(t, db, `PRAGMA journal_mode = WAL; PRAGMA secure_delete = 0`)
	// A new talker's words, and its store closed again.
	k := &talker{t: t, dir: dir, rnd: newRandom(1), gone: map[int64]bool{}}
	k.opts.Log = quiet
	ms := time.Now().UnixMilli()
	for range soak(300, 3000) {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			id := int64(1000 + len(k.said))
			e := chat.Entry{ID: id, Time: time.UnixMilli(ms).UTC(), Kind: chat.Said, Room: "tea", Account: "alice", Text: k.text()}
			k.said = append(k.said, e)
			if _, err := tx.Exec(`INSERT INTO messages (id, time, room, account, text) VALUES (?, ?, (SELECT id FROM rooms WHERE name = 'tea'), 'alice', ?)`, id, ms, e.Text); err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(`INSERT INTO search (rowid, room, text) VALUES (?, (SELECT 'r' || id FROM rooms WHERE name = 'tea'), ?)`, id, e.Text); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tx.Exec(`UPDATE log SET last_id = ?, last_time = ?`, k.said[len(k.said)-1].ID, ms); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	var free int
	if err := db.QueryRow(`PRAGMA freelist_count`).Scan(&free); err != nil || free == 0 {
		t.Errorf("no page is free: %d, %v", free, err)
	}
	db.Close()
	k.open()
	k.takeBackMany(0.5)
	k.scrub()
	k.takeBackMany(0.5)
	k.scrub()
	// One message that was there is not among what was said here.
	k.integrity()
	first, _, err := k.s.Message(t.Context(), 9)
	if err != nil || first.Room != "tea" {
		t.Fatalf("the message of the first version: %+v, %v", first, err)
	}
	k.said = append([]chat.Entry{{ID: first.ID, Time: first.Time, Room: "tea", Account: first.User, Text: first.Text}}, k.said...)
	k.check()
}
