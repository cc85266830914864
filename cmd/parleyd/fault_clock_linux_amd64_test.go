package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// movedClock is put in the place of the vDSO's clock_gettime: it asks the kernel, and adds the 8 bytes behind it to the
// seconds of CLOCK_REALTIME, which is number 0. The monotonic clock stays as it is, as when somebody sets the time.
var movedClock = []byte{
	0xb8, 228, 0, 0, 0, // mov eax, 228 (clock_gettime)
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi
	0x75, 10, // jnz ret
	0x48, 0x8b, 0x0d, 6, 0, 0, 0, // mov rcx, [rip+6]
	0x48, 0x01, 0x0e, // add [rsi], rcx
	0xc3,       // ret
	0xcc, 0xcc, // the offset behind it is aligned
}

// clock is the time as one process sees it. No other process notices, and it takes no rights but a parent's.
type clock struct {
	t      *testing.T
	server *parleytest.Server
	offset int64 // address of the seconds to add
}

// takeClock takes hold of the server's clock. Nothing may be going on there yet.
func takeClock(t *testing.T, s *parleytest.Server) *clock {
	t.Helper()
	from, to := mapped(t, s, "[vdso]")
	image := make([]byte, to-from)
	mem := memory(t, s, os.O_RDONLY)
	defer mem.Close()
	if _, err := mem.ReadAt(image, from); err != nil {
		parleytest.Missing(t, "the memory of a child cannot be read: %v", err)
	}
	code := append(bytes.Clone(movedClock), make([]byte, 8)...)
	at := from + room(t, image, "__vdso_clock_gettime", len(code))
	c := &clock{t, s, at + int64(len(movedClock))}
	// A thread that is within the old code would go on in the middle of the new.
	eventually(t, "no thread reads the clock", func() bool {
		c.stop()
		defer s.Cmd.Process.Signal(syscall.SIGCONT)
		if !c.asleep(from, to) {
			return false
		}
		c.write(at, code)
		return true
	})
	return c
}

// jump sets the clock to the true time and this.
func (c *clock) jump(by time.Duration) {
	c.t.Helper()
	c.stop()
	c.write(c.offset, binary.LittleEndian.AppendUint64(nil, uint64(by/time.Second)))
	c.server.Cmd.Process.Signal(syscall.SIGCONT)
}

// stop stops all threads, so that none sees half of what is written.
func (c *clock) stop() {
	c.t.Helper()
	c.server.Cmd.Process.Signal(syscall.SIGSTOP)
	eventually(c.t, "the process stops", func() bool {
		for _, stat := range c.threads("stat") {
			if _, state, _ := strings.Cut(stat, ") "); !strings.HasPrefix(state, "T") {
				return false
			}
		}
		return true
	})
}

// asleep says whether every thread waits in a system call that was not made between the two addresses.
func (c *clock) asleep(from, to int64) bool {
	for _, line := range c.threads("syscall") {
		f := strings.Fields(line)
		var pc int64
		if len(f) < 3 || f[0] == "-1" {
			return false
		}
		if _, err := fmt.Sscanf(f[len(f)-1], "0x%x", &pc); err != nil || pc >= from && pc < to {
			return false
		}
	}
	return true
}

// threads reads a file of each thread's directory in /proc.
func (c *clock) threads(file string) (contents []string) {
	c.t.Helper()
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/%s", c.server.Cmd.Process.Pid, file))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended since
		}
		if err != nil {
			parleytest.Missing(c.t, "a child's threads cannot be looked at: %v", err)
		}
		contents = append(contents, string(b))
	}
	return contents
}

func (c *clock) write(at int64, b []byte) {
	c.t.Helper()
	mem := memory(c.t, c.server, os.O_WRONLY)
	defer mem.Close()
	if _, err := mem.WriteAt(b, at); err != nil {
		parleytest.Missing(c.t, "the memory of a child cannot be written: %v", err)
	}
}

func memory(t *testing.T, s *parleytest.Server, flag int) *os.File {
	t.Helper()
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", s.Cmd.Process.Pid), flag, 0)
	if err != nil {
		parleytest.Missing(t, "the memory of a child cannot be opened: %v", err)
	}
	return f
}

// mapped is where a part of the process's memory begins and ends.
func mapped(t *testing.T, s *parleytest.Server, name string) (from, to int64) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", s.Cmd.Process.Pid))
	if err != nil {
		parleytest.Missing(t, "a child's memory cannot be looked at: %v", err)
	}
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(line, name+"\n") {
			if _, err := fmt.Sscanf(line, "%x-%x ", &from, &to); err == nil {
				return from, to
			}
		}
	}
	parleytest.Missing(t, "the process has no %s", name)
	return 0, 0
}

// room is the offset of a function in the image of a library, where it is of n bytes at least.
func room(t *testing.T, image []byte, function string, n int) int64 {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == function && s.Size >= uint64(n) && s.Value%8 == 0 {
			return int64(s.Value)
		}
	}
	parleytest.Missing(t, "the vDSO has no %s of %d bytes", function, n)
	return 0
}
