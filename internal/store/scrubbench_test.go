package store_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/store"
)

// BenchmarkTakeBack takes messages back, scrub included, from a database of 100,000 messages; with PARLEY_SOAK=1 from one of a million.
// The first one after a start looks at all pages.
func BenchmarkTakeBack(b *testing.B) {
	n := soak(100_000, 1_000_000)
	dir := b.TempDir()
	s := filled(b, dir, n)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	s = open(b, dir, store.Options{})
	s.Start(func(all []chat.Outcome) {
		for _, o := range all {
			o.Done(o.Entry, o.Err)
		}
	})
	ctx := b.Context()
	rnd := rand.New(rand.NewPCG(3, 4))
	timed := func(what string, do func()) {
		begun := time.Now()
		do()
		b.Logf("%s: %v", what, time.Since(begun))
	}
	takeBack := func(id int64) {
		m, ok, err := s.Message(ctx, id)
		if err != nil || !ok {
			b.Fatal(id, ok, err)
		}
		if _, err := try(b, s, chat.Entry{Kind: chat.Gone, Account: m.User, User: m.User, Room: m.Room, Message: id}); err != nil {
			b.Fatal(err)
		}
	}
	any := func() int64 { return 1 + rnd.Int64N(int64(n)) }
	timed("the first", func() { takeBack(any()) })
	timed("its scrub", func() { scrubAll(b, ctx, s) })
	timed("the second", func() { takeBack(any()) })
	timed("its scrub", func() { scrubAll(b, ctx, s) })
	b.Run("Gone", func(b *testing.B) {
		for b.Loop() {
			takeBack(any())
		}
	})
	scrubAll(b, ctx, s)
	b.Run("GoneAndScrub", func(b *testing.B) {
		for b.Loop() {
			takeBack(any())
			scrubAll(b, ctx, s)
		}
	})
	b.Run("Message", func(b *testing.B) {
		for b.Loop() {
			if _, ok, err := s.Message(ctx, any()); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("NoMessage", func(b *testing.B) {
		for b.Loop() {
			if _, ok, err := s.Message(ctx, int64(n)+100000); ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
}

func scrubAll(b *testing.B, ctx context.Context, s *store.Store) {
	if err := s.Scrub(ctx); err != nil {
		b.Fatal(err)
	}
}
