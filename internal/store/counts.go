package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"sort"

	"parley/internal/chat"
)

// What is unread is never counted when somebody asks: rooms.said counts a room's messages, and
// positions.read how many of these are not unread to an account. A message that is said changes the first, and
// its author's second; one that is read, its reader's. One that is taken back changes neither, since a room may have
// many readers: it is in the table gone, whose part above a position does not count.
//
// Changing two rows for every message would cost half as much again as keeping it. So messages are counted in
// memory first, and the tables get the sums when somebody needs them, or after many. log.counted is up to which entry they have: after
// a kill what follows it is counted anew.

// authored is who said something where, by the room's name.
type authored struct{ account, room string }

type counts map[authored]int

// The counters are brought up to date at the latest after so many messages, or so many who said some.
const (
	countMessages = 1 << 16
	countAuthors  = 1 << 12
)

// count notes a message that this transaction puts into the tables.
func (t *tx) count(e *chat.Entry) {
	t.said[authored{e.Account, e.Room}]++
}

// settleCounts brings the counters up to the entry before the one that is being applied. Who reads them calls it first.
func (t *tx) settleCounts() error { return t.countUpTo(t.id - 1) }

func (t *tx) countUpTo(id int64) error {
	if t.counted == 0 {
		if err := t.putCounts(t.unsaid); err != nil {
			return err
		}
	}
	t.counted = id
	err := t.putCounts(t.said)
	clear(t.said)
	return err
}

func (t *tx) putCounts(some counts) error {
	for by, n := range some {
		r, err := t.makeRoom(by.room)
		if err != nil {
			return err
		}
		if _, err := t.countSaid.Exec(n, r.id); err != nil {
			return err
		}
		if guest(by.account) {
			continue
		}
		if _, err := t.countRead.Exec(by.account, r.id, n); err != nil {
			return err
		}
	}
	return nil
}

// endCounts brings the counters up to date at the end of a transaction, where much has gathered.
func (t *tx) endCounts() error {
	if len(t.unsaid)+len(t.said) < countAuthors && t.id-t.countedAt < countMessages {
		return nil
	}
	return t.countUpTo(t.id)
}

// keepCounts follows a transaction that was committed.
func (t *tx) keepCounts() {
	if t.counted != 0 {
		t.countedAt = t.counted
		clear(t.unsaid)
	}
	for by, n := range t.said {
		t.unsaid[by] += n
	}
	clear(t.said)
}

// closeCounts brings the counters up to date before the database is closed, so that the next start need count nothing.
func (w *writer) closeCounts() error {
	t := &w.tx
	if len(t.unsaid) == 0 {
		return nil
	}
	t.counted = 0
	_, err := w.stmt.begin.Exec()
	if err == nil {
		err = t.countUpTo(w.applied)
	}
	if err == nil {
		_, err = w.stmt.writeCounter.Exec(w.applied, w.seq.ms, t.counted)
	}
	if err == nil {
		_, err = w.stmt.commit.Exec()
	}
	if err != nil {
		w.stmt.rollback.Exec()
		return err
	}
	t.keepCounts()
	return nil
}

// countSince counts the messages above an entry, and says which is the last of each room.
func countSince(ctx context.Context, on querier, id int64) (counts, map[string]int64, error) {
	said, last := make(counts), make(map[string]int64)
	var first chat.Message
	var more []byte
	err := each(ctx, on, `SELECT m.id, r.name, m.account, m.more FROM messages m JOIN rooms r ON r.id = m.room WHERE m.id > ? ORDER BY m.id`,
		[]any{&first.ID, &first.Room, &first.User, &more}, func() {
			for _, m := range unblock(nil, first, more) {
				said[authored{m.User, m.Room}]++
				last[m.Room] = max(last[m.Room], m.ID)
			}
		}, id)
	return said, last, err
}

// countAll fills in the counters of a database that had none. What was said until now is unread to
// nobody: so it was before there were positions, as far as anybody could tell.
func countAll(ctx context.Context, tx *sql.Tx) error {
	said, last, err := countSince(ctx, tx, 0)
	do := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	for by, n := range said {
		do(`UPDATE rooms SET said = said + ? WHERE name = ?`, n, by.room)
		if !guest(by.account) {
			do(`INSERT INTO positions (account, room, seen, read) SELECT ?, id, 0, ? FROM rooms WHERE name = ?`, by.account, n, by.room)
		}
	}
	for room, id := range last {
		do(`INSERT OR REPLACE INTO positions (account, room, seen, read)
			SELECT m.account, r.id, ?1, r.said FROM rooms r JOIN members m ON m.room = r.id WHERE r.name = ?2
			UNION SELECT a.name, r.id, ?1, r.said FROM rooms r, accounts a WHERE NOT a.removed AND r.name = ?2 AND r.name = ?3`,
			id, room, chat.Lobby)
	}
	do(`UPDATE log SET counted = last_id`)
	if err != nil {
		return fmt.Errorf("count the messages: %w", err)
	}
	return nil
}

// uncounted are the messages that the tables have and the counters do not.
func (w *writer) uncounted() counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.tx.unsaid)
}

// lost are the ids of messages that were taken back, ascending: of a room, under its name alone, and those of an author there.
type lost map[authored][]int64

func (l lost) add(room string, id int64, author string) {
	for _, of := range []authored{{"", room}, {author, room}} {
		l[of] = append(l[of], id)
	}
}

// leave takes them out of a state, which is not to count them.
func (l lost) leave(state *chat.State) {
	for i := range state.Positions {
		p := &state.Positions[i]
		all, own := l[authored{"", p.Room}], l[authored{p.Account, p.Room}]
		below := func(ids []int64) int { return sort.Search(len(ids), func(i int) bool { return ids[i] > p.Seen }) }
		p.Read -= below(all) + len(own) - below(own)
	}
	for i := range state.Rooms {
		state.Rooms[i].Said -= len(l[authored{"", state.Rooms[i].Name}])
	}
}
