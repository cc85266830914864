package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// TestBeat: the log tells that it goes on, writes nothing for it, and is silent while the tail is stuck.
func TestBeat(t *testing.T) {
	s := open(t, t.TempDir(), store.Options{})
	beat := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		return s.Beat(ctx)
	}
	if err := beat(parleytest.Patience); err != nil {
		t.Errorf("before Start: %v", err)
	}
	stuck, goOn := make(chan struct{}), make(chan struct{})
	s.Start(func(batch []chat.Outcome) {
		for _, o := range batch {
			close(stuck)
			<-goOn
			o.Done(o.Entry, o.Err)
		}
	})
	for range 3 {
		if err := beat(parleytest.Patience); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan chat.Entry, 1)
	s.Append(chat.Entry{Kind: chat.Said, Room: "lobby", Account: "ann", Text: "x"}, func(e chat.Entry, _ error) { answered <- e })
	<-stuck
	for range 2 {
		if err := beat(20 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a stuck log says %v", err)
		}
	}
	close(goOn)
	if e := <-answered; e.ID != 1 {
		t.Errorf("beats were kept: the first message is %d", e.ID)
	}
	if err := beat(parleytest.Patience); err != nil {
		t.Errorf("after it went on: %v", err)
	}
	s.Close()
	if err := beat(parleytest.Patience); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// TestBeatOfNode is the same of a node that follows a stream.
func TestBeatOfNode(t *testing.T) {
	n := startedNode(t, t.Name(), store.Options{})
	ctx, cancel := context.WithTimeout(context.Background(), parleytest.Patience)
	defer cancel()
	for range 3 {
		if err := n.Beat(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
