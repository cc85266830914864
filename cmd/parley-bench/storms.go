package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"parley/protocol"
)

// signin is a storm of sign-ins by password.
type signin struct {
	common
	Count    int `default:"200" group:"load" help:"Sign-ins."`
	Accounts int `default:"20" group:"load" help:"The accounts of --users that sign in, in turn."`
	AtOnce   int `default:"50" group:"load" help:"Side by side."`
}

func (s *signin) check() error {
	if s.Peer != "parley" || s.Users == "" {
		return errors.New("signin is for parley's accounts: give --users and --password-file")
	}
	return errors.Join(atLeast("--count", s.Count, 1), atLeast("--accounts", s.Accounts, 1), atLeast("--at-once", s.AtOnce, 1))
}

func (s *signin) run(ctx context.Context, r *run) error {
	from, err := r.markNow()
	if err != nil {
		return err
	}
	r.latency.on.Store(true)
	err = r.each(ctx, s.Count, s.AtOnce, "signing in", func(ctx context.Context, n int) error {
		began := time.Now()
		c, err := r.dial(ctx, r.source(abroad, n))
		if err != nil {
			return err
		}
		defer c.NetConn().Close()
		if _, err := r.dialect.enter(ctx, c, r.name(n%s.Accounts)); err != nil {
			return err
		}
		r.latency.since(began)
		r.dialect.leave(c, "")
		return nil
	})
	if err != nil {
		return err
	}
	to, err := r.markNow()
	if err != nil {
		return err
	}
	seconds := to.at.Sub(from.at).Seconds()
	r.report.add("signins_per_s", "sign-ins/s", float64(s.Count)/seconds)
	if r.server != 0 {
		r.report.add("server_cpu_ms_per_signin", "server's CPU per sign-in, ms", (to.server-from.server).Seconds()*1e3/float64(s.Count))
	}
	r.report.addLatencies("signin", "from connecting to OK, told busy or not", r.latency)
	return r.addCPU("", from, to)
}

// wrong is a storm of wrong passwords while people talk.
type wrong struct {
	common
	phase
	People int     `default:"50" group:"load" help:"Who talk, all in one room."`
	Rate   float64 `default:"100" group:"load" help:"Messages a second of them together."`
	Size   int     `default:"64" group:"load" help:"Bytes of a text."`
	AtOnce int     `default:"50" group:"load" help:"Attackers, each at an address of its own where the server is on loopback."`
	Target string  `default:"nobody" group:"load" help:"The account whose password they guess."`
}

func (w *wrong) check() error {
	if w.Peer != "parley" {
		return errors.New("wrong is for parley")
	}
	return errors.Join(checkSize(w.Size), w.phase.check(), checkName(w.Target), atLeast("--people", w.People, 2), atLeast("--at-once", w.AtOnce, 1))
}

func (w *wrong) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, 1, w.People, 0, w.Size); err != nil {
		return err
	}
	return r.while(ctx, r.paced(w.Rate, r.rooms...), func() error {
		quiet, _, err := r.during(ctx, w.phase, "quiet", "quiet")
		if err != nil {
			return err
		}
		var answers answers
		storming, stop := context.WithCancel(ctx)
		var attackers sync.WaitGroup
		for n := range w.AtOnce {
			attackers.Go(func() { w.guess(storming, r, n, &answers) })
		}
		storm, marks, err := r.during(ctx, w.phase, "storm", "in the storm")
		guesses := answers.denied.Load() + answers.throttled.Load() + answers.busy.Load()
		stop()
		attackers.Wait()
		if err != nil {
			return err
		}
		if q := quiet.at(99); q > 0 {
			r.report.add("p99_ratio", "p99 in the storm / quiet", storm.at(99)/q)
		}
		r.report.add("guesses_denied", "guesses denied", float64(answers.denied.Load()))
		r.report.add("guesses_throttled", "guesses throttled", float64(answers.throttled.Load()))
		r.report.add("guesses_busy", "guesses told busy", float64(answers.busy.Load()))
		r.report.add("connections_refused", "connections refused or cut off", float64(answers.cut.Load()))
		if guesses == 0 {
			return errors.New("no guess was answered: there was no storm")
		}
		return r.addCPU("", marks[0], marks[1])
	})
}

// during measures latencies for a phase of their own.
func (r *run) during(ctx context.Context, p phase, name, words string) (*latencies, [2]mark, error) {
	from, to, err := r.between(ctx, p)
	return r.addHeard(name, words+", from said to heard"), [2]mark{from, to}, err
}

// answers counts what the attackers were told.
type answers struct{ denied, throttled, busy, cut atomic.Int64 }

// guess tries wrong passwords, as fast as they are answered and a little slower where they are told to wait.
func (w *wrong) guess(ctx context.Context, r *run, n int, told *answers) {
	for try := 0; ctx.Err() == nil; try++ {
		c, err := r.dial(ctx, r.source(abroad, n))
		if err != nil {
			told.cut.Add(1)
			_ = pause(ctx, 100*time.Millisecond)
			continue
		}
		for ; ctx.Err() == nil; try++ {
			err := c.write([]byte(fmt.Sprintf("HELLO|%s|wrong guess %d of %d\n", w.Target, try, n)))
			if err == nil {
				_, err = c.until(ctx, func(*event) bool { return false })
			}
			refused := (*protocol.Error)(nil)
			if !errors.As(err, &refused) {
				told.cut.Add(1)
				break
			}
			switch refused.Code {
			case protocol.Denied:
				told.denied.Add(1)
				continue
			case protocol.Throttled:
				told.throttled.Add(1)
			case protocol.Busy:
				told.busy.Add(1)
			}
			_ = pause(ctx, 50*time.Millisecond)
		}
		c.NetConn().Close()
	}
}
