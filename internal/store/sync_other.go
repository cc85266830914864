//go:build !linux

package store

import "os"

// A syncer writes to a file and waits until that is durable.
type syncer struct{ file *os.File }

func newSyncer(f *os.File) *syncer { return &syncer{file: f} }

// write writes b at an offset and returns when it is durable. After an error nobody knows what is there.
func (s *syncer) write(b []byte, at int64) error {
	if _, err := s.file.WriteAt(b, at); err != nil {
		return notWritten(err)
	}
	return s.file.Sync()
}

func (s *syncer) close() {}
