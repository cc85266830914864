//go:build !linux

package server

import "syscall"

// sendNow writes what the socket takes of b, which is not empty.
func sendNow(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }

// receiveNow reads what the socket has into b, which is not empty; 0 is the stream's end.
func receiveNow(fd uintptr, b []byte) (int, error) { return syscall.Read(int(fd), b) }
