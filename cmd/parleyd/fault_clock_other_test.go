//go:build !(linux && amd64)

package main

import (
	"testing"
	"time"

	"parley/internal/parleytest"
)

type clock struct{}

func takeClock(t *testing.T, _ *parleytest.Server) *clock {
	t.Helper()
	parleytest.Missing(t, "the clock of one process alone is moved by machine code, and that is for Linux on amd64")
	return nil
}

func (*clock) jump(time.Duration) {}
