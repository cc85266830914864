//go:build !linux

package main

// yield does nothing: there is no priority of a thread.
func yield() {}
