package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"parley/internal/chat"
)

// maxRead is the most messages that one read returns, as chat.Range has it.
const maxRead = 500

func clamp(limit int) int { return min(max(limit, 1), maxRead) }

// History implements chat.Log.
func (s *Store) History(ctx context.Context, room string, r chat.Range) ([]chat.Message, error) {
	r.Limit = clamp(r.Limit)
	late := s.writer.backlog.of(room) // first: what leaves it meanwhile is in the database
	list, err := readRange(ctx, s.query.history, room, r)
	if err != nil {
		return nil, fmt.Errorf("store: read history: %w", err)
	}
	if n := len(list); n > 0 {
		r.After = list[n-1].ID
	}
	list = append(list, within(late, r)...)
	return list[:min(len(list), r.Limit)], nil
}

// within keeps those of messages in order that are in r.
func within(list []chat.Message, r chat.Range) []chat.Message {
	from := sort.Search(len(list), func(i int) bool { return list[i].ID > r.After })
	to := sort.Search(len(list), func(i int) bool { return list[i].ID >= r.Before })
	return list[from:max(from, to)]
}

// Newest implements chat.Log.
func (s *Store) Newest(ctx context.Context, room string, before int64, n int) (id int64, err error) {
	n = clamp(n)
	err = s.backwards(room, before, func(before int64) (*sql.Rows, error) {
		return s.query.older.QueryContext(ctx, room, before, n)
	}, func(m chat.Message) bool {
		id = m.ID
		n--
		return n > 0
	})
	if err != nil {
		return 0, fmt.Errorf("store: find the newest messages: %w", err)
	}
	return id, nil
}

// backwards visits a room's messages below before, the newest first, until visit is
// false: those of the backlog, and then those of the rows that query returns, newest block first.
func (s *Store) backwards(room string, before int64, query func(before int64) (*sql.Rows, error), visit func(chat.Message) bool) error {
	down := func(list []chat.Message) bool {
		for _, m := range slices.Backward(list) {
			if m.ID >= before {
				continue
			}
			before = m.ID
			if !visit(m) {
				return false
			}
		}
		return true
	}
	if !down(s.writer.backlog.of(room)) {
		return nil
	}
	rows, err := query(before)
	if rows == nil || err != nil {
		return err
	}
	return eachBlock(rows, room, down)
}

// eachBlock reads and closes rows, until take is false.
func eachBlock(rows *sql.Rows, room string, take func([]chat.Message) bool) error {
	defer rows.Close()
	var list []chat.Message
	var more sql.RawBytes
	for rows.Next() {
		m := chat.Message{Room: room}
		var ms int64
		if err := rows.Scan(&m.ID, &ms, &m.User, &m.Text, &more); err != nil {
			return err
		}
		m.Time = milliseconds(ms)
		if list = unblock(list[:0], m, more); !take(list) {
			return nil
		}
	}
	return rows.Err()
}

// State returns the accounts and rooms as they are now; before Start nothing
// changes them, so that the tail goes on from there.
func (s *Store) State(ctx context.Context) (state chat.State, err error) {
	// Where that fails, on a full disk, what is in the backlog still comes from there.
	if err := s.writer.applyAll(normal); err != nil && s.Err() != nil {
		return chat.State{}, fmt.Errorf("store: read the state: %w", err)
	}
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return chat.State{}, fmt.Errorf("store: read the state: %w", err)
	}
	defer tx.Rollback()
	place := map[int64]int{} // of a room's id in state.Rooms
	state.Muted = make(map[string]time.Time)
	var (
		name     string
		id, last int64
		more     []byte
		r        chat.RoomState
		at       chat.Position
		taken    = make(lost)
	)
	for _, q := range []struct {
		sql  string
		into []any
		take func()
	}{
		{`SELECT name FROM accounts WHERE NOT removed ORDER BY name`, []any{&name}, func() {
			state.Accounts = append(state.Accounts, name)
		}},
		{`SELECT r.id, r.name, r.maker, r.topic, r.locked, r.said, coalesce(m.id, 0), m.more FROM rooms r LEFT JOIN messages m
			ON m.id = (SELECT max(id) FROM messages WHERE room = r.id) ORDER BY r.id`,
			[]any{&id, &r.Name, &r.Maker, &r.Topic, &r.Locked, &r.Said, &last, &more}, func() {
				place[id] = len(state.Rooms)
				r.LastID = lastOf(last, more)
				state.Rooms = append(state.Rooms, r)
			}},
		{`SELECT room, account FROM members ORDER BY room, account`, []any{&id, &name}, func() {
			r := &state.Rooms[place[id]]
			r.Members = append(r.Members, name)
		}},
		{`SELECT room, account FROM invites ORDER BY room, account`, []any{&id, &name}, func() {
			r := &state.Rooms[place[id]]
			r.Invited = append(r.Invited, name)
		}},
		{`SELECT account, room, seen, read FROM positions`, []any{&at.Account, &id, &at.Seen, &at.Read}, func() {
			at.Room = state.Rooms[place[id]].Name
			state.Positions = append(state.Positions, at)
		}},
		{`SELECT room, id, account FROM gone ORDER BY room, id`, []any{&id, &last, &name}, func() {
			taken.add(state.Rooms[place[id]].Name, last, name)
		}},
		{`SELECT account, until FROM mutes`, []any{&name, &last}, func() { state.Muted[name] = milliseconds(last) }},
	} {
		if err := each(ctx, tx, q.sql, q.into, q.take); err != nil {
			return chat.State{}, fmt.Errorf("store: read the state: %w", err)
		}
	}
	late(&state, s.writer.backlog.view(), s.writer.uncounted())
	taken.leave(&state)
	return state, nil
}

// late brings messages of the backlog into the state: they are the last of their rooms, and
// the first of conversations that are not in the database. Counts are messages of the database that its counters lack.
func late(state *chat.State, list []chat.Entry, own counts) {
	for i := range list {
		e := &list[i]
		at := slices.IndexFunc(state.Rooms, func(r chat.RoomState) bool { return r.Name == e.Room })
		if at < 0 {
			at = len(state.Rooms)
			r := chat.RoomState{Name: e.Room}
			if conversation(e.Room) {
				r.Members = slices.Compact(strings.Split(e.Room[1:], "@"))
			}
			state.Rooms = append(state.Rooms, r)
		}
		state.Rooms[at].LastID = max(state.Rooms[at].LastID, e.ID)
		own[authored{e.Account, e.Room}]++
	}
	said := make(map[string]int)
	for by, n := range own {
		said[by.room] += n
	}
	for i := range state.Rooms {
		state.Rooms[i].Said += said[state.Rooms[i].Name]
	}
	for i := range state.Positions {
		at := &state.Positions[i]
		by := authored{at.Account, at.Room}
		at.Read += own[by]
		delete(own, by)
	}
	for by, n := range own {
		if guest(by.account) {
			continue
		}
		state.Positions = append(state.Positions, chat.Position{Account: by.account, Room: by.room, Read: n})
	}
}

// querier is a transaction or a connection.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each scans every row of a query and calls take after each.
func each(ctx context.Context, on querier, query string, into []any, take func(), args ...any) error {
	rows, err := on.QueryContext(ctx, query, args...)
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
