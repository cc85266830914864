package store

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Stats are how a store is. Bytes of a file that is not there are 0.
type Stats struct {
	Queue, MaxQueue     int    // writes that wait to be durable; beyond how many others are told chat.ErrUnavailable
	Backlog, MaxBacklog int    // messages in the journal that the database has not; beyond how many others wait
	Journal             int64  // bytes of the journal in use
	JournalFile         int64  // bytes that are allocated for it
	Database, WAL       int64  // bytes of these files
	Free                uint64 // bytes that the disk has for this user
	Failing             bool   // the database takes no writes now: its disk is full, say
	Applied             uint64 // in a cluster: sequence of the last entry of the stream that the tables have
}

// Stats looks. It asks the file system, and nothing that a write could hold up.
func (s *Store) Stats() Stats {
	w := s.writer
	st := Stats{
		Queue: s.queued(), MaxQueue: s.opts.Queue,
		Backlog: len(w.backlog.view()), MaxBacklog: backlogMax,
		Journal: w.recorded.Load(), JournalFile: size(filepath.Join(filepath.Dir(w.path), journalName)),
		Database: size(w.path), WAL: size(w.path + "-wal"),
		Failing: w.lagging.Load() || w.Err() != nil,
	}
	if f := s.follower; f != nil {
		st.Applied, _ = f.at()
		st.Queue = f.unanswered()
	}
	var disk unix.Statfs_t
	if unix.Statfs(filepath.Dir(w.path), &disk) == nil {
		st.Free = uint64(disk.Bavail) * uint64(disk.Bsize)
	}
	return st
}

func (s *Store) queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// unanswered is how many appends are.
func (f *follower) unanswered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting)
}

// kept notes what was kept at once.
func (w *writer) kept(entries int, took time.Duration) {
	if w.journal != nil {
		w.recorded.Store(w.journal.end)
	}
	if w.opts.Kept != nil {
		w.opts.Kept(entries, took)
	}
}
