package main

import (
	"fmt"
	"os"
	"syscall"
)

// toJournal says whether standard error is a stream of systemd's journal, which tells its device and inode (systemd.exec(5), JOURNAL_STREAM).
func toJournal() bool {
	info, err := os.Stderr.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
