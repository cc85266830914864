package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/parleytest"
)

// oldTalker has a database as the first version made it, which let SQLite leave what it moved or freed as it was.
func oldTalker(t *testing.T) (*talker, *sql.DB) {
	t.Helper()
	script, err := os.ReadFile("testdata/first.sql")
	if err != nil {
		t.Fatal(err)
	}
	k := &talker{t: t, dir: t.TempDir(), rnd: newRandom(1), gone: map[int64]bool{}}
	k.opts.Log = quiet
	db := raw(t, k.dir)
	db.SetMaxOpenConns(1)
	runScript(t, db, string(script))
	runScript(t, db, `PRAGMA journal_mode = WAL; PRAGMA secure_delete = 0`)
	return k, db
}

// keepOld keeps messages in one transaction, as the first version did.
func (k *talker) keepOld(db *sql.DB, texts []string) {
	k.t.Helper()
	tx, err := db.Begin()
	if err != nil {
		k.t.Fatal(err)
	}
	run := func(sql string, args ...any) {
		k.t.Helper()
		if _, err := tx.Exec(sql, args...); err != nil {
			k.t.Fatal(err)
		}
	}
	for _, text := range texts {
		e := chat.Entry{ID: int64(1000 + len(k.said)), Time: time.UnixMilli(1767225600004).UTC(), Kind: chat.Said, Room: "tea", Account: "alice", Text: text}
		k.said = append(k.said, e)
		run(`INSERT INTO messages (id, time, room, account, text) VALUES (?, ?, 2, 'alice', ?)`, e.ID, e.Time.UnixMilli(), e.Text)
		run(`INSERT INTO search (rowid, room, text) VALUES (?, 'r2', ?)`, e.ID, e.Text)
		run(`UPDATE log SET last_id = ?, last_time = ?`, e.ID, e.Time.UnixMilli())
	}
	if err := tx.Commit(); err != nil {
		k.t.Fatal(err)
	}
}

// TestTakingBackOld takes back what an earlier version kept: nothing of it is left, in pages that are not used any
// more either.
func TestTakingBackOld(t *testing.T) {
	t.Parallel()
	if parleytest.Race {
		t.Skip("what is left in pages is no matter of races: TestTakingBack runs under the detector")
	}
	k, db := oldTalker(t)
	for range soak(150, 3000) {
		var texts []string
		for range 10 {
			texts = append(texts, k.text())
		}
		k.keepOld(db, texts)
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
	k.integrity()
	// What the first version's database came with was not said here.
	first, _, err := k.s.Message(t.Context(), 9)
	if err != nil || first.Room != "tea" {
		t.Fatalf("the message of the first version: %+v, %v", first, err)
	}
	k.said = append([]chat.Entry{{ID: first.ID, Time: first.Time, Room: "tea", Account: first.User, Text: first.Text}}, k.said...)
	k.check()
}

// TestTakingBackWhileMerging takes back what stands in the index where a merge of its segments is half done: separators of pages that
// the merge has taken away are still there.
func TestTakingBackWhileMerging(t *testing.T) {
	t.Parallel()
	if parleytest.Race {
		t.Skip("what is left in pages is no matter of races: TestTakingBack runs under the detector")
	}
	k, db := oldTalker(t)
	words := k.rnd.Perm(500_000)
	left := 0
	for left < 5 {
		var texts []string
		for range 100 {
			var text []string
			for _, w := range words[:90] {
				text = append(text, fmt.Sprintf("family%06d", w))
			}
			words = words[90:]
			texts = append(texts, strings.Join(text, " "))
		}
		k.keepOld(db, texts)
		left = len(separators(t, db))
	}
	whole := slices.DeleteFunc(separators(t, db), func(term string) bool { return len(term) < len("family000000") })
	db.Close()
	k.open()
	for at, e := range k.said {
		if slices.ContainsFunc(whole[:min(20, len(whole))], func(word string) bool { return strings.Contains(e.Text, word) }) {
			k.takeBack(at)
		}
	}
	if len(k.texts) == 0 {
		t.Fatalf("none of %d separators is a whole word", left)
	}
	k.takeBackMany(0.02)
	k.scrub()
	k.integrity()
}

// separators are the terms of the index that stand for pages which a merge has taken away: the beginnings of words.
func separators(t *testing.T, db *sql.DB) (terms []string) {
	t.Helper()
	rows, err := db.Query(`SELECT term FROM search_idx i WHERE length(term) > 0
		AND NOT EXISTS (SELECT 1 FROM search_data WHERE id = (i.segid << 37) + (i.pgno >> 1))`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var term string
		if err := rows.Scan(&term); err != nil {
			t.Fatal(err)
		}
		terms = append(terms, term[1:]) // behind the number of the index
	}
	return terms
}
