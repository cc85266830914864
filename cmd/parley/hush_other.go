//go:build !linux

package main

import "golang.org/x/sys/unix"

// See termios(4) of the BSDs and macOS.
const (
	getTermios      = unix.TIOCGETA
	setTermiosFlush = unix.TIOCSETAF
)
