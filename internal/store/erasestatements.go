package store

import "database/sql"

// eraseStatements are those of the writer's connection by which messages are taken back and their bytes removed.
type eraseStatements struct {
	findRow, eraseText, eraseMore, markErased, unmarkErased *sql.Stmt
	unindexMessage, flushIndex                              *sql.Stmt
	splitWords, goneWords, forgetWords                      *sql.Stmt
	separators, dropSeparator, moveSeparator                *sql.Stmt
	countPages, readPages, writePage                        *sql.Stmt

	oldestRows, deleteRow, dropKey, dropGone *sql.Stmt
	uncountRead, positionsBehind             *sql.Stmt
}

// inMemory makes the table that splits texts into words as the index does. temp_store has it in memory alone.
const inMemory = `
	CREATE VIRTUAL TABLE temp.split USING fts5 (gone, "left", content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 0');
	CREATE VIRTUAL TABLE temp.words USING fts5vocab (temp, split, col);`

func (s *eraseStatements) table() []prepared {
	return []prepared{
		{&s.findRow, `SELECT id, time, account, text, more FROM messages WHERE room = ? AND id <= ? ORDER BY id DESC LIMIT 1`},
		{&s.eraseText, `UPDATE messages SET text = ? WHERE id = ?`},
		{&s.eraseMore, `UPDATE messages SET more = ? WHERE id = ?`},
		{&s.markErased, `UPDATE log SET unscrubbed = 1 WHERE NOT unscrubbed`},
		{&s.unmarkErased, `UPDATE log SET unscrubbed = 0 WHERE unscrubbed`},

		{&s.unindexMessage, `INSERT INTO search (search, rowid, room, text) VALUES ('delete', ?, ?, ?)`},
		{&s.flushIndex, `INSERT INTO search (search) VALUES ('flush')`},

		{&s.splitWords, `INSERT INTO temp.split (rowid, gone, "left") VALUES (1, ?, ?)`},
		{&s.goneWords, `SELECT term FROM temp.words GROUP BY term HAVING max(col) = 'gone'`},
		{&s.forgetWords, `INSERT INTO temp.split (split) VALUES ('delete-all')`},

		// In each segment, the separator of the page on which the word ?1 is or was, where it begins it; and that
		// page. What is shifted stands for, FTS5's fts5_index.c says (FTS5_SEGMENT_ROWID).
		{&s.separators, `WITH RECURSIVE segments (id) AS (SELECT min(segid) FROM search_idx UNION ALL
				SELECT (SELECT min(segid) FROM search_idx WHERE segid > segments.id) FROM segments WHERE segments.id IS NOT NULL)
			SELECT i.segid, i.term, d.block FROM segments
				CROSS JOIN search_idx i ON i.segid = segments.id
					AND i.term = (SELECT max(term) FROM search_idx WHERE segid = segments.id AND term <= ?1)
				LEFT JOIN search_data d ON d.id = (i.segid << 37) + (i.pgno >> 1)
			WHERE length(i.term) > 0 AND substr(?1, 1, length(i.term)) = i.term`},
		{&s.dropSeparator, `DELETE FROM search_idx WHERE segid = ? AND term = ?`},
		{&s.moveSeparator, `UPDATE search_idx SET term = ? WHERE segid = ? AND term = ?`},

		{&s.oldestRows, `SELECT id, time, account, text, more FROM messages WHERE room = ? ORDER BY id LIMIT ?`},
		{&s.deleteRow, `DELETE FROM messages WHERE id = ?`},
		{&s.dropKey, `DELETE FROM keys WHERE id = ?`},
		{&s.dropGone, `DELETE FROM gone WHERE room = ? AND id <= ?`},
		{&s.uncountRead, `UPDATE positions SET read = read - ? WHERE room = ? AND seen >= ?`},
		{&s.positionsBehind, `SELECT account, seen FROM positions WHERE room = ? AND seen < ?`},

		{&s.countPages, `PRAGMA page_count`},
		{&s.readPages, `SELECT p.pgno, p.data FROM json_each(?) n CROSS JOIN sqlite_dbpage p WHERE p.pgno = n.value`},
		{&s.writePage, `UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`},
	}
}
