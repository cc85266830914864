package store

import (
	"database/sql"

	"parley/internal/chat"
)

// late keeps the place of a message that the stream had no more: the tables come to be what they are where it was read, but for
// its text.
//
// Three things may differ. What the clock of the stream's leader showed for it is not known: where the clock of the next one is
// behind, what was said right after it has an earlier time here. And who was removed since, and made anew, may be in a
// conversation with somebody here, and not there. And a SEEN that goes only so far, since thousands of messages lie on both sides of it,
// goes a message further: whoever sent it asks for the rest.
func (g *gone) late(t *tx) (result, error) {
	var one int
	if ok, err := found(t.isMessage.QueryRow(g.Message), &one); ok || err != nil {
		return refuse(chat.ErrNotMember), err // of another room
	}
	r, err := t.makeRoom(g.Room)
	if err != nil {
		return result{}, err
	}
	if err := t.settleCounts(); err != nil {
		return result{}, err
	}
	type step struct {
		stmt *sql.Stmt
		args []any
	}
	steps := []step{
		{t.insertMessage, []any{g.Message, g.said.UnixMilli(), r.id, g.User, "\x00", nil}},
		{t.indexMessage, []any{g.Message, "", ""}},
		{t.insertGone, []any{r.id, g.Message, g.User}},
	}
	// What was brought along is in the rows that came with it.
	if g.Message >= t.start {
		steps = append(steps, step{t.readLate, []any{r.id, g.Message, g.User}}, step{t.countSaid, []any{1, r.id}})
		same := !guest(g.User)
		if ok, err := found(t.isAnother.QueryRow(g.User, g.said.UnixMilli()), &one); err != nil {
			return result{}, err
		} else if same && !ok {
			steps = append(steps, step{t.countRead, []any{g.User, r.id, 1}})
		}
		if g.Key != "" {
			t.keys++
			steps = append(steps, step{t.insertKey, []any{g.Message, g.said.UnixMilli(), g.KeyOwner, r.id, g.Key, t.ms - keyLife.Milliseconds()}})
		}
	}
	for _, s := range steps {
		if _, err := s.stmt.Exec(s.args...); err != nil {
			return result{}, err
		}
	}
	// The hub was never told of it, nor has it counted it.
	return result{what: quiet, entry: t.entry(g.Entry)}, nil
}
