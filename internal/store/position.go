package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"parley/internal/chat"
)

// What is unread is never counted when somebody asks: rooms.said counts a room's messages, and
// positions.read how many of these are not unread to an account. A message that is said changes the first, and
// its author's second; one that is read, or taken back, the others. Both are as new as the
// tables: what is in the backlog still is counted when it is put there.

// authored is who said something where.
type authored struct{ account, room string }

// count notes a message that this transaction puts into the tables.
func (t *tx) count(e *chat.Entry) {
	if t.said == nil {
		t.said = make(map[authored]int)
	}
	t.said[authored{e.Account, e.Room}]++
}

// settleCounts brings the counters up to date. Who reads them calls it first.
func (t *tx) settleCounts() error {
	for by, n := range t.said {
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
	clear(t.said)
	return nil
}

// uncount takes a message that was taken back from the counters.
func (t *tx) uncount(r room, id int64, author string) error {
	err := t.settleCounts()
	if err == nil {
		_, err = t.uncountSaid.Exec(r.id)
	}
	if err == nil {
		_, err = t.uncountRead.Exec(r.id, id, author)
	}
	return err
}

// position is how far an account has read a room.
type position struct {
	said       int // of the room
	seen, read int64
}

func (p position) unread() int { return p.said - int(p.read) }

func (t *tx) position(account string, r room) (p position, err error) {
	if err = t.settleCounts(); err == nil {
		err = t.findPosition.QueryRow(r.id, account).Scan(&p.said, &p.seen, &p.read)
	}
	return p, err
}

// seen moves a position forward.
type seen struct{ chat.Entry }

// seenAtOnce is how many messages one write looks at to count what is unread. Where more stand on
// both sides of the new position, it moves only so far, and whoever wants it further asks again: others' writes
// come in between. Positions only move forward, so each message is looked at once for an account, and half as often as that again.
const seenAtOnce = 2048

func (s *seen) apply(t *tx) (result, error) {
	e := t.entry(s.Entry)
	r, ok, err := t.findRoom(e.Room)
	if err != nil {
		return result{}, err
	}
	if !ok {
		return refuse(chat.ErrNotMember), nil
	}
	p, err := t.position(e.Account, r)
	if err != nil {
		return result{}, err
	}
	if e.Message <= p.seen {
		e.Message, e.Unread = p.seen, p.unread()
		return result{what: repeated, entry: e}, nil
	}
	unread, _, all, err := t.others(r, e.Account, e.Message, math.MaxInt64)
	if err != nil {
		return result{}, err
	}
	if all {
		p.seen, p.read = e.Message, int64(p.said-unread)
	} else {
		read, last, all, err := t.others(r, e.Account, p.seen, e.Message)
		if err != nil {
			return result{}, err
		}
		if p.read += int64(read); all {
			last = e.Message
		}
		p.seen = last
	}
	if _, err := t.putPosition.Exec(e.Account, r.id, p.seen, p.read); err != nil {
		return result{}, err
	}
	e.Message, e.Unread = p.seen, p.unread()
	return result{what: shown, entry: e}, nil
}

// others counts the messages of a room above one id and up to another that somebody else has said and not taken back. It looks at
// seenAtOnce, the last of which is last; all says that there are no more.
func (t *tx) others(r room, account string, above, upTo int64) (n int, last int64, all bool, err error) {
	rows, err := t.messagesAfter.Query(r.id, above)
	if err != nil {
		return 0, 0, false, err
	}
	looked := 0
	all = true
	err = eachBlock(rows, "", func(block []chat.Message) bool {
		for _, m := range within(block, chat.Range{After: above, Before: min(upTo, math.MaxInt64-1) + 1}) {
			if all = looked < seenAtOnce; !all {
				return false
			}
			looked++
			last = m.ID
			if m.User != account && m.Text != "" {
				n++
			}
		}
		return block[len(block)-1].ID <= upTo
	})
	return n, last, all, err
}

// countAll fills in the counters of a database that had none. What was said until now is unread to
// nobody: so it was before there were positions, as far as anybody could tell.
func countAll(ctx context.Context, tx *sql.Tx) error {
	type place struct {
		account string
		room    int64
	}
	said, last, own := map[int64]int{}, map[int64]int64{}, map[place]int{}
	var id, room int64
	var account string
	var more []byte
	err := each(ctx, tx, `SELECT id, room, account, more FROM messages ORDER BY id`, []any{&id, &room, &account, &more}, func() {
		for _, m := range unblock(nil, chat.Message{ID: id, User: account}, more) {
			said[room]++
			last[room] = max(last[room], m.ID)
			own[place{m.User, room}]++
		}
	})
	if err != nil {
		return err
	}
	put := func(account string, room, seen int64, read int) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO positions (account, room, seen, read) VALUES (?, ?, ?, ?)`, account, room, seen, read)
		return err
	}
	for at, n := range own {
		if !guest(at.account) && err == nil {
			err = put(at.account, at.room, 0, n)
		}
	}
	var members []place
	if err == nil {
		err = each(ctx, tx, `SELECT account, room FROM members UNION
			SELECT a.name, r.id FROM accounts a, rooms r WHERE NOT a.removed AND r.name = '`+chat.Lobby+`'`,
			[]any{&account, &room}, func() { members = append(members, place{account, room}) })
	}
	for _, at := range members {
		if said[at.room] > 0 && err == nil {
			err = put(at.account, at.room, last[at.room], said[at.room])
		}
	}
	for room, n := range said {
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE rooms SET said = ? WHERE id = ?`, n, room)
		}
	}
	if err != nil {
		return fmt.Errorf("count the messages: %w", err)
	}
	return nil
}
