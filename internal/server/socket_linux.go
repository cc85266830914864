package server

import (
	"syscall"
	"unsafe"
)

// Reading from a socket that has nothing, or writing to one that is full, returns at once. So neither is
// announced to the scheduler as a call that may wait (RawSyscall): an announced one wakes the thread that watches
// for long calls, which then looks every 20 µs for some milliseconds. On a server that has something to do every
// millisecond that was a seventh of its work.

// sendNow writes what the socket takes of b, which is not empty.
func sendNow(fd uintptr, b []byte) (int, error) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}

// receiveNow reads what the socket has into b, which is not empty; 0 is the stream's end.
func receiveNow(fd uintptr, b []byte) (int, error) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		syscall.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
