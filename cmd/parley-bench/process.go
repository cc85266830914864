package main

import (
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

// mostPID is the kernel's own bound.
const mostPID = 1 << 22

// cpu is the processor time that the process has used, user and system.
func (p process) cpu() (time.Duration, error) {
	if p == 0 {
		return 0, nil
	}
	var used unix.Timespec
	if p < 0 || p > mostPID || unix.ClockGettime(p.clock(), &used) != nil {
		return 0, fmt.Errorf("there is no process %d", p)
	}
	return time.Duration(used.Nano()), nil
}

// clock is the kernel's name for the processor time of all of the process's threads, as clock_getcpuclockid(3) makes it.
// Unlike the times in /proc it does not go by hundredths of a second.
func (p process) clock() int32 { return ^int32(p)<<3 | 2 }

// leastWork is less than anybody can spend on a message that goes through a socket.
const leastWork = 50 * time.Nanosecond

// worked fails where a process cannot be the one that handled so many messages.
func (p process) worked(used time.Duration, messages int64) error {
	if p != 0 && used < time.Duration(messages)*leastWork {
		return fmt.Errorf("process %d did no work: is it the server?", p)
	}
	return nil
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
