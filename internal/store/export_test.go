package store

import (
	"context"
	"database/sql"
)

// HoldReader takes one of the connections that read for all but signing in; closing it gives it back.
func (s *Store) HoldReader(ctx context.Context) (*sql.Conn, error) { return s.reads.Conn(ctx) }
