package store

import (
	"strings"
	"time"

	"parley/internal/chat"
)

// expire drops what a room has of messages that were said before a time, the oldest first: whole rows, some at once. A row that
// has a later message as well stays until that is old enough; it spans what was brought into the database along with each other.
//
// The result tells the tail which messages they were, for its counts, but for those that were taken back, which it does not count; and
// in Message the id of the last one, 0 where there was nothing to drop.
type expire struct {
	room   string
	before time.Time
}

const (
	expireRows     = 16 // at the most in one step, which others may wait for: some 20 ms
	expireMessages = 16 // beyond which no row more is taken; one row may have blockMessages
)

func (x *expire) apply(t *tx) (result, error) {
	e := t.entry(chat.Entry{Kind: chat.Expired, Room: x.room})
	r, ok, err := t.findRoom(x.room)
	if err != nil {
		return result{}, err
	}
	old, all, err := t.oldRows(r, x.before)
	if err != nil {
		return result{}, err
	}
	if !ok || len(old) == 0 {
		return result{what: repeated, entry: e}, nil
	}
	if err := t.settleCounts(); err != nil {
		return result{}, err
	}
	for _, row := range old {
		if err := t.dropRow(r, row); err != nil {
			return result{}, err
		}
	}
	e.Message = all[len(all)-1].ID
	if err := t.uncount(r, all); err != nil {
		return result{}, err
	}
	if _, err := t.dropGone.Exec(r.id, e.Message); err != nil {
		return result{}, err
	}
	if _, err := t.markErased.Exec(); err != nil {
		return result{}, err
	}
	for _, m := range all {
		if m.Text != "" {
			m.Text = ""
			e.Dropped = append(e.Dropped, m)
		}
	}
	return result{what: shown, entry: e}, nil
}

// oldRows are the oldest rows of a room that have nothing from a time on, and all their messages.
func (t *tx) oldRows(r room, before time.Time) (old [][]chat.Message, all []chat.Message, err error) {
	rows, err := t.oldestRows.Query(r.id, expireRows)
	if err != nil {
		return nil, nil, err
	}
	err = eachBlock(rows, "", func(block []chat.Message) bool {
		if !block[len(block)-1].Time.Before(before) || len(all) >= expireMessages {
			return false
		}
		all = append(all, block...)
		old = append(old, all[len(all)-len(block):])
		return true
	})
	return old, all, err
}

// dropRow takes a row out of the tables and the search index, as if all of it had been taken back.
func (t *tx) dropRow(r room, row []chat.Message) error {
	first := row[0].ID
	if _, err := t.deleteRow.Exec(first); err != nil {
		return err
	}
	var texts []string
	empty := make([]chat.Message, len(row))
	for i, m := range row {
		empty[i].ID = m.ID
		if m.Text != "" {
			texts = append(texts, m.Text)
		}
		if _, err := t.dropKey.Exec(m.ID); err != nil {
			return err
		}
	}
	if len(texts) == 0 { // the index has nothing of it any more
		return nil
	}
	return t.unindex(r, empty, strings.Join(texts, " "))
}

// uncount takes messages, the oldest of a room, from what the room counts, and from what everybody has read of them.
func (t *tx) uncount(r room, dropped []chat.Message) error {
	last := dropped[len(dropped)-1].ID
	if _, err := t.countSaid.Exec(-len(dropped), r.id); err != nil {
		return err
	}
	if _, err := t.uncountRead.Exec(len(dropped), r.id, last); err != nil {
		return err
	}
	rows, err := t.positionsBehind.Query(r.id, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	read := make(map[string]int)
	for rows.Next() {
		var account string
		var seen int64
		if err := rows.Scan(&account, &seen); err != nil {
			return err
		}
		for _, m := range dropped {
			if m.ID <= seen || m.User == account {
				read[account]++
			}
		}
	}
	if err := errorsOf(rows); err != nil {
		return err
	}
	for account, n := range read {
		if _, err := t.countRead.Exec(account, r.id, -n); err != nil {
			return err
		}
	}
	return nil
}
