package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// journal is a handler whose lines begin with their level as journald and syslog have it (sd-daemon(3)): journald takes that off and filters by it.
type journal struct {
	slog.Handler // writes each record by one Write to the same leveled
	to           *leveled
}

// leveled puts a level before what is written.
type leveled struct {
	io.Writer
	mu     sync.Mutex
	prefix string // of the record being written
}

// Write implements io.Writer. It is called by the handler, under mu.
func (l *leveled) Write(line []byte) (int, error) {
	if _, err := l.Writer.Write(append([]byte(l.prefix), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Handle implements slog.Handler.
func (j *journal) Handle(ctx context.Context, r slog.Record) error {
	j.to.mu.Lock()
	defer j.to.mu.Unlock()
	switch {
	case r.Level >= slog.LevelError:
		j.to.prefix = "<3>"
	case r.Level >= slog.LevelWarn:
		j.to.prefix = "<4>"
	case r.Level >= slog.LevelInfo:
		j.to.prefix = "<6>"
	default:
		j.to.prefix = "<7>"
	}
	return j.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (j *journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journal{j.Handler.WithAttrs(attrs), j.to}
}

// WithGroup implements slog.Handler.
func (j *journal) WithGroup(name string) slog.Handler {
	return &journal{j.Handler.WithGroup(name), j.to}
}
