package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"sync/atomic"
	"time"
)

// Options are the bounds of a [Service]. Except for the two rates, 0 means the default.
type Options struct {
	Cost        int           // bcrypt cost of new hashes, MinCost to MaxCost; DefaultCost
	Workers     int           // that hash at once; half the processors, at least 1
	Queue       int           // that wait for a worker before ErrBusy; DefaultQueue
	PerName     int           // that work or wait for one name, before ErrBusy; DefaultPerName, or a quarter of Queue where that is more
	PerAddress  int           // and from one address (see Network); DefaultPerAddress, or half of Queue where that is more
	PasswordMin int           // characters; DefaultPasswordMin
	TokenLife   time.Duration // of a resume token that is not used; DefaultTokenLife

	// Failed sign-ins before waits begin, by account and address, and by
	// address (an IPv6 address counts by its /64). LoginRate 0 switches the whole
	// throttle off, LoginRateAddress 0 its second half. The defaults meant for both
	// are DefaultLoginRate and DefaultLoginRateAddress.
	LoginRate        int
	LoginRateAddress int
	ThrottleEntries  int // kept at most, of each of the two kinds; DefaultThrottleEntries

	// Aside runs what computes for long where it hinders others less, and returns when it is done. nil: it is run as it is.
	Aside func(work func())

	// Hashed is told, by each who had something hashed, how long they waited for a worker and how long it took. nil: nobody is.
	Hashed func(waited, took time.Duration)

	Log *slog.Logger // nil: nothing is logged
}

// Defaults of the pool that hashes.
const (
	// DefaultQueue is how many wait to hash before others are told ErrBusy.
	DefaultQueue = 16
	// DefaultPerName is how many of those that work or wait may be for one name,
	// whether there is such an account or not. A new password counts by its name too.
	DefaultPerName = DefaultQueue / 4
	// DefaultPerAddress is how many of them may come from one address.
	DefaultPerAddress = DefaultQueue / 2
)

// Errors of a Service, beside those of its Store, *[WeakError] and *[ThrottledError].
var (
	// ErrDenied is all that is told about a name, password or token that is not let in.
	ErrDenied = errors.New("auth: name or password is wrong")
	// ErrChanged: what the caller knows of the account is out of date.
	ErrChanged = errors.New("auth: the account changed since this session signed in")
	// ErrTaken: an account has or had this name.
	ErrTaken = errors.New("auth: the name is taken")
	// ErrHash: no account can have this hash.
	ErrHash = errors.New("auth: not a bcrypt hash ($2a$, $2b$ or $2y$, 60 characters) of a cost from 4 to 16")
	// ErrName: no account can have this name.
	ErrName = errors.New("auth: a name is 1 to 32 of a-z 0-9 . _ - and begins with a letter or digit")
)

// rounds bounds how often something is decided again because the account or token changed meanwhile.
const rounds = 8

// Service signs people in and keeps their accounts. It is safe for concurrent use.
type Service struct {
	store    Store
	opts     Options
	rules    Rules
	pool     *pool
	throttle *throttle
	log      *slog.Logger
	dummy    []byte        // compared where there is no hash; at the live cost
	one      time.Duration // that one hash at the live cost took at start
	dearest  atomic.Int32  // cost of the dearest hash met so far
	told     atomic.Pointer[func(Notice)]
}

// New makes the dummy hash, which takes as long as one sign-in, and reads all
// accounts for their costs. Call Close when done.
func New(ctx context.Context, store Store, o Options) (*Service, error) {
	o = o.withDefaults()
	if o.Cost < MinCost || o.Cost > MaxCost {
		return nil, fmt.Errorf("auth: bcrypt cost %d: it must be %d to %d", o.Cost, MinCost, MaxCost)
	}
	if o.Cost < warnCost {
		o.Log.Warn("bcrypt cost is low: stolen hashes would be guessed fast", "event", "hash.cheap", "cost", o.Cost, "recommended", DefaultCost)
	}
	s := &Service{
		store:    store,
		opts:     o,
		rules:    Rules{Min: o.PasswordMin},
		pool:     newPool(o.Workers, o.Queue, o.PerName, o.PerAddress, o.Aside),
		throttle: newThrottle(o.LoginRate, o.LoginRateAddress, o.ThrottleEntries),
		log:      o.Log,
	}
	s.pool.hashed = o.Hashed
	began := time.Now()
	var err error
	if s.dummy, err = hashPassword(newToken(), o.Cost); err != nil {
		return nil, fmt.Errorf("auth: making the dummy hash: %w", err)
	}
	s.one = time.Since(began)
	s.met(o.Cost)
	all, err := store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("auth: reading the accounts: %w", err)
	}
	for _, a := range all {
		s.met(hashCost(a.Hash))
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&o.Cost, DefaultCost},
		{&o.Workers, max(1, runtime.NumCPU()/2)},
		{&o.Queue, DefaultQueue},
		{&o.PasswordMin, DefaultPasswordMin},
		{&o.ThrottleEntries, DefaultThrottleEntries},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.PerName == 0 {
		o.PerName = max(DefaultPerName, o.Queue/4)
	}
	if o.PerAddress == 0 {
		o.PerAddress = max(DefaultPerAddress, o.Queue/2)
	}
	if o.TokenLife == 0 {
		o.TokenLife = DefaultTokenLife
	}
	if o.Aside == nil {
		o.Aside = func(work func()) { work() }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Close turns away who waits to hash (ErrBusy) and returns when no hashing is under way. Called once.
func (s *Service) Close() { s.pool.close() }

// Throttled lists who reached the limit of failed sign-ins in the last hour, the longest wait first.
func (s *Service) Throttled() []Throttled { return s.throttle.list() }

// Lift forgets failed sign-ins and returns how many entries of [Service.Throttled] that
// ended: those of a name from an address; of a name from anywhere, where address
// is empty; of an address, with whatever name and in all, where name is empty; of
// everybody, where both are. The address is one, or a network as listed; what is neither lifts nothing.
func (s *Service) Lift(name, address string) int {
	network, known := parseNetwork(address)
	if (address == "" || known) && (name == "" || validName(name)) {
		s.tell(Lifted, who{name: name, addr: network})
	}
	return s.throttle.lift(name, address)
}

// met notes the cost of a hash that may have to be compared.
func (s *Service) met(cost int) {
	for {
		known := s.dearest.Load()
		if int32(cost) <= known || s.dearest.CompareAndSwap(known, int32(cost)) {
			return
		}
	}
}

const (
	// A refusal takes this much longer than the hashing was measured to take, so
	// that a machine a little busier than at start needs no second round.
	margin = 1.4
	// Nor is it ever faster than this, which hides the scheduler's noise where the cost is small.
	leastRefusal = 20 * time.Millisecond
)

// refusal returns how long after its turn began a failed try is answered, given
// the time it took: the fixed time, longer than the dearest hash needs, or where the
// machine was so busy that this was not enough, the next multiple of it.
func (s *Service) refusal(took time.Duration) time.Duration {
	scale := margin * math.Pow(2, float64(s.dearest.Load()-int32(s.opts.Cost)))
	fixed := max(leastRefusal, time.Duration(scale*float64(s.one)))
	return max(1, (took+fixed-1)/fixed) * fixed
}

// sleep waits, or returns ctx's error if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
