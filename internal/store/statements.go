package store

import (
	"context"
	"database/sql"
	"fmt"
)

// statements are those of the writer's connection.
type statements struct {
	begin, commit, rollback                               *sql.Stmt
	readCounter, writeCounter                             *sql.Stmt
	checkpointNoop, checkpointPassive, checkpointTruncate *sql.Stmt

	insertMessage, indexMessage, findKey, insertKey, purgeKeys *sql.Stmt

	eraseStatements

	roomID, insertRoom, countRooms, countJoined            *sql.Stmt
	isMember, insertMember, deleteMember, deleteMembers    *sql.Stmt
	isRemoved, findAccount, putAccount                     *sql.Stmt
	findToken, insertToken, spendToken, moveSession        *sql.Stmt
	confirmOpened, deleteUnspent, deleteTokens, dropFamily *sql.Stmt
	trimSpent, trimUnspent, purgeTokens                    *sql.Stmt

	entrance, countMembers, setLocked, setTopic, unmake, deleteMaker *sql.Stmt
	insertInvite, deleteInvite, deleteInvites, countInvites          *sql.Stmt
	putMute, deleteMute                                              *sql.Stmt
	countSaid, countRead, findPosition, putPosition, deletePositions *sql.Stmt
	insertGone, messagesAfter                                        *sql.Stmt

	writeStream, eraseEntry, forgetErased, insertBrought *sql.Stmt
	isMute, isAdmin, isMaker                             *sql.Stmt
	isMessage, isAnother, readLate                       *sql.Stmt
}

// A prepared says which statement becomes of which SQL.
type prepared struct {
	stmt **sql.Stmt
	sql  string
}

func (s *statements) table() []prepared {
	return append(s.eraseStatements.table(), []prepared{
		{&s.begin, `BEGIN IMMEDIATE`},
		{&s.commit, `COMMIT`},
		{&s.rollback, `ROLLBACK`},
		{&s.readCounter, `SELECT last_id, last_time, identity, counted FROM log`},
		{&s.writeCounter, `UPDATE log SET last_id = ?, last_time = ?, counted = max(counted, ?)`},
		{&s.checkpointNoop, `PRAGMA wal_checkpoint(NOOP)`},
		{&s.checkpointPassive, `PRAGMA wal_checkpoint(PASSIVE)`},
		{&s.checkpointTruncate, `PRAGMA wal_checkpoint(TRUNCATE)`},

		{&s.insertMessage, `INSERT INTO messages (id, time, room, account, text, more) VALUES (?, ?, ?, ?, ?, ?)`},
		{&s.indexMessage, `INSERT INTO search (rowid, room, text) VALUES (?, ?, ?)`},
		// Takes the place of one that has expired, else changes nothing.
		{&s.insertKey, `INSERT INTO keys (id, time, owner, room, key) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (owner, room, key) DO UPDATE SET id = excluded.id, time = excluded.time WHERE time <= ?`},
		{&s.findKey, `SELECT id, time FROM keys WHERE owner = ? AND room = ? AND key = ?`},
		{&s.purgeKeys, `DELETE FROM keys WHERE time <= ?1 AND id IN (SELECT id FROM keys ORDER BY id LIMIT ?2)`},

		{&s.roomID, `SELECT id FROM rooms WHERE name = ?`},
		{&s.insertRoom, `INSERT INTO rooms (name, conversation, maker, locked) VALUES (?, ?, ?, ?) RETURNING id`},
		{&s.countRooms, `SELECT count(*) FROM rooms WHERE conversation = 0`},
		{&s.countJoined, `SELECT count(*) FROM members JOIN rooms ON rooms.id = members.room
			WHERE account = ? AND conversation = 0`},
		{&s.isMember, `SELECT 1 FROM members WHERE account = ? AND room = ?`},
		{&s.insertMember, `INSERT OR IGNORE INTO members (account, room)
			SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE name = ?1 AND removed)`},
		{&s.deleteMember, `DELETE FROM members WHERE account = ? AND room = (SELECT id FROM rooms WHERE name = ?)`},
		{&s.deleteMembers, `DELETE FROM members WHERE account = ?`},

		{&s.isRemoved, `SELECT 1 FROM accounts WHERE name = ? AND removed`},
		{&s.findAccount, `SELECT version, removed FROM accounts WHERE name = ?`},
		{&s.putAccount, `INSERT OR REPLACE INTO accounts
			(name, hash, admin, disabled, invited, removed, made, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`},

		{&s.findToken, `SELECT version, session, opened FROM tokens WHERE hash = ?`},
		{&s.insertToken, `INSERT INTO tokens (id, hash, account, family, session, room, expires, version)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1)`},
		{&s.spendToken, `UPDATE tokens SET opened = ?, confirmed = 0, version = ? WHERE hash = ?`},
		{&s.moveSession, `UPDATE tokens SET room = ? WHERE session = ?`},
		// opened <> '' lets SQLite use the partial index. Confirming twice must
		// not fail somebody's expectation for nothing.
		{&s.confirmOpened, `UPDATE tokens SET confirmed = 1, version = ? WHERE opened = ? AND opened <> '' AND NOT confirmed`},
		{&s.deleteUnspent, `DELETE FROM tokens WHERE session = ? AND opened = ''`},
		{&s.deleteTokens, `DELETE FROM tokens WHERE account = ?1 AND (?2 = '' OR session <> ?2)`},
		{&s.dropFamily, `DELETE FROM tokens WHERE account = ? AND family = ? RETURNING session, opened`},
		{&s.trimSpent, `DELETE FROM tokens WHERE id IN
			(SELECT id FROM tokens WHERE account = ? AND opened <> '' ORDER BY id DESC LIMIT -1 OFFSET ?)`},
		{&s.trimUnspent, `DELETE FROM tokens WHERE id IN
			(SELECT id FROM tokens WHERE account = ? AND opened = '' ORDER BY id DESC LIMIT -1 OFFSET ?)`},
		{&s.purgeTokens, `DELETE FROM tokens WHERE id IN
			(SELECT id FROM tokens WHERE expires <= ? ORDER BY expires LIMIT ?)`},

		{&s.entrance, `SELECT locked, maker,
			EXISTS (SELECT 1 FROM members WHERE account = ?2 AND room = ?1),
			EXISTS (SELECT 1 FROM invites WHERE account = ?2 AND room = ?1) FROM rooms WHERE id = ?1`},
		{&s.countMembers, `SELECT count(*) FROM members WHERE room = ?`},
		{&s.setLocked, `UPDATE rooms SET locked = ? WHERE name = ?`},
		{&s.setTopic, `UPDATE rooms SET topic = ? WHERE name = ?`},
		{&s.unmake, `UPDATE rooms SET maker = '' WHERE name = ? AND maker = ?`},
		{&s.deleteMaker, `UPDATE rooms SET maker = '' WHERE maker = ?1 AND maker <> ''`},
		{&s.insertInvite, `INSERT OR IGNORE INTO invites (account, room)
			SELECT ?1, id FROM rooms WHERE name = ?2 AND EXISTS (SELECT 1 FROM accounts WHERE name = ?1 AND NOT removed)`},
		{&s.deleteInvite, `DELETE FROM invites WHERE account = ? AND room = (SELECT id FROM rooms WHERE name = ?)`},
		{&s.deleteInvites, `DELETE FROM invites WHERE account = ?`},
		{&s.countInvites, `SELECT count(*) FROM invites WHERE account = ?`},
		{&s.putMute, `INSERT OR REPLACE INTO mutes (account, until) VALUES (?, ?)`},
		{&s.deleteMute, `DELETE FROM mutes WHERE account = ?`},

		{&s.countSaid, `UPDATE rooms SET said = said + ? WHERE id = ?`},
		{&s.countRead, `INSERT INTO positions (account, room, seen, read) VALUES (?1, ?2, 0, ?3)
			ON CONFLICT (account, room) DO UPDATE SET read = read + ?3`},
		{&s.findPosition, `SELECT rooms.said, coalesce(p.seen, 0), coalesce(p.read, 0),
			(SELECT count(*) FROM gone WHERE gone.room = ?1 AND gone.id > coalesce(p.seen, 0) AND gone.account <> ?2)
			FROM rooms LEFT JOIN positions p ON p.room = rooms.id AND p.account = ?2 WHERE rooms.id = ?1`},
		{&s.putPosition, `INSERT OR REPLACE INTO positions (account, room, seen, read) VALUES (?, ?, ?, ?)`},
		{&s.deletePositions, `DELETE FROM positions WHERE account = ?`},
		{&s.insertGone, `INSERT INTO gone (room, id, account) VALUES (?, ?, ?)`},
		{&s.messagesAfter, `SELECT id, time, account, text, more FROM messages WHERE room = ?1 AND id >=
			coalesce((SELECT max(id) FROM messages WHERE room = ?1 AND id <= ?2), 0) ORDER BY id`},

		{&s.writeStream, `UPDATE log SET stream = ?, seq = ?, digest = ?`},
		{&s.eraseEntry, `INSERT OR IGNORE INTO erased (seq) VALUES (coalesce((SELECT seq FROM brought WHERE id = ?1), ?1))`},
		{&s.forgetErased, `DELETE FROM erased WHERE seq = ?`},
		{&s.insertBrought, `INSERT OR IGNORE INTO brought (id, seq) VALUES (?, ?)`},
		{&s.isMute, `SELECT until FROM mutes WHERE account = ?`},
		{&s.isAdmin, `SELECT 1 FROM accounts WHERE name = ? AND admin AND NOT disabled AND NOT removed`},
		{&s.isMaker, `SELECT 1 FROM rooms WHERE maker = ? AND name = ?`},
		{&s.isMessage, `SELECT 1 FROM messages WHERE id = ?`},
		// Whoever has the name now is not who said something then.
		{&s.isAnother, `SELECT 1 FROM accounts WHERE name = ? AND (removed OR made > ?)`},
		// Who has seen a message that comes late, or said it, has read it.
		{&s.readLate, `UPDATE positions SET read = read + 1 WHERE room = ? AND seen >= ? AND account <> ?`},
	}...)
}

// queries are those of the readers' connections.
type queries struct {
	history, older       *sql.Stmt
	around               *sql.Stmt
	room, search, newest *sql.Stmt
	accounts             *sql.Stmt
}

func (q *queries) table() []prepared {
	const (
		messages = `SELECT m.id, m.time, m.account, m.text, m.more FROM `
		room     = `(SELECT id FROM rooms WHERE name = ?1)`
	)
	return []prepared{
		// From the block on that holds what follows ?2, or that begins after it.
		{&q.history, messages + `messages m WHERE m.room = ` + room + ` AND m.id < ?3 AND m.id >=
			coalesce((SELECT max(id) FROM messages WHERE room = ` + room + ` AND id <= ?2), 0) ORDER BY m.id LIMIT ?4`},
		{&q.older, messages + `messages m WHERE m.room = ` + room + ` AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3`},
		// The message with this id, else the blocks that it may be in, the nearest first.
		{&q.around, `SELECT m.id, m.time, r.name, m.account, m.text, m.more FROM messages m JOIN rooms r ON r.id = m.room
			WHERE m.id <= ?1 AND m.id > ?2 AND (m.id = ?1 OR m.more IS NOT NULL) ORDER BY m.id DESC`},
		{&q.room, `SELECT id FROM rooms WHERE name = ?`},
		{&q.search, messages + `search CROSS JOIN messages m ON m.id = search.rowid
			WHERE search MATCH ? ORDER BY search.rowid DESC LIMIT ?`},
		{&q.newest, messages + `messages m WHERE m.room = ? ORDER BY m.id DESC LIMIT ?`},
		{&q.accounts, selectAccount + `ORDER BY name`},
	}
}

// keyQueries are the sequencer's.
type keyQueries struct{ find, of *sql.Stmt }

func (q *keyQueries) table() []prepared {
	return []prepared{
		{&q.of, `SELECT owner, key FROM keys WHERE id = ?`},
		{&q.find, `SELECT id, time FROM keys WHERE owner = ? AND room = (SELECT id FROM rooms WHERE name = ?) AND key = ?`},
	}
}

const selectAccount = `SELECT name, hash, admin, disabled, invited, removed, made, version FROM accounts `

// authQueries are those that signing in waits for, on connections of their own.
type authQueries struct{ account, token *sql.Stmt }

func (q *authQueries) table() []prepared {
	return []prepared{
		{&q.account, selectAccount + `WHERE name = ?`},
		{&q.token, `SELECT account, family, session, room, expires, opened, confirmed, version
			FROM tokens WHERE hash = ?`},
	}
}

// prepare prepares a table of statements on a connection or a pool of them.
func prepare(ctx context.Context, on interface {
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}, table []prepared) error {
	for _, p := range table {
		var err error
		if *p.stmt, err = on.PrepareContext(ctx, p.sql); err != nil {
			return fmt.Errorf("prepare %s: %w", p.sql, err)
		}
	}
	return nil
}
