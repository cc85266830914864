package store

import (
	"context"
	"errors"
	"slices"
	"sync"

	"parley/internal/chat"
	"parley/internal/stream"
)

// push appends one op and waits until the stream has it.
func push(ctx context.Context, s *stream.Stream, o op) (seq uint64, err error) {
	type ack struct {
		seq uint64
		err error
	}
	acked := make(chan ack, 1)
	if err := send(s, o, func(seq uint64, _ bool, err error) { acked <- ack{seq, err} }); err != nil {
		return 0, err
	}
	select {
	case a := <-acked:
		return a.seq, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func send(s *stream.Stream, o op, acked func(uint64, bool, error)) error {
	f, err := encode(o)
	if err == nil {
		s.Append(stream.Append{Subject: f.subject, ID: f.id, Expect: f.expect, Data: f.data}, acked)
	}
	return err
}

// pushAtOnce is how many messages are on their way at once.
const pushAtOnce = 512

// A pusher appends messages, in the order of their ids, many at once. After one that fails it appends no more.
type pusher struct {
	ctx   context.Context
	to    *stream.Stream
	slots chan struct{}
	sent  int64

	mu  sync.Mutex
	err error
}

// before appends those of sorted messages that are below id, and above after; it returns the others.
func (p *pusher) before(list []chat.Message, id, after int64) []chat.Message {
	for len(list) > 0 && list[0].ID < id {
		if list[0].ID > after {
			p.push(list[0])
		}
		list = list[1:]
	}
	return list
}

func (p *pusher) push(m chat.Message) {
	p.slots <- struct{}{}
	if p.failed() != nil || p.ctx.Err() != nil {
		<-p.slots
		return
	}
	p.sent++
	e := chat.Entry{Kind: chat.Said, ID: m.ID, Time: m.Time, Room: m.Room, Account: m.User, Text: m.Text}
	if err := send(p.to, &broughtMessage{e}, func(_ uint64, _ bool, err error) { p.fail(err); <-p.slots }); err != nil {
		p.fail(err)
		<-p.slots
	}
}

func (p *pusher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = errors.Join(p.err, err)
}

func (p *pusher) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// wait returns when all are there.
func (p *pusher) wait() error {
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	return errors.Join(p.failed(), p.ctx.Err())
}

// insertSorted puts messages into a sorted list.
func insertSorted(list, some []chat.Message) []chat.Message {
	byID := func(m chat.Message, id int64) int { return int(m.ID - id) }
	for _, m := range some {
		at, _ := slices.BinarySearchFunc(list, m.ID, byID)
		list = slices.Insert(list, at, m)
	}
	return list
}
