package store

import (
	"context"
	"errors"
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

// A pusher appends messages, many at once. After one that fails it appends no more.
type pusher struct {
	ctx   context.Context
	to    *stream.Stream
	slots chan struct{}

	mu  sync.Mutex
	err error
}

// push says whether the message is on its way.
func (p *pusher) push(m chat.Message) bool {
	if p.failed() != nil || p.ctx.Err() != nil {
		return false
	}
	p.slots <- struct{}{}
	e := chat.Entry{Kind: chat.Said, ID: m.ID, Time: m.Time, Room: m.Room, Account: m.User, Text: m.Text}
	err := send(p.to, &broughtMessage{e}, func(_ uint64, _ bool, err error) {
		p.fail(err)
		<-p.slots
	})
	if err != nil {
		p.fail(err)
		<-p.slots
	}
	return err == nil
}

func (p *pusher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err // many fail at once, for one reason
	}
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
