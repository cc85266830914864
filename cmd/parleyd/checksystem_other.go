//go:build !linux

package main

import "golang.org/x/sys/unix"

// holder is not known here.
func holder(string) int { return 0 }

// listens is not known here.
func listens(int, string) bool { return false }

// fileLimit is how many files this process may have open at the most.
func fileLimit(int) (hard uint64, err error) {
	var limit unix.Rlimit
	err = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return limit.Max, err
}

// clockSynced is not known here.
func clockSynced() (synced, known bool) { return false, false }
