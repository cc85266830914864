package store_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// TestSignInsDoNotWaitForReaders: with all readers taken by searches, accounts and tokens are read all the same.
func TestSignInsDoNotWaitForReaders(t *testing.T) {
	s := started(t, store.Options{Readers: 1})
	held, err := s.HoldReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.History(ctx, "lobby", chat.Range{Before: math.MaxInt64, Limit: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a reader is free still: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), parleytest.Patience)
	defer cancel()
	if _, err := s.Account(ctx, "nobody"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("an account: %v", err)
	}
	if _, err := s.Token(ctx, [32]byte{}); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("a token: %v", err)
	}
}
