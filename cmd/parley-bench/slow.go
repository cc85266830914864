package main

import (
	"context"
	"errors"
	"net"
	"time"
)

// slow is readers who stop reading, among healthy ones.
type slow struct {
	common
	phase
	Senders   int     `default:"4" group:"load" help:"Who speak."`
	Receivers int     `default:"50" group:"load" help:"Who hear all of it."`
	Stalled   int     `default:"20" group:"load" help:"Who come after the first phase and read nothing."`
	Size      int     `default:"400" group:"load" help:"Bytes of a text."`
	Rate      float64 `default:"500" group:"load" help:"Messages a second of all senders together."`
}

func (s *slow) check() error {
	return errors.Join(checkSize(s.Size), s.phase.check(), atLeast("--senders", s.Senders, 1), atLeast("--receivers", s.Receivers, 1), atLeast("--stalled", s.Stalled, 1))
}

func (s *slow) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, 1, s.Senders, s.Receivers, s.Size); err != nil {
		return err
	}
	in := r.rooms[0]
	return r.while(ctx, r.paced(s.Rate, in), func() error {
		_, before, err := r.during(ctx, s.phase, "healthy", "all healthy")
		if err != nil {
			return err
		}
		empty, err := r.server.memory()
		if err != nil {
			return err
		}
		stalled := make([]*conn, s.Stalled)
		err = r.each(ctx, s.Stalled, r.dialect.atOnce(), "stalling", func(ctx context.Context, n int) (err error) {
			stalled[n], err = s.stall(ctx, r, s.Senders+s.Receivers+n, in)
			return err
		})
		defer func() {
			for _, c := range stalled {
				if c != nil {
					c.NetConn().Close()
				}
			}
		}()
		if err != nil {
			return err
		}
		_, after, err := r.during(ctx, phase{For: s.For}, "stalled", "some stalled")
		if err != nil {
			return err
		}
		full, err := r.server.memory()
		if err != nil {
			return err
		}
		if r.server != 0 {
			for _, p := range []struct {
				name, words string
				marks       [2]mark
			}{{"healthy", "all healthy", before}, {"stalled", "some stalled", after}} {
				if heard := p.marks[1].heard - p.marks[0].heard; heard > 0 {
					r.report.add(p.name+"_server_cpu_us_per_delivery", p.words+", server's CPU per delivery, µs",
						(p.marks[1].server-p.marks[0].server).Seconds()*1e6/float64(heard))
				}
			}
			r.report.add("growth_kib_per_stalled", "server's RSS, growth for each stalled, KiB", float64(full.rss-empty.rss)/float64(s.Stalled))
		}
		r.report.add("cut_off", "stalled that the server has cut off", float64(cutOff(stalled)))
		return nil
	})
}

// stall comes in, joins, and reads no more. Its socket takes little, so that the server is the one who has to hold what it is sent.
func (s *slow) stall(ctx context.Context, r *run, n int, in *room) (*conn, error) {
	c, _, err := r.arrive(ctx, n)
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.NetConn().(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(4 << 10); err != nil {
			return c, err
		}
	}
	return c, r.dialect.join(ctx, c, in.name)
}

// cutOff counts those connections on which what was held up ends, and does not go on.
func cutOff(stalled []*conn) (n int) {
	for _, c := range stalled {
		until := time.Now().Add(time.Second)
		c.SetReadDeadline(until)
		for {
			c.at, c.have = 0, 0 // nobody looks at it
			err := c.more()
			if err == nil && time.Now().Before(until) {
				continue
			}
			if timeout := net.Error(nil); err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
				n++
			}
			break
		}
	}
	return n
}
