package store

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A syncer writes to a file and waits until that is durable, without a thread that
// waits in the kernel: it has the sync done by the kernel's own worker (io_submit(2)), and a file
// descriptor that becomes readable says when. A blocking fdatasync would have Go's scheduler look
// every 20 µs, for milliseconds after each, whether a processor must be taken away from it; on
// a server of one processor that is a seventh of all its work. For the same reason the
// calls that cannot wait are not announced to the scheduler (RawSyscall).
//
// Where the kernel, or a sandbox, has no such calls, fdatasync is used after all.
type syncer struct {
	file    *os.File
	context uintptr // of io_setup; 0: fdatasync
	event   *os.File
	raw     syscall.RawConn
	request iocb
	pending *iocb
	word    [8]byte // what is read from event
	readErr error
	read    func(fd uintptr) bool // s.readEvent, made once
}

// iocb is struct iocb of linux/aio_abi.h, for little-endian machines.
type iocb struct {
	_      [2]uint64 // data; key and flags of reads and writes
	opcode uint16
	_      int16 // priority
	fd     uint32
	_      [4]uint64 // buffer, bytes, offset, reserved
	flags  uint32
	signal uint32 // the event's descriptor
}

// ioEvent is struct io_event of linux/aio_abi.h.
type ioEvent struct {
	_      [2]uint64 // data, object
	result int64
	_      int64
}

const (
	iocbFdsync = 3 // IOCB_CMD_FDSYNC
	iocbEvent  = 1 // IOCB_FLAG_RESFD
)

func newSyncer(f *os.File) *syncer {
	s := &syncer{file: f}
	s.request.fd = uint32(f.Fd())
	if unsafe.Sizeof(uintptr(0)) != 8 || !littleEndian {
		return s
	}
	if _, _, e := unix.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&s.context)), 0); e != 0 {
		s.context = 0
		return s
	}
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err == nil {
		s.event = os.NewFile(uintptr(fd), "eventfd")
		s.raw, err = s.event.SyscallConn()
	}
	if err != nil {
		s.close()
		return s
	}
	s.request = iocb{opcode: iocbFdsync, fd: uint32(f.Fd()), flags: iocbEvent, signal: uint32(fd)}
	s.pending, s.read = &s.request, s.readEvent
	return s
}

var littleEndian = func() bool { one := uint16(1); return *(*byte)(unsafe.Pointer(&one)) == 1 }()

// write writes b at an offset and returns when it is durable. After an error nobody knows what is there.
func (s *syncer) write(b []byte, at int64) error {
	if s.context == 0 {
		if _, err := s.file.WriteAt(b, at); err != nil {
			return notWritten(err)
		}
		return unix.Fdatasync(int(s.request.fd))
	}
	for len(b) > 0 {
		n, _, e := unix.RawSyscall6(unix.SYS_PWRITE64, uintptr(s.request.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(at), 0, 0)
		switch {
		case e == unix.EINTR:
		case e != 0:
			return notWritten(e)
		default:
			b, at = b[n:], at+int64(n)
		}
	}
	return s.sync()
}

func (s *syncer) sync() error {
	if _, _, e := unix.RawSyscall(unix.SYS_IO_SUBMIT, s.context, 1, uintptr(unsafe.Pointer(&s.pending))); e != 0 {
		if e != unix.EAGAIN && e != unix.EINVAL {
			return e
		}
		return unix.Fdatasync(int(s.request.fd)) // this file system knows no other way
	}
	if err := s.raw.Read(s.read); err != nil {
		return err
	}
	if s.readErr != nil {
		return s.readErr
	}
	var done ioEvent
	n, _, e := unix.RawSyscall6(unix.SYS_IO_GETEVENTS, s.context, 1, 1, uintptr(unsafe.Pointer(&done)), 0, 0)
	runtime.KeepAlive(s)
	switch {
	case e != 0:
		return e
	case n != 1:
		return errors.New("the kernel lost a sync")
	case done.result < 0:
		return syscall.Errno(-done.result)
	}
	return nil
}

// readEvent is false while the sync is under way.
func (s *syncer) readEvent(fd uintptr) bool {
	_, _, e := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&s.word)), uintptr(len(s.word)))
	if e == unix.EAGAIN || e == unix.EINTR {
		return false
	}
	s.readErr = nil
	if e != 0 {
		s.readErr = e
	}
	return true
}

// close gives back what newSyncer took, but not the file.
func (s *syncer) close() {
	if s.context != 0 {
		unix.Syscall(unix.SYS_IO_DESTROY, s.context, 0, 0)
		s.context = 0
	}
	if s.event != nil {
		s.event.Close()
	}
}
