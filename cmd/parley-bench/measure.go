package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// phase is when it is measured.
type phase struct {
	Warmup time.Duration `default:"2s" group:"load" help:"Load before anything is measured."`
	For    time.Duration `default:"10s" group:"load" help:"How long is measured."`
}

func (p phase) check() error {
	if p.For <= 0 {
		return errors.New("--for is more than 0s")
	}
	if p.Warmup < 0 {
		return errors.New("--warmup is at least 0s")
	}
	return nil
}

// speaker sends until ctx ends, and returns when all of its goroutines have.
type speaker func(ctx context.Context) error

// windowed is each of the senders sending as much as its window lets through.
func (r *run) windowed(senders []*sender, batch int) speaker {
	return func(ctx context.Context) error {
		var speaking sync.WaitGroup
		failed := make(chan error, len(senders))
		for _, s := range senders {
			speaking.Go(func() {
				for {
					n := s.take(ctx, int64(batch))
					if n == 0 {
						return
					}
					if err := s.say(n, r.clock()); err != nil {
						failed <- err
						return
					}
				}
			})
		}
		speaking.Wait()
		close(failed)
		return <-failed
	}
}

// paced is one message after the other at a rate, of each of the rooms in turn and in it of each sender. A message's latency counts from when
// it was due, so that a server that holds up the pacer does not look the better for it.
func (r *run) paced(rate float64, rooms ...*room) speaker {
	return func(ctx context.Context) error {
		began := r.clock()
		for n := 0; ; n++ {
			due := began + int64(float64(n)/rate*1e9)
			if wait := due - r.clock(); wait > 0 {
				if pause(ctx, time.Duration(wait)) != nil {
					return nil
				}
			} else if ctx.Err() != nil {
				return nil
			}
			in := rooms[n%len(rooms)]
			if err := in.senders[n/len(rooms)%len(in.senders)].say(1, due); err != nil {
				return err
			}
		}
	}
}

// mark is the state at one moment.
type mark struct {
	at                    time.Time
	heard, sent, accepted int64
	server, own           time.Duration
}

func (r *run) markNow() (mark, error) {
	server, err := r.server.cpu()
	return mark{time.Now(), r.heard(), r.sent(), r.accepted(), server, ownCPU()}, err
}

// measure lets speak, measures after the warm-up, stops, waits for what is on its way, and adds the figures.
func (r *run) measure(ctx context.Context, p phase, speak speaker) error {
	var from, to mark
	err := r.while(ctx, speak, func() (err error) {
		from, to, err = r.between(ctx, p)
		return err
	})
	if err != nil {
		return err
	}
	seconds := to.at.Sub(from.at).Seconds()
	heard := float64(to.heard - from.heard)
	r.report.add("seconds", "measured, s", seconds)
	r.report.add("sent", "messages sent", float64(to.sent-from.sent))
	r.report.add("deliveries", "deliveries", heard)
	r.report.add("sent_per_s", "messages/s", float64(to.sent-from.sent)/seconds)
	r.report.add("deliveries_per_s", "deliveries/s", heard/seconds)
	if err := r.addCPU("", from, to); err != nil {
		return err
	}
	if r.server != 0 && heard > 0 {
		r.report.add("server_cpu_us_per_delivery", "server's CPU per delivery, µs", (to.server-from.server).Seconds()*1e6/heard)
	}
	r.addHeard("latency", "from said to heard")
	return nil
}

// while runs do beside the speakers, stops them, and waits for what is on its way.
func (r *run) while(ctx context.Context, speak speaker, do func() error) error {
	talking, stop := context.WithCancel(ctx)
	defer stop()
	spoken := make(chan error, 1)
	go func() { spoken <- speak(talking) }()
	err := do()
	stop()
	if failed := <-spoken; err == nil {
		err = failed
	}
	if err == nil {
		r.drained(ctx)
	}
	return err
}

// between waits through the warm-up and takes the marks of the phase after it.
func (r *run) between(ctx context.Context, p phase) (from, to mark, err error) {
	if err = r.wait(ctx, p.Warmup, "warming up"); err != nil {
		return from, to, err
	}
	if from, err = r.markNow(); err != nil {
		return from, to, err
	}
	r.counting(true)
	defer r.counting(false)
	if err = r.wait(ctx, p.For, "measuring"); err != nil {
		return from, to, err
	}
	to, err = r.markNow()
	return from, to, err
}

// counting says whether latencies count.
func (r *run) counting(on bool) {
	r.latency.on.Store(on)
	r.delay.on.Store(on)
}

// addHeard adds the latencies of messages counted since the last time, and returns them; next to them stands how much of each may be this program's own.
func (r *run) addHeard(name, words string) *latencies {
	l, own := r.latency.take(), r.delay.take()
	r.report.addLatencies(name, words, l)
	r.report.add(name+"_own_delay_p99_ms", "of which this program's own, p99, ms", own.at(99))
	return l
}

// addCPU adds what was used between two moments, and the memory now.
func (r *run) addCPU(name string, from, to mark) error {
	if err := r.server.worked(to.server-from.server, max(to.heard-from.heard, to.accepted-from.accepted)); err != nil {
		return err
	}
	if r.server != 0 {
		m, err := r.server.memory()
		if err != nil {
			return err
		}
		r.report.add(name+"server_cpu_s", "server's CPU, s", (to.server - from.server).Seconds())
		r.report.add(name+"server_rss_kib", "server's RSS, KiB", float64(m.rss))
		r.report.add(name+"server_pss_kib", "server's PSS, KiB", float64(m.pss))
	}
	r.report.add(name+"own_cpu_s", "this program's CPU, s", (to.own - from.own).Seconds())
	return nil
}
