package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// holder is a process, other than this one, that has a file open; 0 is none, or none that this user may look at.
func holder(name string) (pid int) {
	want, err := os.Stat(name)
	if err != nil {
		return 0
	}
	opened, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range opened {
		if is, err := os.Stat(fd); err == nil && os.SameFile(is, want) {
			pid, _ = strconv.Atoi(strings.Split(fd, "/")[2])
			if pid != os.Getpid() {
				return pid
			}
		}
	}
	return 0
}

// listens says whether a process listens on the port of addr.
func listens(pid int, addr string) bool {
	inodes := make(map[string]bool)
	for _, table := range []string{"tcp", "tcp6"} {
		for _, inode := range listenersIn(fmt.Sprintf("/proc/%d/net/%s", pid, table), portOf(addr)) {
			inodes["socket:["+inode+"]"] = true
		}
	}
	opened, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range opened {
		if to, err := os.Readlink(fd); err == nil && inodes[to] {
			return true
		}
	}
	return false
}

// listenersIn are the inodes of the sockets that listen on a port, by one of the kernel's tables (proc(5), /proc/net/tcp).
func listenersIn(table, port string) (inodes []string) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	const local, state, inode, listening = 1, 3, 9, "0A"
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) <= inode || fields[state] != listening {
			continue
		}
		_, hex, _ := strings.Cut(fields[local], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && strconv.FormatUint(n, 10) == port {
			inodes = append(inodes, fields[inode])
		}
	}
	return inodes
}

// fileLimit is how many files a process, or for 0 this one, may have open at the most.
func fileLimit(pid int) (hard uint64, err error) {
	var limit unix.Rlimit
	err = unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit)
	return limit.Max, err
}

// clockSynced says whether the kernel's clock is kept by others', as NTP does.
func clockSynced() (synced, known bool) {
	var t unix.Timex
	_, err := unix.Adjtimex(&t)
	return t.Status&unix.STA_UNSYNC == 0, err == nil
}
