package store_test

import (
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/store"
)

// TestStats: what is kept is told, and where it is can be seen.
func TestStats(t *testing.T) {
	entries := 0 // the sequencer's, until it has ended
	dir := t.TempDir()
	s := open(t, dir, store.Options{Queue: 100, Kept: func(n int, took time.Duration) {
		entries += n
		if n == 0 || took <= 0 {
			t.Errorf("%d entries in %v", n, took)
		}
	}})
	s.Start(func(batch []chat.Outcome) {
		for _, o := range batch {
			if o.Since.IsZero() || time.Since(o.Since) > time.Hour {
				t.Errorf("appended at %v", o.Since)
			}
			o.Done(o.Entry, o.Err)
		}
	})
	var all sync.WaitGroup
	for range 20 {
		all.Add(1)
		s.Append(chat.Entry{Kind: chat.Said, Account: "alice", Room: chat.Lobby, Text: "hello"}, func(chat.Entry, error) { all.Done() })
	}
	all.Wait()
	st := s.Stats()
	if st.Queue != 0 || st.MaxQueue != 100 || st.Backlog > 20 || st.Failing || st.Free == 0 || st.Database == 0 || st.WAL == 0 || st.JournalFile < 8<<20 ||
		st.Journal < 20*8 || st.Journal > 20*100 {
		t.Errorf("%+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if entries != 20 {
		t.Errorf("%d entries were told of", entries)
	}
	if st = s.Stats(); st.Journal > 20*100 || st.JournalFile != 0 || st.Queue != 0 || st.Database == 0 {
		t.Errorf("closed: %+v", st)
	}
}
