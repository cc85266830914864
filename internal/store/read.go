package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"parley/internal/chat"
)

// maxRead is the most messages that one read returns, as chat.Range has it.
const maxRead = 500

func clamp(limit int) int { return min(max(limit, 1), maxRead) }

// History implements chat.Log.
func (s *Store) History(ctx context.Context, room string, r chat.Range) ([]chat.Message, error) {
	rows, err := s.query.history.QueryContext(ctx, room, r.After, r.Before, clamp(r.Limit))
	if err != nil {
		return nil, fmt.Errorf("store: read history: %w", err)
	}
	list, err := messages(rows, room, maxRead, nil)
	if err != nil {
		return nil, fmt.Errorf("store: read history: %w", err)
	}
	return list, nil
}

// Newest implements chat.Log.
func (s *Store) Newest(ctx context.Context, room string, before int64, n int) (id int64, err error) {
	if err := s.query.first.QueryRowContext(ctx, room, before, clamp(n)).Scan(&id); err != nil {
		return 0, fmt.Errorf("store: find the newest messages: %w", err)
	}
	return id, nil
}

// messages reads and closes rows: up to limit messages whose text is wanted (nil: all are).
func messages(rows *sql.Rows, room string, limit int, wanted func(text string) bool) (list []chat.Message, err error) {
	defer rows.Close()
	for len(list) < limit && rows.Next() {
		m := chat.Message{Room: room}
		var ms int64
		if err := rows.Scan(&m.ID, &ms, &m.User, &m.Text); err != nil {
			return nil, err
		}
		if wanted == nil || wanted(m.Text) {
			m.Time = time.UnixMilli(ms).UTC()
			list = append(list, m)
		}
	}
	return list, rows.Err()
}

// State returns the accounts and rooms as they are now; before Start nothing
// changes them, so that the tail goes on from there.
func (s *Store) State(ctx context.Context) (state chat.State, err error) {
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return chat.State{}, fmt.Errorf("store: read the state: %w", err)
	}
	defer tx.Rollback()
	place := map[int64]int{} // of a room's id in state.Rooms
	var name string
	var id, last int64
	for _, q := range []struct {
		sql  string
		into []any
		take func()
	}{
		{`SELECT name FROM accounts WHERE NOT removed ORDER BY name`, []any{&name}, func() {
			state.Accounts = append(state.Accounts, name)
		}},
		{`SELECT id, name, coalesce((SELECT max(id) FROM messages WHERE room = rooms.id), 0) FROM rooms ORDER BY id`,
			[]any{&id, &name, &last}, func() {
				place[id] = len(state.Rooms)
				state.Rooms = append(state.Rooms, chat.RoomState{Name: name, LastID: last})
			}},
		{`SELECT room, account FROM members ORDER BY room, account`, []any{&id, &name}, func() {
			r := &state.Rooms[place[id]]
			r.Members = append(r.Members, name)
		}},
	} {
		if err := each(ctx, tx, q.sql, q.into, q.take); err != nil {
			return chat.State{}, fmt.Errorf("store: read the state: %w", err)
		}
	}
	return state, nil
}

// each scans every row of a query and calls take after each.
func each(ctx context.Context, tx *sql.Tx, query string, into []any, take func()) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		take()
	}
	return rows.Err()
}
