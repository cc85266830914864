package main

import "golang.org/x/sys/unix"

// hush keeps what is typed off the screen while a sign-in has to wait: it may well be a password, typed for a prompt that is not there yet.
// One goroutine at a time uses it.
type hush struct {
	fd     int
	before *unix.Termios // nil while there is echo
}

// begin turns echo off, where it is on and fd is a terminal that this process has: in the background, setting it would stop the process
// (SIGTTOU, termios(3)). Ctrl-C goes on to interrupt.
func (h *hush) begin() {
	if h.before != nil {
		return
	}
	if front, err := unix.IoctlGetInt(h.fd, unix.TIOCGPGRP); err != nil || front != unix.Getpgrp() {
		return
	}
	now, err := unix.IoctlGetTermios(h.fd, getTermios)
	if err != nil {
		return
	}
	quiet := *now
	quiet.Lflag &^= unix.ECHO
	if unix.IoctlSetTermios(h.fd, setTermiosFlush, &quiet) == nil {
		h.before = now
	}
}

// end gives echo back, and throws away what was typed meanwhile: it must not be taken for something to say.
func (h *hush) end() {
	if h.before != nil {
		unix.IoctlSetTermios(h.fd, setTermiosFlush, h.before)
		h.before = nil
	}
}
