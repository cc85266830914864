package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// accept is many who each speak in a room of their own: what is measured is how much the server takes, not how it hands it on.
type accept struct {
	common
	phase
	Senders  int           `default:"50" group:"load" help:"Who speak."`
	Size     int           `default:"64" group:"load" help:"Bytes of a text."`
	Window   int           `default:"64" group:"load" help:"Messages of one sender that wait for their OK."`
	Batch    int           `default:"64" group:"load" help:"Messages that one write holds at most."`
	LoneFor  time.Duration `default:"5s" group:"load" help:"Then one of them alone speaks for so long, one message after the other."`
	FsyncDir string        `type:"path" placeholder:"DIR" help:"Measure fsync as well, in a file in this directory: that of the server's data."`
}

// acceptWindow is the window of who only wants messages taken: no more of one session wait for parley's log.
const acceptWindow = 64

func (a *accept) check() error {
	if a.Peer != "parley" {
		return errors.New("accept is for parley: the peers acknowledge nothing")
	}
	return errors.Join(checkSize(a.Size), a.phase.check(), atLeast("--senders", a.Senders, 1), atLeast("--window", a.Window, 1), atLeast("--batch", a.Batch, 1),
		a.checkFsyncDir())
}

// checkFsyncDir tries before the load what would fail after it.
func (a *accept) checkFsyncDir() error {
	if a.FsyncDir == "" {
		return nil
	}
	f, err := os.CreateTemp(a.FsyncDir, "parley-bench-*")
	if err != nil {
		return fmt.Errorf("--fsync-dir: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (a *accept) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, a.Senders, 1, 0, a.Size); err != nil {
		return err
	}
	for _, s := range r.senders {
		s.oks = r.latency
		if err := s.open(byOK, a.Window); err != nil {
			return err
		}
	}
	var from, to mark
	err := r.while(ctx, r.windowed(r.senders, a.Batch), func() (err error) {
		if err = r.wait(ctx, a.Warmup, "warming up"); err != nil {
			return err
		}
		from, to, err = r.between(ctx, phase{For: a.For})
		return err
	})
	if err != nil {
		return err
	}
	accepted := to.accepted - from.accepted
	r.report.add("accepted", "messages acknowledged", float64(accepted))
	r.report.add("accepted_per_s", "messages acknowledged/s", float64(accepted)/to.at.Sub(from.at).Seconds())
	if r.server != 0 && accepted > 0 {
		r.report.add("server_cpu_us_per_message", "server's CPU per message, µs", (to.server-from.server).Seconds()*1e6/float64(accepted))
	}
	if err := r.addCPU("", from, to); err != nil {
		return err
	}
	r.report.addLatencies("ok", "from said to OK", r.latency)
	if err := a.lone(ctx, r); err != nil {
		return err
	}
	return a.fsync(r)
}

// lone is one sender who waits for each OK before the next message.
func (a *accept) lone(ctx context.Context, r *run) error {
	alone := newLatencies()
	alone.on.Store(true)
	s := r.senders[0]
	s.oks = alone
	if a.Window > 1 {
		s.take(ctx, int64(a.Window)-1) // one place is left
	}
	err := r.while(ctx, r.windowed(r.senders[:1], 1), func() error { return r.wait(ctx, a.LoneFor, "alone") })
	r.report.addLatencies("lone_ok", "alone, from said to OK", alone)
	return err
}

// fsync measures what the disk takes to keep one small write appended to a file.
func (a *accept) fsync(r *run) error {
	if a.FsyncDir == "" {
		return nil
	}
	f, err := os.CreateTemp(a.FsyncDir, "parley-bench-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	l := newLatencies()
	l.on.Store(true)
	block := make([]byte, 4096)
	for range 500 {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("fsync: %w", err)
		}
		l.since(began)
	}
	r.report.addLatencies("fsync", "an fsync", l)
	return nil
}
