package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// fanout is one room in which some speak and many hear.
type fanout struct {
	common
	phase
	Senders   int      `default:"1" group:"load" help:"Who speak."`
	Receivers int      `default:"100" group:"load" help:"Who only hear."`
	Size      int      `default:"64" group:"load" help:"Bytes of a text."`
	Window    int      `default:"32" group:"load" help:"Messages of one sender on their way at once."`
	WindowBy  windowBy `enum:"delivery,all,ok" default:"delivery" group:"load" help:"A message is on its way until one chosen receiver has it (delivery), all have it (all), or parley acknowledged it (ok)."`
	Batch     int      `default:"1" group:"load" help:"Messages that one write holds at most."`
	Rate      float64  `default:"0" group:"load" help:"Messages a second of all senders together; 0 is as many as the window lets through."`
}

func (f *fanout) check() error {
	return errors.Join(checkSize(f.Size), atLeast("--senders", f.Senders, 1), atLeast("--receivers", f.Receivers, 0),
		atLeast("--window", f.Window, 1), atLeast("--batch", f.Batch, 1))
}

func (f *fanout) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, 1, f.Senders, f.Receivers, f.Size); err != nil {
		return err
	}
	if f.Rate > 0 {
		return r.measure(ctx, f.phase, r.paced(f.Rate))
	}
	for _, s := range r.senders {
		if err := s.open(f.WindowBy, f.Window); err != nil {
			return err
		}
	}
	return r.measure(ctx, f.phase, r.windowed(f.Batch))
}

// many is many rooms, whose members all speak.
type many struct {
	common
	phase
	Rooms   int     `default:"100" group:"load" help:"Rooms."`
	Members int     `default:"10" group:"load" help:"Members of each, who all speak in turn."`
	Size    int     `default:"64" group:"load" help:"Bytes of a text."`
	Rate    float64 `default:"2000" group:"load" help:"Messages a second in all rooms together."`
}

func (m *many) check() error {
	return errors.Join(checkSize(m.Size), atLeast("--rooms", m.Rooms, 1), atLeast("--members", m.Members, 2))
}

func (m *many) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, m.Rooms, m.Members, 0, m.Size); err != nil {
		return err
	}
	return r.measure(ctx, m.phase, r.paced(m.Rate))
}

func checkSize(size int) error {
	if size < leastSize || size > mostSize {
		return fmt.Errorf("--size is %d to %d", leastSize, mostSize)
	}
	return nil
}

func atLeast(flag string, n, least int) error {
	if n < least {
		return fmt.Errorf("%s is at least %d", flag, least)
	}
	return nil
}

// phase is when it is measured.
type phase struct {
	Warmup time.Duration `default:"2s" group:"load" help:"Load before anything is measured."`
	For    time.Duration `default:"10s" group:"load" help:"How long is measured."`
}

// speaker sends until ctx ends, and returns when all of its goroutines have.
type speaker func(ctx context.Context) error

// windowed is every sender sending as much as its window lets through.
func (r *run) windowed(batch int) speaker {
	return func(ctx context.Context) error {
		var speaking sync.WaitGroup
		failed := make(chan error, len(r.senders))
		for _, s := range r.senders {
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

// paced is one message after the other at a rate, of each room in turn and in it of each sender. A message's latency counts from when
// it was due, so that a server that holds up the pacer does not look the better for it.
func (r *run) paced(rate float64) speaker {
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
			in := r.rooms[n%len(r.rooms)]
			if err := in.senders[n/len(r.rooms)%len(in.senders)].say(1, due); err != nil {
				return err
			}
		}
	}
}

// mark is the state at one moment.
type mark struct {
	at          time.Time
	heard, sent int64
	server, own time.Duration
}

func (r *run) markNow() (mark, error) {
	server, err := r.server.cpu()
	return mark{time.Now(), r.heard(), r.sent(), server, ownCPU()}, err
}

// measure lets speak, measures after the warm-up, stops, waits for what is on its way, and adds the figures.
func (r *run) measure(ctx context.Context, p phase, speak speaker) error {
	talking, stop := context.WithCancel(ctx)
	defer stop()
	spoken := make(chan error, 1)
	go func() { spoken <- speak(talking) }()
	from, to, err := r.between(ctx, p)
	stop()
	if failed := <-spoken; failed != nil && err == nil {
		err = failed
	}
	if err == nil {
		r.drained(ctx)
	}
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
	return r.cost(from, to, heard)
}

// between waits through the warm-up and takes the marks of the phase after it.
func (r *run) between(ctx context.Context, p phase) (from, to mark, err error) {
	if err = r.wait(ctx, p.Warmup, "warming up"); err != nil {
		return from, to, err
	}
	if from, err = r.markNow(); err != nil {
		return from, to, err
	}
	r.latency.on.Store(true)
	defer r.latency.on.Store(false)
	if err = r.wait(ctx, p.For, "measuring"); err != nil {
		return from, to, err
	}
	to, err = r.markNow()
	return from, to, err
}

// cost adds what n deliveries cost, and the memory.
func (r *run) cost(from, to mark, n float64) error {
	if r.server != 0 {
		cpu := (to.server - from.server).Seconds()
		m, err := r.server.memory()
		if err != nil {
			return err
		}
		r.report.add("server_cpu_s", "server's CPU, s", cpu)
		if n > 0 {
			r.report.add("server_cpu_us_per_delivery", "server's CPU per delivery, µs", cpu*1e6/n)
		}
		r.report.add("server_rss_kib", "server's RSS, KiB", float64(m.rss))
		r.report.add("server_pss_kib", "server's PSS, KiB", float64(m.pss))
	}
	r.report.add("own_cpu_s", "this program's CPU, s", (to.own - from.own).Seconds())
	r.report.addLatencies("latency", "from said to heard", r.latency)
	return nil
}
