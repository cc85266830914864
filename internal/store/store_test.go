package store_test

import (
	"context"
	"testing"
	"time"

	"parley/auth"
	"parley/auth/authtest"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/store"
	"parley/internal/store/storetest"
)

func open(t testing.TB, dir string, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// started opens a store in a new directory, with a tail that does nothing.
func started(t testing.TB, opts store.Options) *store.Store {
	t.Helper()
	s := open(t, t.TempDir(), opts)
	s.Start(chattest.Each(func(chat.Entry) {}))
	return s
}

func TestLog(t *testing.T) {
	t.Parallel()
	storetest.TestLog(t, func(t *testing.T, dir string) storetest.Log { return open(t, dir, store.Options{}) })
}

func TestAuthStore(t *testing.T) {
	// The suite's tokens expire in March 2026.
	now := func() time.Time { return time.Date(2026, 3, 4, 6, 0, 0, 0, time.UTC) }
	authtest.TestStore(t, func(t *testing.T) auth.Store { return started(t, store.Options{Now: now}) })
}
