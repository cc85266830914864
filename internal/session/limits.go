package session

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/protocol"
)

// Rate is a sustained rate per second with a burst above it. PerSecond 0 is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

func (r Rate) limiter() *rate.Limiter {
	if r.PerSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), max(r.Burst, 1))
}

// cost says which rate a command spends.
type cost uint8

const (
	free    cost = iota // none
	command             // --command-rate
	message             // --msg-rate
	bytes               // --byte-rate, spent by every line
	costs
)

// allowance is what one account (or one guests' address) may spend over all
// its sessions and transports.
type allowance struct {
	rates [costs]*rate.Limiter
	users int // sessions that hold it; under limits.mu
}

// limits are the allowances by account. An allowance outlives its last session
// until it is full again, so that signing in anew wins nothing.
type limits struct {
	rates [costs]Rate

	mu    sync.Mutex
	by    map[string]*allowance
	sweep int // number of allowances at which the full ones are let go
}

// sweepFrom is the number of allowances below which sweeping is not worth it.
const sweepFrom = 1024

func newLimits(rates [costs]Rate) *limits {
	rates[bytes].Burst = max(rates[bytes].Burst, protocol.MaxLine) // or no line would ever fit
	return &limits{rates: rates, by: make(map[string]*allowance), sweep: sweepFrom}
}

// hold returns the allowance of key for a session; drop gives it back.
func (l *limits) hold(key string) *allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.by[key]
	if a == nil {
		if len(l.by) >= l.sweep {
			l.letGo()
		}
		a = &allowance{}
		for c, r := range l.rates {
			a.rates[c] = r.limiter()
		}
		l.by[key] = a
	}
	a.users++
	return a
}

func (l *limits) drop(a *allowance) {
	l.mu.Lock()
	a.users--
	l.mu.Unlock()
}

// letGo forgets allowances that nobody uses and that a new one would not differ from.
func (l *limits) letGo() {
	now := time.Now()
	for key, a := range l.by {
		if a.users == 0 && a.full(now) {
			delete(l.by, key)
		}
	}
	l.sweep = max(2*len(l.by), sweepFrom)
}

func (a *allowance) full(now time.Time) bool {
	for _, r := range a.rates {
		if r.Limit() != rate.Inf && r.TokensAt(now) < float64(r.Burst()) {
			return false
		}
	}
	return true
}

// spend takes one token of c, or says how long until there is one.
func (a *allowance) spend(c cost, now time.Time) (wait time.Duration) {
	r := a.rates[c].ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// spendBytes takes n bytes, which came whether they were allowed or not: the
// allowance may be in debt. It says how long until the debt is paid, and
// whether it has grown beyond another burst: the peer is flooding.
func (a *allowance) spendBytes(n int, now time.Time) (wait time.Duration, flood bool) {
	r := a.rates[bytes]
	for n > 0 && r.Limit() != rate.Inf {
		part := min(n, r.Burst())
		r.ReserveN(now, part)
		n -= part
	}
	if r.Limit() == rate.Inf {
		return 0, false
	}
	tokens := r.TokensAt(now)
	if tokens >= 0 {
		return 0, false
	}
	return time.Duration(-tokens / float64(r.Limit()) * float64(time.Second)), tokens < -float64(r.Burst())
}

// whatIsSlow is the explanation of each rate's refusal, behind the seconds to wait.
var whatIsSlow = [costs]string{
	command: "too many commands",
	message: "too many messages",
	bytes:   "too many bytes",
}

func tooFast(c cost, wait time.Duration) *protocol.Error {
	return protocol.Wait(protocol.RateLimited, wait, whatIsSlow[c])
}
