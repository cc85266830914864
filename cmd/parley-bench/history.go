package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// history is reads of what was said long ago.
type history struct {
	common
	Fill  int `default:"20000" group:"load" help:"Messages that are said before, in all rooms together; 0 where an earlier run with as many rooms has filled them."`
	Rooms int `default:"20" group:"load" help:"Rooms; the first is read."`
	Size  int `default:"64" group:"load" help:"Bytes of a text."`
	Reads int `default:"200" group:"load" help:"Of each kind, one after the other."`
}

func (h *history) check() error {
	if h.Peer != "parley" {
		return errors.New("history is for parley: the peers keep nothing")
	}
	return errors.Join(checkSize(h.Size), atLeast("--rooms", h.Rooms, 1), atLeast("--reads", h.Reads, 1), atLeast("--fill", h.Fill, 0))
}

// reads are the kinds of reading: a line for a room in which ids up to last were given, and what each message of the answer must hold.
var reads = []struct {
	name, words string
	line        func(room string, last int64) (line string, holds []byte)
}{
	{"history_last", "HISTORY, the newest 500", func(room string, last int64) (string, []byte) {
		return fmt.Sprintf("HISTORY|%s|before|%d|%d", room, last+1, mostHistory), nil
	}},
	{"history_any", "HISTORY, 500 from anywhere", func(room string, last int64) (string, []byte) {
		return fmt.Sprintf("HISTORY|%s|before|%d|%d", room, 1+rand.Int64N(last+1), mostHistory), nil
	}},
	{"find_common", "FIND, words that all messages have", func(room string, _ int64) (string, []byte) {
		return "FIND|" + room + "|quick brown", []byte("quick")
	}},
	{"find_rare", "FIND, a word that few messages have", func(room string, _ int64) (string, []byte) {
		word := fmt.Sprintf("%08x", rand.IntN(2000))
		return "FIND|" + room + "|" + word, []byte(word)
	}},
}

func (h *history) run(ctx context.Context, r *run) error {
	if err := r.build(ctx, h.Rooms, 1, 0, h.Size); err != nil {
		return err
	}
	if h.Fill > 0 {
		if err := h.fill(ctx, r); err != nil {
			return err
		}
	}
	in := r.rooms[0]
	c, _, err := r.arrive(ctx, h.Rooms)
	if err != nil {
		return err
	}
	reader := &member{}
	r.own(reader, c)
	last, err := r.dialect.(parley).joinAt(ctx, c, in.name)
	if err != nil {
		return err
	}
	c.grow(readBuffer)
	for _, kind := range reads {
		if err := h.read(ctx, r, c, kind.name, kind.words, func() (string, []byte) { return kind.line(in.name, last) }); err != nil {
			return fmt.Errorf("%s: %w", kind.words, err)
		}
	}
	return nil
}

// fill says messages in all rooms, as fast as they are taken.
func (h *history) fill(ctx context.Context, r *run) error {
	each := int64(h.Fill+h.Rooms-1) / int64(h.Rooms)
	for _, s := range r.senders {
		if err := s.open(byOK, acceptWindow); err != nil {
			return err
		}
		s.limit = each
	}
	began := time.Now()
	err := r.while(ctx, r.windowed(r.senders, acceptWindow), func() error {
		for r.accepted() < each*int64(h.Rooms) {
			if err := r.wait(ctx, 100*time.Millisecond, "filling"); err != nil {
				return err
			}
			r.show.say("filling: %d of %d", r.accepted(), h.Fill)
		}
		return nil
	})
	r.report.add("filled_per_s", "messages/s while filling", float64(each)*float64(h.Rooms)/time.Since(began).Seconds())
	return err
}

// read measures one kind of reading and checks the answers: ids that grow, and the words asked for.
func (h *history) read(ctx context.Context, r *run, c *conn, name, words string, ask func() (string, []byte)) error {
	l := newLatencies()
	l.on.Store(true)
	from, err := r.markNow()
	if err != nil {
		return err
	}
	var messages int
	for n := range h.Reads {
		r.show.step(words, n, h.Reads)
		line, holds := ask()
		began := time.Now()
		answer, _, err := c.history(ctx, line)
		if err != nil {
			return err
		}
		l.since(began)
		messages += len(answer)
		if err := checkAnswer(answer, holds); err != nil {
			return err
		}
	}
	to, err := r.markNow()
	if err != nil {
		return err
	}
	r.report.addLatencies(name, words, l)
	r.report.add(name+"_messages", words+", messages an answer", float64(messages)/float64(h.Reads))
	if r.server != 0 {
		r.report.add(name+"_server_cpu_ms", words+", server's CPU, ms", (to.server-from.server).Seconds()*1e3/float64(h.Reads))
	}
	return nil
}

func checkAnswer(answer [][]byte, holds []byte) error {
	var e event
	last := int64(0)
	for _, line := range answer {
		parley{}.parse(line, &e)
		if e.kind != message { // one was taken back
			continue
		}
		if e.id <= last || !bytes.Contains(e.text, holds) {
			return fmt.Errorf("%w: %.80q after %d", errWrong, line, last)
		}
		last = e.id
	}
	return nil
}

// errWrong is an answer that cannot be right.
var errWrong = errors.New("a wrong answer")
