package store_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
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
func filled(b *testing.B, dir string, n int) *store.Store {
	s := open(b, dir, store.Options{})
	s.Start(chattest.Each(func(chat.Entry) {}))
	rnd := rand.New(rand.NewPCG(1, 2))
	window := make(chan struct{}, 1000)
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
		window <- struct{}{}
		s.Append(e, func(_ chat.Entry, err error) {
			if err != nil {
				b.Error(err)
			}
			<-window
		})
	}
	for range cap(window) {
		window <- struct{}{}
	}
	return s
}

// BenchmarkReads reads from 100,000 messages; with PARLEY_SOAK=1 from 5 million, and opens a database of so many.
func BenchmarkReads(b *testing.B) {
	dir := b.TempDir()
	n := soak(100_000, 5_000_000)
	s := filled(b, dir, n)
	ctx := b.Context()
	whole := b // closes what is open after all of them
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			s = open(whole, dir, store.Options{})
			if _, err := s.State(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, c := range []struct {
		name string
		read func() ([]chat.Message, error)
	}{
		{"History500", func() ([]chat.Message, error) {
			return s.History(ctx, "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
		}},
		{"HistoryOld500", func() ([]chat.Message, error) {
			return s.History(ctx, "lobby", chat.Range{After: int64(n / 2), Before: math.MaxInt64, Limit: 500})
		}},
		{"Newest500", func() ([]chat.Message, error) {
			id, err := s.Newest(ctx, "lobby", math.MaxInt64, 500)
			if err != nil {
				return nil, err
			}
			return s.History(ctx, "lobby", chat.Range{After: id - 1, Before: math.MaxInt64, Limit: 500})
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

// BenchmarkSeen moves read positions in a room of 10,000 messages: from nothing to the last one, by one message
// after the other, from nothing half way, in parts, and that of 64 accounts at once. For comparison, another write (a topic), and counting what is
// unread from the messages.
func BenchmarkSeen(b *testing.B) {
	const n, every = 100_000, 10
	s := filled(b, b.TempDir(), n)
	write := func(e chat.Entry) chat.Entry {
		done := make(chan chat.Entry, 1)
		s.Append(e, func(e chat.Entry, err error) {
			if err != nil {
				b.Error(err)
			}
			done <- e
		})
		return <-done
	}
	readers := 0
	upTo := func(id int64) func() {
		return func() {
			readers++
			account := fmt.Sprint("reader", readers)
			for at := int64(0); at < id && !b.Failed(); {
				at = write(chat.Entry{Kind: chat.Seen, Account: account, Room: "lobby", Message: id}).Message
			}
		}
	}
	next := int64(1)
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"Last", upTo(n - every + 1)},
		{"Step", func() {
			next += every
			write(chat.Entry{Kind: chat.Seen, Account: "bob", Room: "lobby", Message: next})
		}},
		{"Half", upTo(n/2 + 1)},
		{"Last64", func() {
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					write(chat.Entry{Kind: chat.Seen, Account: fmt.Sprint("reader", readers+i), Room: "lobby", Message: n - every + 1})
				})
			}
			wg.Wait()
			readers += 64
		}},
		{"Topic", func() { write(chat.Entry{Kind: chat.TopicSet, Account: "alice", Room: "lobby", Text: "what is new"}) }},
		{"Counting", func() {
			for r := (chat.Range{Before: math.MaxInt64, Limit: 500}); ; {
				list, err := s.History(b.Context(), "lobby", r)
				if err != nil || len(list) == 0 {
					return
				}
				r.After = list[len(list)-1].ID
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.do()
			}
		})
	}
}

// BenchmarkResume spends a token and confirms that session, as everybody does at once after a restart.
func BenchmarkResume(b *testing.B) {
	s := started(b, store.Options{})
	ctx := b.Context()
	const people = 2000
	token := func(account, n int) auth.Token {
		return auth.Token{
			Hash: sha256.Sum256(fmt.Append(nil, account, " ", n)), Account: fmt.Sprint("user", account), Family: fmt.Sprint("family", account),
			Session: fmt.Sprint("session", account, "-", n), Room: "lobby", Expires: time.Now().Add(time.Hour),
		}
	}
	each := func(do func(account int) error) {
		var wg sync.WaitGroup
		for from := range 100 {
			wg.Go(func() {
				for account := from; account < people; account += 100 {
					if err := do(account); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	each(func(account int) error { return s.IssueToken(ctx, token(account, 0)) })
	n := 0
	for b.Loop() {
		n++
		each(func(account int) error {
			spent, err := s.Token(ctx, token(account, n-1).Hash)
			if err != nil {
				return err
			}
			next := token(account, n)
			if err := s.SpendToken(ctx, spent, next); err != nil {
				return err
			}
			return s.ConfirmSession(ctx, next.Session)
		})
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(n*people), "µs/resume")
}
