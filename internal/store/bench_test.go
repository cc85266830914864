package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/store"
)

// BenchmarkAppend measures the whole way from Append to done on this disk, in
// messages of 64 bytes.
func BenchmarkAppend(b *testing.B) {
	texts := make([]string, 1000)
	for i := range texts {
		texts[i] = fmt.Sprintf("%-64.64s", fmt.Sprintf("word%d is said by the one who came after word%d and not before", i, i*7%1000))
	}
	for _, c := range []struct {
		name          string
		flight, rooms int
		keys          bool
	}{
		{"lone", 1, 1, false},
		{"256", 256, 1, false},
		{"256-keys", 256, 1, true},
		{"256-rooms", 256, 100, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := started(b, store.Options{})
			window := make(chan struct{}, c.flight)
			done := func(_ chat.Entry, err error) {
				if err != nil {
					b.Error(err)
				}
				<-window
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e := chat.Entry{Kind: chat.Said, Account: "alice", Room: "lobby", Text: texts[i%len(texts)]}
				if c.rooms > 1 {
					e.Room = fmt.Sprint("room", i%c.rooms)
				}
				if c.keys {
					e.Key, e.KeyOwner = fmt.Sprint("key", i), "alice"
				}
				window <- struct{}{}
				s.Append(e, done)
			}
			for range c.flight {
				window <- struct{}{}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// filled returns a store with n messages of 8 words, a tenth of them in the lobby.
func filled(b *testing.B, n int) *store.Store {
	s := started(b, store.Options{Queue: n + 1})
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		words := make([]string, 8)
		for j := range words {
			// Squared: a few words are common, most are rare.
			f := rnd.Float64()
			words[j] = fmt.Sprint("word", int(f*f*20000))
		}
		e := chat.Entry{Kind: chat.Said, Account: "alice", Room: "lobby", Text: strings.Join(words, " ")}
		if i%10 != 0 {
			e.Room = fmt.Sprint("room", i%97)
		}
		s.Append(e, func(chat.Entry, error) {})
	}
	last := make(chan struct{})
	s.Append(chat.Entry{Kind: chat.Said, Account: "a", Room: "lobby", Text: "last"}, func(chat.Entry, error) { close(last) })
	<-last
	return s
}

func BenchmarkReads(b *testing.B) {
	s := filled(b, 100_000)
	ctx := b.Context()
	for _, c := range []struct {
		name string
		read func() ([]chat.Message, error)
	}{
		{"History500", func() ([]chat.Message, error) {
			return s.History(ctx, "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
		}},
		{"FindCommon", func() ([]chat.Message, error) { return s.Find(ctx, "lobby", []string{"word0"}, 50) }},
		{"FindRare", func() ([]chat.Message, error) { return s.Find(ctx, "lobby", []string{"word15000"}, 50) }},
		{"FindTwo", func() ([]chat.Message, error) { return s.Find(ctx, "lobby", []string{"word0", "word1"}, 50) }},
		{"FindNone", func() ([]chat.Message, error) { return s.Find(ctx, "lobby", []string{"nothing"}, 50) }},
		{"FindScan", func() ([]chat.Message, error) { return s.Find(ctx, "lobby", []string{"!!!"}, 50) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
