package main

import "golang.org/x/sys/unix"

// See termios(3): TCSAFLUSH.
const (
	getTermios      = unix.TCGETS
	setTermiosFlush = unix.TCSETSF
)
