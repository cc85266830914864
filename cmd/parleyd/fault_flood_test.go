package main

import (
	"fmt"
	"os"
	"testing"

	"parley/internal/parleytest"
)

// few file descriptors more or less are the database's connections, opened when they are needed.
const few = 24

// descriptors is how many files and sockets the server has open.
func descriptors(t *testing.T, s *parleytest.Server) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid))
	if err != nil {
		parleytest.Missing(t, "there is no /proc to count a process's files in: %v", err)
	}
	return len(list)
}
