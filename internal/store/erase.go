package store

import (
	"context"

	"parley/internal/chat"
)

// Message implements chat.Log.
func (s *Store) Message(ctx context.Context, id int64) (m chat.Message, found bool, err error) {
	return chat.Message{}, false, nil
}

// Scrub implements chat.Log.
func (s *Store) Scrub(ctx context.Context) error { return nil }
