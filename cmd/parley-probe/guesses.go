package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/protocol"
)

// spreeStages guess until they are told to wait: the server's hashing takes its time over that, so that other waits fit beside it.
var spreeStages = []stage{
	{name: "guessing", row: 10, people: 1, many: true, beside: true, flag: "--login-rate, --login-rate-address", run: guessing,
		tried: "up to 10 wrong passwords for an account from one address; up to 60 names, a wrong password each, from another"},
}

// guessStages send wrong passwords. Where there are many addresses, from some that nobody else signs in from; else few.
var guessStages = []stage{
	{name: "names-text", row: 8, people: 1, run: namesText,
		tried: "6 wrong passwords for an account, and 6 for a name that does not exist (2 each where there is one address to send from)"},
	{name: "names-time", row: 8, people: 1, run: namesTime,
		tried: "up to 8 pairs of wrong passwords (4 where there is one address to send from), for an account and for a name that does not exist, one after the other"},
	{name: "bcrypt-storm", row: 9, people: 2, room: true, flag: "--bcrypt-workers, --bcrypt-queue", run: bcryptStorm,
		tried: "wrong passwords for names that do not exist on 48 connections at once, for 4 s (8 connections, one each, where there is one address to send from), while two people talk"},
}

// bcryptStorm lets the two who talk judge what the storm costs them.
func bcryptStorm(ctx context.Context, t *target) (finding, error) {
	return t.watched(ctx, func() (finding, error) {
		conns, each := 48, math.MaxInt
		if !t.many {
			conns, each = 8, 1
		}
		ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
		defer cancel()
		var storm sync.WaitGroup
		var denied, busy, other atomic.Int64
		for range conns {
			storm.Go(func() {
				for n := 0; n < each && ctx.Err() == nil; n++ {
					g, err := t.guess(ctx, t.stranger(), nobody())
					code := codeOf(g.reply)
					switch {
					case ctx.Err() != nil: // cut off with all the others
					case err == nil && code == protocol.Denied:
						denied.Add(1)
						continue
					case err == nil && code == protocol.Busy:
						busy.Add(1)
					default:
						other.Add(1)
					}
					pause(ctx, time.Second)
				}
			})
		}
		storm.Wait()
		seen := fmt.Sprintf("%d compared and denied, %d told busy, %d answered otherwise or lost", denied.Load(), busy.Load(), other.Load())
		switch {
		case t.many && busy.Load() == 0 && other.Load() == 0 && int(denied.Load()) < conns:
			return seenFell("%d wait at once, and nobody is told busy: %s", conns, seen), nil
		case denied.Load()+busy.Load() == 0:
			return finding{}, errors.New(seen)
		}
		return seenHeld("%s", seen), nil
	})
}

var digits = regexp.MustCompile(`\d+`)

// guesses tries a name until the tries are used up, all from one address, and returns the answers with every number as #. It is steady where
// each was answered within a second of the one before: else a throttle, which begins with that, may have ended between two.
func (t *target) guesses(ctx context.Context, name string, from netip.Addr, tries int) (answers []string, steady bool, err error) {
	steady = true
	for last := time.Now(); len(answers) < tries; {
		g, err := t.guess(ctx, from, name)
		if err != nil {
			return nil, false, err
		}
		steady = steady && time.Since(last) < time.Second
		last = time.Now()
		if codeOf(g.reply) != protocol.Busy {
			answers = append(answers, digits.ReplaceAllString(g.reply, "#"))
			continue
		}
		steady = false
		if err := pause(ctx, time.Second); err != nil {
			return nil, false, err
		}
	}
	return answers, steady, nil
}

// namesText compares what the server says, up to the throttle and behind it.
func namesText(ctx context.Context, t *target) (finding, error) {
	tries := 6
	if !t.many {
		tries = 2
	}
	var (
		both           sync.WaitGroup
		known, unknown []string
		steady         [2]bool
		failed         [2]error
	)
	both.Go(func() { known, steady[0], failed[0] = t.guesses(ctx, t.people[0].name, t.stranger(), tries) })
	both.Go(func() { unknown, steady[1], failed[1] = t.guesses(ctx, nobody(), t.sprayer, tries) })
	both.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return finding{}, err
	}
	if codeOf(known[0]) != protocol.Denied {
		return finding{}, fmt.Errorf("a wrong password is answered %s", short(known[0]))
	}
	for _, answers := range [][]string{known, unknown} {
		if !t.many && slices.ContainsFunc(answers, func(a string) bool { return codeOf(a) == protocol.Throttled }) {
			return finding{}, errors.New("the address is throttled, whatever the name")
		}
	}
	if !steady[0] || !steady[1] { // when waits began is then no matter of names
		slices.Sort(known)
		slices.Sort(unknown)
		known, unknown = slices.Compact(known), slices.Compact(unknown)
	}
	for i := range min(len(known), len(unknown)) {
		if known[i] != unknown[i] {
			return seenFell("at try %d an account is told %s, a name that does not exist %s", i+1, short(known[i]), short(unknown[i])), nil
		}
	}
	var told []string
	for _, answer := range slices.Compact(known) {
		told = append(told, short(answer))
	}
	return seenHeld("the same for both: %s", strings.Join(told, ", then ")), nil
}

const (
	leastPairs = 4
	pairsTime  = 6 * time.Second      // after which no more than the least are tried
	timeRatio  = 0.05                 // by which the medians may differ
	timeFloor  = 2 * time.Millisecond // or by this: no network is steadier
)

// namesTime compares medians of interleaved tries.
func namesTime(ctx context.Context, t *target) (finding, error) {
	pairs := 8
	if !t.many {
		pairs = leastPairs
	}
	var took [2][]time.Duration
	for began := time.Now(); len(took[1]) < leastPairs || len(took[1]) < pairs && time.Since(began) < pairsTime; {
		for i, who := range []struct {
			name string
			from netip.Addr
		}{{t.people[0].name, t.stranger()}, {nobody(), t.sprayer}} {
			g, err := t.guess(ctx, who.from, who.name)
			if err != nil {
				return finding{}, err
			}
			if code := codeOf(g.reply); code != protocol.Denied {
				return finding{}, fmt.Errorf("a wrong password was answered with %s", short(string(code)))
			}
			took[i] = append(took[i], g.took)
		}
	}
	known, unknown := median(took[0]), median(took[1]) // now in order
	seen := fmt.Sprintf("medians of %d: account %v, no account %v, ratio %.3f; the fastest %v and %v",
		len(took[0]), round(known), round(unknown), float64(known)/float64(unknown), round(took[0][0]), round(took[1][0]))
	if apart(known, unknown) && apart(took[0][0], took[1][0]) {
		return finding{fell, seen, true}, nil
	}
	return seenHeld("%s", seen), nil
}

// apart says whether two times tell names apart. A machine that stands still for a moment delays some answers, and may delay half of
// them; what the server does differently for a name it does for all.
func apart(a, b time.Duration) bool {
	by := (a - b).Abs()
	return by > timeFloor && float64(by) > timeRatio*float64(min(a, b))
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

const (
	accountTries = 10 // at one account
	addressTries = 60 // from one address, those of other stages included
	guessTime    = 45 * time.Second
)

// guessing is throttled by account and address, and by address; the owner is not.
func guessing(ctx context.Context, t *target) (finding, error) {
	who, from := t.people[0], t.stranger()
	owner, err := t.signIn(ctx, who)
	if err != nil {
		return finding{}, err
	}
	defer owner.close()
	before := int(t.sprayed.Load())
	limited, cancel := context.WithTimeout(ctx, guessTime)
	defer cancel()
	var both sync.WaitGroup
	var account, address spree
	both.Go(func() { account = t.untilThrottled(limited, from, 1, accountTries, func() string { return who.name }) })
	both.Go(func() { address = t.untilThrottled(limited, t.sprayer, 8, addressTries-before, nobody) })
	both.Wait()
	seen := fmt.Sprintf("%s for the account, and %s (%d of them in other stages) from the address", account.told(0), address.told(before), before)
	switch {
	case account.throttled == 0 && account.compared >= accountTries, address.throttled == 0 && address.compared+before >= addressTries:
		return seenFell("%s", seen), nil
	case account.throttled == 0 || address.throttled == 0:
		return finding{}, errors.Join(fmt.Errorf("too few were compared in %v: %s", guessTime, seen), account.failed, address.failed)
	}
	err = t.ownerGetsIn(ctx, owner, who, from)
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
		return seenFell("its owner is kept out by the guesses of others: %v", err), nil
	}
	if err != nil {
		return finding{}, err
	}
	return seenHeld("%s, told so at once (in %v); the owner got in from elsewhere, and by token from there", seen, round(account.throttled)), nil
}

// spree is what guesses came to.
type spree struct {
	compared  int
	throttled time.Duration // that the answer took which said so; 0: there was none
	failed    error         // what went wrong before that
}

func (s spree) told(before int) string {
	if s.throttled == 0 {
		return fmt.Sprintf("%d compared and none throttled", s.compared+before)
	}
	return fmt.Sprintf("throttled after %d", s.compared+before)
}

// untilThrottled guesses on some connections at once, until one is told to wait, or the tries or the time are over.
func (t *target) untilThrottled(ctx context.Context, from netip.Addr, conns, tries int, name func() string) (s spree) {
	var guessing sync.WaitGroup
	var mu sync.Mutex // for s and begun
	begun := 0
	begin := func() bool {
		mu.Lock()
		defer mu.Unlock()
		begun++
		return ctx.Err() == nil && s.throttled == 0 && s.failed == nil && begun <= tries
	}
	for range conns {
		guessing.Go(func() {
			for begin() {
				g, err := t.guess(ctx, from, name())
				code := codeOf(g.reply)
				mu.Lock()
				switch {
				case err != nil && ctx.Err() == nil:
					s.failed = err
				case code == protocol.Throttled && s.throttled == 0:
					s.throttled = g.took
				case code == protocol.Denied:
					s.compared++
				case code == protocol.Busy:
					begun--
				}
				mu.Unlock()
				if code == protocol.Busy {
					pause(ctx, time.Second)
				}
			}
		})
	}
	guessing.Wait()
	return s
}

// ownerGetsIn signs in by password from elsewhere, and by token from where the guesses came. owner is a session of before, which ends.
func (t *target) ownerGetsIn(ctx context.Context, owner *conn, who *account, from netip.Addr) error {
	elsewhere, err := t.signIn(ctx, who)
	if err != nil {
		return err
	}
	elsewhere.leave()
	owner.close()
	if err := pause(ctx, 100*time.Millisecond); err != nil { // for the server to see that the session is over
		return err
	}
	c, err := t.dial(ctx, from)
	if err != nil {
		return err
	}
	defer c.leave()
	return c.hello(who.name, owner.token)
}

// nobody is a name that no account has.
func nobody() string { return "probe-" + strings.ToLower(rand.Text()) }

// guess is one sign-in with a wrong password.
type guess struct {
	reply string
	took  time.Duration // from HELLO to its answer
}

// guess tries, on a connection of its own, a password that nobody has.
func (t *target) guess(ctx context.Context, from netip.Addr, name string) (guess, error) {
	c, err := t.dial(ctx, from)
	if err != nil {
		return guess{}, err
	}
	defer c.close()
	began := time.Now()
	reply, err := c.do("HELLO|" + name + "|wrong: " + rand.Text())
	if from == t.sprayer && codeOf(reply) == protocol.Denied {
		t.sprayed.Add(1)
	}
	return guess{reply, time.Since(began)}, err
}
