package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is the server's, where its pid was given; 0 is none, and has no figures.
type process int

// clockTick is the unit of times in /proc; Linux has had no other for decades.
const clockTick = 10 * time.Millisecond

// cpu is the processor time that the process has used.
func (p process) cpu() (time.Duration, error) {
	if p == 0 {
		return 0, nil
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(int(p)), "stat"))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may hold anything.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is not understood", p)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat is not understood", p)
	}
	return time.Duration(user+system) * clockTick, nil
}

// memory is what the process holds, in KiB.
type memory struct{ rss, pss int64 }

func (p process) memory() (m memory, err error) {
	if p == 0 {
		return m, nil
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(int(p)), "smaps_rollup"))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		switch name {
		case "Rss":
			m.rss = kib
		case "Pss":
			m.pss = kib
		}
	}
	return m, nil
}

// ownCPU is the processor time of this program.
func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
