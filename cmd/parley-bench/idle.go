package main

import (
	"context"
	"errors"
	"time"
)

// idle is many people who are signed in and say nothing.
type idle struct {
	common
	Count int           `default:"5000" group:"load" help:"Connections."`
	For   time.Duration `default:"3m" group:"load" help:"How long they are held before the memory is read."`
}

func (i *idle) check() error {
	return errors.Join(atLeast("--count", i.Count, 1), phase{For: i.For}.check())
}

func (i *idle) run(ctx context.Context, r *run) error {
	empty, err := r.server.memory()
	if err != nil {
		return err
	}
	before, err := r.markNow()
	if err != nil {
		return err
	}
	nowhere := &room{latency: r.latency}
	err = r.each(ctx, i.Count, r.dialect.atOnce(), "arriving", func(ctx context.Context, n int) error {
		return r.enter(ctx, n, &member{}, nowhere)
	})
	if err != nil {
		return err
	}
	arrived, err := r.markNow()
	if err != nil {
		return err
	}
	full, err := r.server.memory()
	if err != nil {
		return err
	}
	if err := r.wait(ctx, i.For, "idle"); err != nil {
		return err
	}
	after, err := r.markNow()
	if err != nil {
		return err
	}
	still, err := r.server.memory()
	if err != nil {
		return err
	}
	count := float64(i.Count)
	r.report.add("connections", "connections held", count)
	if r.server != 0 {
		r.report.add("arrival_cpu_ms", "server's CPU per arrival, ms", (arrived.server-before.server).Seconds()*1e3/count)
		r.report.add("empty_rss_kib", "server's RSS before, KiB", float64(empty.rss))
		r.report.add("arrived_rss_kib_per_connection", "RSS per connection on arrival, KiB", float64(full.rss-empty.rss)/count)
		r.report.add("idle_rss_kib_per_connection", "RSS per connection at the end, KiB", float64(still.rss-empty.rss)/count)
		r.report.add("idle_pss_kib_per_connection", "PSS per connection at the end, KiB", float64(still.pss-empty.pss)/count)
	}
	return r.addCPU("idle_", arrived, after)
}

// crowd is many people in one room who all lose their connections and come back.
type crowd struct {
	common
	Count  int           `default:"2000" group:"load" help:"People."`
	Settle time.Duration `default:"15s" group:"load" help:"Time for what the server tells about those who came, before and after."`
}

func (c *crowd) check() error { return atLeast("--count", c.Count, 2) }

func (c *crowd) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, 1, 0, c.Count, leastSize); err != nil {
		return err
	}
	if err := r.wait(ctx, c.Settle, "settling"); err != nil {
		return err
	}
	in := r.rooms[0]
	told, read := in.told()
	from, err := r.markNow()
	if err != nil {
		return err
	}
	for _, m := range in.members {
		m.drop()
	}
	err = r.each(ctx, c.Count, r.dialect.atOnce(), "coming back", func(ctx context.Context, n int) error {
		return r.comeBack(ctx, n, in.members[n], in)
	})
	if err != nil {
		return err
	}
	back := time.Since(from.at)
	if err := r.wait(ctx, c.Settle, "settling"); err != nil {
		return err
	}
	to, err := r.markNow()
	if err != nil {
		return err
	}
	toldNow, readNow := in.told()
	count := float64(c.Count)
	r.report.add("people", "people", count)
	r.report.add("back_s", "all back after, s", back.Seconds())
	r.report.add("notices", "notices received", float64(toldNow-told))
	r.report.add("notices_per_person", "notices per person", float64(toldNow-told)/count)
	r.report.add("bytes_per_person", "bytes received per person", float64(readNow-read)/count)
	return r.addCPU("", from, to)
}

// comeBack brings a person in again who was dropped. A guest's name may not be free yet.
func (r *run) comeBack(ctx context.Context, n int, m *member, in *room) error {
	c, _, err := r.arrive(ctx, n)
	if err != nil {
		return err
	}
	m.reconnected(c)
	if err := r.dialect.join(ctx, c, in.name); err != nil {
		return err
	}
	c.grow(readBuffer)
	r.listen(m)
	return nil
}

// reconnected gives a member that was dropped another connection.
func (m *member) reconnected(c *conn) {
	m.conn = c
	m.dropped.Store(false)
}

// told is how many lines that are no messages, and how many bytes in all, the members got.
func (in *room) told() (lines, bytes int64) {
	for _, m := range in.members {
		lines += m.told.Load()
		bytes += m.bytes.Load()
	}
	return lines, bytes
}
