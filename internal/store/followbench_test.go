package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/store"
)

// BenchmarkFollow has one node append messages, so many at once, and another follow: how many come to both in a second.
func BenchmarkFollow(b *testing.B) {
	for _, flight := range []int{1, 64, 1000} {
		b.Run(fmt.Sprint(flight, "-in-flight"), func(b *testing.B) {
			name := streamOf(b.TempDir())
			from, to := startedNode(b, name, store.Options{Log: quiet}), openNode(b, b.TempDir(), name, store.Options{Log: quiet})
			came := make(chan struct{}, 1<<20)
			to.Start(chattest.Each(func(chat.Entry) { came <- struct{}{} }))
			window := make(chan struct{}, flight)
			n := 0
			for i := 0; b.Loop(); i++ {
				window <- struct{}{}
				n++
				from.Append(manyWords(i), func(_ chat.Entry, err error) {
					if err != nil {
						b.Error(err)
					}
					<-window
				})
			}
			for range n {
				<-came
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// manyWords is a message of eight words, in one of 30 rooms.
func manyWords(i int) chat.Entry {
	rnd := rand.New(rand.NewPCG(uint64(i), 1))
	words := make([]string, 8)
	for j := range words {
		f := rnd.Float64()
		words[j] = fmt.Sprint("word", int(f*f*20000))
	}
	e := chat.Entry{Kind: chat.Said, Account: "alice", Room: "lobby", Text: strings.Join(words, " ")}
	if i%3 > 0 {
		e.Room = chat.Conversation("alice", fmt.Sprint("bob", i%30))
	}
	return e
}

// BenchmarkCatchUp fills a new node from a stream of 100,000 messages.
func BenchmarkCatchUp(b *testing.B) {
	n := soak(100_000, 1_000_000)
	name := streamOf(b.TempDir())
	from := startedNode(b, name, store.Options{Log: quiet})
	window := make(chan struct{}, 1000)
	for i := range n {
		window <- struct{}{}
		e := manyWords(i)
		e.Recheck = true
		if i%2 == 0 {
			e.Key, e.KeyOwner = fmt.Sprint("key", i), e.Account
		}
		from.Append(e, func(_ chat.Entry, err error) {
			if err != nil {
				b.Error(err)
			}
			<-window
		})
	}
	for range cap(window) {
		window <- struct{}{}
	}
	s := openStream(b, name, 0)
	for b.Loop() {
		began := time.Now()
		to, err := store.Open(b.Context(), b.TempDir(), store.Options{Stream: s, Log: quiet})
		if err == nil {
			err = to.CatchUp(b.Context(), func(uint64, uint64) {})
		}
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "msgs/s")
		if err := to.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
