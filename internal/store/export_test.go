package store

import (
	"context"
	"database/sql"
	"time"
)

// HoldReader takes one of the connections that read for all but signing in; closing it gives it back.
func (s *Store) HoldReader(ctx context.Context) (*sql.Conn, error) { return s.reads.Conn(ctx) }

// DropOld drops what Options.Keep says is too old, by Options.Now, however far that has jumped.
func (s *Store) DropOld(ctx context.Context) error {
	k := &keeper{s: s, rest: 1, clock: keepClock{at: s.opts.Now(), since: time.Now()}}
	return k.drop(ctx)
}
