package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// resume is many accounts who lose their connections, or whose server is started anew, and come back by token all at once.
// In the first room a few talk, in the second one speaks and all who come back must have heard everything, once.
type resume struct {
	common
	Count    int           `default:"500" group:"load" help:"Who come back."`
	AtOnce   int           `default:"500" group:"load" help:"Side by side."`
	People   int           `default:"20" group:"load" help:"Who stay (or are back first, where the server is started anew) and talk, in a room of their own."`
	Rate     float64       `default:"50" group:"load" help:"Messages a second of these together, and half as many in the other room."`
	Size     int           `default:"64" group:"load" help:"Bytes of a text."`
	Quiet    time.Duration `default:"5s" group:"load" help:"How long people talk before and after."`
	Bare     int           `default:"500" group:"load" help:"TLS handshakes and nothing else, to compare the server's CPU with."`
	Restart  string        `name:"restart-command" placeholder:"COMMAND" help:"A shell command that starts the server anew and returns; a line of its output that is only a number is the new pid. Without it only the connections are cut."`
	language parley
	tokens   []string
}

func (s *resume) check() error {
	if s.Peer != "parley" || s.Users == "" {
		return errors.New("resume is for parley's accounts, since guests have no tokens: give --users and --password-file")
	}
	return errors.Join(checkSize(s.Size), atLeast("--count", s.Count, 1), atLeast("--people", s.People, 2), atLeast("--at-once", s.AtOnce, 1))
}

func (s *resume) run(ctx context.Context, r *run) error {
	s.language = r.dialect.(parley)
	s.tokens = make([]string, s.People+1+s.Count)
	if err := s.gather(ctx, r); err != nil {
		return err
	}
	if err := s.bare(ctx, r); err != nil {
		return err
	}
	talk := func(ctx context.Context) error {
		other := make(chan error, 1)
		go func() { other <- r.paced(s.Rate/2, r.rooms[1])(ctx) }()
		return errors.Join(r.paced(s.Rate, r.rooms[0])(ctx), <-other)
	}
	if s.Restart == "" {
		return r.while(ctx, talk, func() error {
			if err := r.wait(ctx, s.Quiet, "talking"); err != nil {
				return err
			}
			s.drop(r.rooms[1].members[1:])
			return s.storm(ctx, r)
		})
	}
	if err := r.while(ctx, talk, func() error { return r.wait(ctx, s.Quiet, "talking") }); err != nil {
		return err
	}
	if err := s.restart(ctx, r); err != nil {
		return err
	}
	return r.while(ctx, talk, func() error {
		if err := r.wait(ctx, s.Quiet, "talking"); err != nil {
			return err
		}
		return s.storm(ctx, r)
	})
}

// gather signs everybody in and keeps the tokens. Account 0 on are those who talk, then the one who speaks to all, then all.
func (s *resume) gather(ctx context.Context, r *run) error {
	talkers := r.lay("bench-resume-people", s.People, 0, s.Size)
	all := r.lay("bench-resume-all", 1, s.Count, s.Size)
	all.latency = newLatencies() // which nobody asks for
	return r.each(ctx, len(s.tokens), r.dialect.atOnce(), "signing in", func(ctx context.Context, n int) error {
		in, m := s.place(talkers, all, n)
		c, err := r.dial(ctx, r.source(home, n))
		if err != nil {
			return err
		}
		r.own(m, c)
		if s.tokens[n], err = s.language.hello(ctx, c, r.name(n), s.language.password); err != nil {
			return fmt.Errorf("sign-in of %s: %w", r.name(n), err)
		}
		m.shown = r.name(n)
		m.ledger = newLedger(in, m)
		if m.ledger.lastID, err = s.language.joinAt(ctx, c, in.name); err != nil {
			return fmt.Errorf("%s joining %s: %w", m.shown, in.name, err)
		}
		c.grow(readBuffer)
		r.listen(m)
		return nil
	})
}

// place is the room of account n, and its member there.
func (s *resume) place(talkers, all *room, n int) (*room, *member) {
	if n < s.People {
		return talkers, talkers.members[n]
	}
	return all, all.members[n-s.People]
}

// bare measures what handshakes alone cost the server.
func (s *resume) bare(ctx context.Context, r *run) error {
	if s.Bare == 0 {
		return nil
	}
	from, err := r.markNow()
	if err != nil {
		return err
	}
	err = r.each(ctx, s.Bare, 8, "handshakes", func(ctx context.Context, n int) error {
		c, err := r.dial(ctx, r.source(abroad, n/8))
		if err != nil {
			return err
		}
		return c.NetConn().Close()
	})
	to, failed := r.markNow()
	if r.server != 0 {
		r.report.add("server_cpu_ms_per_handshake", "server's CPU per bare handshake, ms", (to.server-from.server).Seconds()*1e3/float64(s.Bare))
	}
	return errors.Join(err, failed)
}

func (s *resume) drop(members []*member) {
	for _, m := range members {
		m.dropped.Store(true)
		m.NetConn().Close()
	}
	for _, m := range members {
		<-m.over
	}
}

// restart starts the server anew, and brings back those who talk.
func (s *resume) restart(ctx context.Context, r *run) error {
	for _, in := range r.rooms {
		for _, m := range in.members {
			m.dropped.Store(true)
		}
	}
	began := time.Now()
	command := exec.CommandContext(ctx, "sh", "-c", s.Restart)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("--restart-command: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 {
			r.server = process(pid)
		}
	}
	for {
		c, err := r.dial(ctx, r.source(home, 0))
		if err == nil {
			c.NetConn().Close()
			break
		}
		if time.Since(began) > patience {
			return fmt.Errorf("the server is not back: %w", err)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	r.report.add("restart_s", "until the server was there again, s", time.Since(began).Seconds())
	s.drop(r.rooms[0].members)
	s.drop(r.rooms[1].members)
	return r.each(ctx, s.People+1, s.AtOnce, "people first", func(ctx context.Context, n int) error { return s.comeBack(ctx, r, n) })
}

// storm is everybody coming back at once while others talk.
func (s *resume) storm(ctx context.Context, r *run) error {
	back := newLatencies()
	back.on.Store(true)
	r.counting(true)
	from, err := r.markNow()
	if err != nil {
		return err
	}
	err = r.each(ctx, s.Count, s.AtOnce, "coming back", func(ctx context.Context, n int) error {
		err := s.comeBack(ctx, r, s.People+1+n)
		back.since(from.at)
		return err
	})
	to, failed := r.markNow()
	r.counting(false)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	r.report.add("back_s", "all back and caught up after, s", to.at.Sub(from.at).Seconds())
	if r.server != 0 {
		each := (to.server - from.server).Seconds() * 1e3 / float64(s.Count)
		r.report.add("server_cpu_ms_per_resume", "server's CPU per resume, ms", each)
		if bare := r.report.Figures["server_cpu_ms_per_handshake"]; bare > 0 {
			r.report.add("cpu_ratio", "CPU per resume / per bare handshake", each/bare)
		}
	}
	r.report.addLatencies("back", "from the start to caught up", back)
	r.addHeard("people", "those who talk, from said to heard")
	if err := r.addCPU("", from, to); err != nil {
		return err
	}
	return r.wait(ctx, s.Quiet, "talking on")
}

// comeBack signs account n in by its token and reads what it missed.
func (s *resume) comeBack(ctx context.Context, r *run, n int) error {
	in, m := s.place(r.rooms[0], r.rooms[1], n)
	c, err := r.dial(ctx, r.source(home, n))
	if err != nil {
		return err
	}
	m.reconnected(c)
	if s.tokens[n], err = s.language.hello(ctx, c, r.name(n), s.tokens[n]); err != nil {
		return fmt.Errorf("%s coming back: %w", r.name(n), err)
	}
	if err := m.catchUp(ctx, in); err != nil {
		return fmt.Errorf("%s catching up: %w", r.name(n), err)
	}
	c.grow(readBuffer)
	r.listen(m)
	return nil
}
