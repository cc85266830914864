package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sparing leaves out lines about connections that are not signed in when there are too many: whoever connects a thousand times a second
// would else fill the disk that messages are kept on. Lines about people who are in are bounded by their rates; failed
// sign-ins, which operators act on, by the hashing; warnings and errors, and these two, are never left out.
type sparing struct {
	slog.Handler
	budget   *logBudget
	stranger bool // the logger is of a session or a connection
	known    bool // and it has signed in
}

// logBudget is what strangers have left. A nil limiter is no limit.
type logBudget struct {
	limiter *rate.Limiter
	log     *slog.Logger // told what was left out

	mu   sync.Mutex
	left int // out, and not told yet
	told time.Time
}

// burstSeconds is how many seconds' lines may come at once.
const burstSeconds = 10

func newLogBudget(perSecond int, log *slog.Logger) *logBudget {
	if perSecond <= 0 {
		return &logBudget{}
	}
	return &logBudget{limiter: rate.NewLimiter(rate.Limit(perSecond), burstSeconds*perSecond), log: log}
}

// spend says whether a line may be written, and how many were left out before it, once a second at most.
func (b *logBudget) spend(now time.Time) (ok bool, left int) {
	if b.limiter == nil {
		return true, 0
	}
	ok = b.limiter.AllowN(now, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !ok {
		b.left++
	}
	if b.left == 0 || now.Sub(b.told) < time.Second {
		return ok, 0
	}
	left, b.left, b.told = b.left, 0, now
	return ok, left
}

// WithAttrs implements slog.Handler.
func (h *sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.Handler = h.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		next.stranger = next.stranger || a.Key == "session" || a.Key == "from"
		next.known = next.known || a.Key == "user"
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *sparing) WithGroup(name string) slog.Handler {
	next := *h
	next.Handler = h.Handler.WithGroup(name)
	return &next
}

// Handle implements slog.Handler.
func (h *sparing) Handle(ctx context.Context, r slog.Record) error {
	if h.known || r.Level > slog.LevelInfo || !h.spared(r) {
		return h.Handler.Handle(ctx, r)
	}
	ok, left := h.budget.spend(time.Now())
	if left > 0 {
		h.budget.log.Warn("lines about strangers were left out", "event", "log.spared", "count", left, "bound", "log-rate")
	}
	if !ok {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// spared says whether the line is about a stranger, and no failed sign-in.
func (h *sparing) spared(r slog.Record) bool {
	stranger, failed := h.stranger, false
	r.Attrs(func(a slog.Attr) bool {
		stranger = stranger || a.Key == "from"
		if a.Key == "event" {
			failed = a.Value.String() == "signin.denied" || a.Value.String() == "signin.throttled"
		}
		return true
	})
	return stranger && !failed
}
