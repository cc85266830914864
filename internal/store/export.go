package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"parley/internal/chat"
)

// ErrNoRoom: there is no room or conversation of this name.
var ErrNoRoom = errors.New("there is no such room")

// exportMost is how many messages are read at once. No transaction is held in between, so that whoever takes them slowly holds nobody up.
const exportMost = maxRead

// Export calls take with every message of a room in the database in dir, oldest first, from a time on and before another; a zero
// time is no bound. This or another process may write to it meanwhile. What Settle has seen to is there.
func Export(ctx context.Context, dir, room string, since, until time.Time, take func(chat.Message) error) error {
	path, err := databasePath(dir)
	if err != nil {
		return err
	}
	var q queries
	db, err := openReaders(ctx, path, 1, q.table())
	if err != nil {
		return fmt.Errorf("store: export: %w", err)
	}
	defer db.Close()
	var id int64
	if ok, err := found(q.room.QueryRowContext(ctx, room), &id); err != nil {
		return fmt.Errorf("store: export: %w", err)
	} else if !ok {
		return ErrNoRoom
	}
	for r := (chat.Range{Before: 1<<63 - 1, Limit: exportMost}); ; {
		list, err := readRange(ctx, q.history, room, r)
		if err != nil {
			return fmt.Errorf("store: export: %w", err)
		}
		for _, m := range list {
			r.After = m.ID
			if m.Time.Before(since) {
				continue
			}
			if !until.IsZero() && !m.Time.Before(until) {
				return nil
			}
			if err := take(m); err != nil {
				return err
			}
		}
		if len(list) < r.Limit {
			return nil
		}
	}
}

// readRange reads a range of a room's messages in the database.
func readRange(ctx context.Context, history *sql.Stmt, room string, r chat.Range) (list []chat.Message, err error) {
	// The first row may be a block that ends before the range begins.
	rows, err := history.QueryContext(ctx, room, r.After, r.Before, r.Limit+1)
	if err != nil {
		return nil, err
	}
	err = eachBlock(rows, room, func(block []chat.Message) bool {
		list = append(list, within(block, r)...)
		return len(list) < r.Limit
	})
	return list[:min(len(list), r.Limit)], err
}
