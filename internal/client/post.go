package client

import (
	"context"
	"errors"
	"time"

	"parley/protocol"
)

// Post is a text on its way. It is said once, whatever happens to the connection, or settled with an error.
type Post struct {
	Target, Text string

	client *Client
	key    string
	done   chan struct{} // closed when it is settled; id and err are set before
	id     int64
	err    error

	// Of the client's own goroutine.
	begun  time.Time // by Client.clock: of the first try
	sent   time.Time // by the machine's clock, which goes on while the machine sleeps: of the first try
	faults int       // times the server answered internal
}

// keyHolds is how long after the first try a text is sent again: the server knows its key for 24 hours, and clocks may be an hour apart
// either way.
const keyHolds = 22 * time.Hour

// ErrUnsure settles a text that was sent and not answered, where the server may have forgotten its key: after 22 h, and for a guest, whose keys
// hold for one connection, once that is lost. It may or may not have been said, and sent again it might be said twice.
var ErrUnsure = errors.New("the server did not answer in time; it may or may not have been said")

// maxHeld bounds the wait before a message is sent again that was refused as busy, where the server does not ask for more.
const maxHeld = 8 * time.Second

// maxFaults is how often a server may answer internal before that is told.
const maxFaults = 5

// ErrFull: as many posts wait as Config.Queue.
var ErrFull = errors.New("too much waits to be said already")

// Post queues text for a room or @user; texts are said in the order they are posted. It waits for room in the queue.
// A text or target that the protocol does not allow is a *protocol.Error.
func (c *Client) Post(ctx context.Context, target, text string) (*Post, error) {
	return c.PostOnce(ctx, target, NewKey(), text)
}

// PostOnce is Post with a key of the caller's: what the account has said to this target with this key in the last 24 hours, by whatever
// process, is not said again, and settled with the first one's id.
func (c *Client) PostOnce(ctx context.Context, target, key, text string) (*Post, error) {
	p, err := c.newPost(target, key, text)
	if err != nil {
		return nil, err
	}
	select {
	case c.queue <- p:
		return p, nil
	case <-c.done:
		return nil, c.ended()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TryPost is Post that does not wait: where there is no room in the queue, it is ErrFull.
func (c *Client) TryPost(target, text string) (*Post, error) {
	p, err := c.newPost(target, NewKey(), text)
	if err != nil {
		return nil, err
	}
	select {
	case c.queue <- p:
		return p, nil
	default:
		return nil, ErrFull
	}
}

func (c *Client) newPost(target, key, text string) (*Post, error) {
	if _, bad := protocol.ParseTarget(target); bad != nil {
		return nil, bad
	}
	if bad := protocol.CheckText(text); bad != nil {
		return nil, bad
	}
	if bad := protocol.CheckKey(key); bad != nil {
		return nil, bad
	}
	if c.isDone() {
		return nil, c.ended()
	}
	return &Post{Target: target, Text: text, client: c, key: key, done: make(chan struct{})}, nil
}

// Wait returns the message's id once it is acknowledged, which means: on disk, in order, never lost. Otherwise it is the server's
// refusal, a *protocol.Error, or ErrUnsure, or why the client ended; in the two last cases the message may have been said if the server was asked.
func (p *Post) Wait(ctx context.Context) (int64, error) {
	select {
	case <-p.done:
		return p.id, p.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-p.client.done:
		select {
		case <-p.done:
			return p.id, p.err
		default:
			return 0, p.client.ended()
		}
	}
}

// Send is Post and Wait.
func (c *Client) Send(ctx context.Context, target, text string) (int64, error) {
	p, err := c.Post(ctx, target, text)
	if err != nil {
		return 0, err
	}
	return p.Wait(ctx)
}

func (c *Client) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *Client) ended() error {
	if c.err != nil {
		return c.err
	}
	return ErrClosed
}

// deliver sends p until it is settled. Its error is the end of the session or client, and p is then still c.inflight.
//
// Only one message is in flight at a time: with several, one that is refused as too fast would be overtaken by the next. The
// server's rate for an account is below what a round trip allows, so little is lost.
func (c *Client) deliver(s *Session, p *Post) error {
	if p.begun.IsZero() {
		p.begun = c.clock()
	}
	if c.cfg.Guest && !p.sent.IsZero() {
		c.settle(p, 0, ErrUnsure)
		return nil
	}
	spacing, held := backoff{most: maxHeld}, false
	for {
		if err := pause(s, c.limit.Reserve().Delay()); err != nil {
			return err
		}
		if c.settleOld() {
			break
		}
		if p.sent.IsZero() {
			p.sent = time.Now().Round(0)
		}
		id, err := c.say(s, p)
		var refused *protocol.Error
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		wait, again := retryAfter(refused)
		if refused != nil && refused.Code == protocol.Internal {
			p.faults++
		}
		busy := refused != nil && refused.Code == protocol.Busy
		if busy { // everybody's messages are refused: they must not all come back at once
			wait = max(wait, spacing.next())
		}
		if again && p.faults < maxFaults && !c.overdue(wait) {
			if busy && !held {
				held = true
				c.tell(Update{State: Held, Err: err})
			}
			if err := pause(s, wait); err != nil {
				return err
			}
			continue
		}
		c.settle(p, id, err)
		break
	}
	if held {
		c.tell(Update{State: Held})
	}
	return nil
}

func (c *Client) settle(p *Post, id int64, err error) {
	p.id, p.err = id, err
	c.inflight = nil
	close(p.done)
}

// settleOld settles the message in flight where the server may not know its key any more, and tells whether it did.
func (c *Client) settleOld() bool {
	p := c.inflight
	if p == nil || p.sent.IsZero() {
		return false
	}
	age := time.Now().Round(0).Sub(p.sent)
	old := age >= keyHolds || age <= -time.Hour // the clock was put back: there is no telling
	if old {
		c.settle(p, 0, ErrUnsure)
	}
	return old
}

// say sends p once and waits for the reply.
func (c *Client) say(s *Session, p *Post) (id int64, err error) {
	err = onReader(c.ctx, s, func(r Reply) (err error) {
		if r.Err != nil {
			return r.Err
		}
		if id, err = messageID(r); err == nil && c.cfg.Follow(p.Target) {
			c.progress.said(p.Target, id)
		}
		return err
	}, "SEND", p.Target, p.key, p.Text)
	return id, err
}

// retryAfter says how long to wait before the same line may be sent again; false for a refusal that is final.
func retryAfter(refused *protocol.Error) (time.Duration, bool) {
	if refused == nil {
		return 0, false
	}
	switch refused.Code {
	case protocol.Busy, protocol.RateLimited, protocol.Throttled, protocol.Internal:
		return max(refused.RetryAfter(), time.Second), true
	}
	return 0, false
}
