package main

import (
	"context"
	"errors"
	"fmt"
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
	if f.WindowBy == byOK && f.Peer != "parley" {
		return errors.New("--window-by ok: only parley acknowledges messages")
	}
	return errors.Join(checkSize(f.Size), atLeast("--senders", f.Senders, 1), f.phase.check(), atLeast("--receivers", f.Receivers, 1),
		atLeast("--window", f.Window, 1), atLeast("--batch", f.Batch, 1))
}

func (f *fanout) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, 1, f.Senders, f.Receivers, f.Size); err != nil {
		return err
	}
	if f.Rate > 0 {
		return r.measure(ctx, f.phase, r.paced(f.Rate, r.rooms...))
	}
	for _, s := range r.senders {
		if err := s.open(f.WindowBy, f.Window); err != nil {
			return err
		}
	}
	return r.measure(ctx, f.phase, r.windowed(r.senders, f.Batch))
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
	return errors.Join(checkSize(m.Size), m.phase.check(), atLeast("--rooms", m.Rooms, 1), atLeast("--members", m.Members, 2))
}

func (m *many) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, m.Rooms, m.Members, 0, m.Size); err != nil {
		return err
	}
	return r.measure(ctx, m.phase, r.paced(m.Rate, r.rooms...))
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
