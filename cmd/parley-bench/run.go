package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"parley/protocol"
	"parley/tlsutil"
)

// run is one case against one server.
type run struct {
	common  *common
	dialect dialect
	addr    netip.AddrPort // the one address that everything is sent to
	trust   tlsutil.ClientOptions
	config  *tls.Config
	server  process
	mark    string // in the names of guests and rooms, so that two runs do not meet
	report  *report
	latency *latencies // from said to heard
	delay   *delays
	show    *progress
	began   time.Time

	rooms   []*room
	senders []*sender

	fail      context.CancelCauseFunc // of the run's context
	listening sync.WaitGroup          // the members' goroutines
	mu        sync.Mutex
	members   []*member
	leaving   bool // connections end because they are meant to
}

// clock is the time since the run began, in nanoseconds.
func (r *run) clock() int64 { return int64(time.Since(r.began)) }

// Connections come from many addresses where the server is on loopback, which has others than one's own: servers count by address.
const (
	home   = 1 // the network of people, 50 to an address
	abroad = 2 // that of attackers, each with an address of its own
)

func (r *run) source(network, n int) net.Addr {
	if !r.addr.Addr().Is4() || !r.addr.Addr().IsLoopback() {
		return nil
	}
	if network == home {
		n /= 50
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(network), byte(n / 250), byte(1 + n%250)}), 0))
}

// dial connects and finishes the TLS handshake: the server is verified.
func (r *run) dial(ctx context.Context, from net.Addr) (*conn, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d := net.Dialer{LocalAddr: from, KeepAlive: -1} // thousands of probes at one moment overflow the loopback's queue
	plain, err := d.DialContext(limited, "tcp", r.addr.String())
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("nothing listens at %s: is the server running there?", r.addr)
	}
	if err != nil {
		return nil, err
	}
	plain.SetDeadline(time.Now().Add(patience))
	secured := tls.Client(plain, r.config)
	err = r.dialect.upgrade(limited, plain)
	if err == nil {
		err = secured.HandshakeContext(limited)
	}
	if err != nil {
		plain.Close()
		if bad, ok := r.trust.Explain(err); ok {
			return nil, bad
		}
		return nil, err
	}
	plain.SetDeadline(time.Time{})
	return &conn{Conn: secured, dialect: r.dialect, buf: make([]byte, smallBuffer)}, nil
}

// name is that of person n.
func (r *run) name(n int) string {
	if r.common.Users != "" {
		return r.common.Users + strconv.Itoa(n)
	}
	return "b" + r.mark + "-" + strconv.Itoa(n)
}

// arrive connects person n and signs in.
func (r *run) arrive(ctx context.Context, n int) (c *conn, shown string, err error) {
	if c, err = r.dial(ctx, r.source(home, n)); err != nil {
		return nil, "", fmt.Errorf("connection %d: %w", n, err)
	}
	if shown, err = r.dialect.enter(ctx, c, r.name(n)); err != nil {
		c.NetConn().Close()
		return nil, "", fmt.Errorf("sign-in of %s: %w", r.name(n), err)
	}
	return c, shown, nil
}

// each calls do for 0 to n-1, so many side by side, until one fails.
func (r *run) each(ctx context.Context, n, atOnce int, what string, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(atOnce, n) {
		workers.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
			r.show.step(what, i+1, n)
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// enter brings in a person who hears a room. The room's lists are complete by then.
func (r *run) enter(ctx context.Context, n int, m *member, in *room) error {
	c, shown, err := r.arrive(ctx, n)
	if err != nil {
		return err
	}
	m.shown = shown
	r.own(m, c)
	if in.name != "" {
		if err := r.dialect.join(ctx, c, in.name); err != nil {
			return fmt.Errorf("%s joining %s: %w", shown, in.name, err)
		}
		c.grow(readBuffer)
	}
	m.ledger = newLedger(in, m)
	r.listen(m)
	return nil
}

// own gives a new member its connection, which is closed at the end of the run.
func (r *run) own(m *member, c *conn) {
	m.conn = c
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = append(r.members, m)
}

// listen starts the goroutine that reads what a member hears. Should the connection end before it is meant to, the run has failed.
func (r *run) listen(m *member) {
	m.over = make(chan struct{})
	r.listening.Go(func() {
		defer close(m.over)
		err := m.listen(r)
		r.mu.Lock()
		leaving := r.leaving
		r.mu.Unlock()
		if !leaving && !m.dropped.Load() {
			m.ledger.faults.Refused++
			r.fail(fmt.Errorf("the connection of %s: %w", m.shown, err))
		}
	})
}

// drop cuts a member's connection and waits for its goroutine. The member is its caller's then, until it listens again.
func (m *member) drop() {
	m.dropped.Store(true)
	m.NetConn().Close()
	<-m.over
}

// leave ends all connections and waits for their goroutines.
func (r *run) leave() {
	r.mu.Lock()
	r.leaving = true
	members := r.members
	r.mu.Unlock()
	for _, m := range members {
		m.SetWriteDeadline(time.Now().Add(time.Second))
		in := ""
		if m.ledger.room != nil {
			in = m.ledger.room.name
		}
		r.dialect.leave(m.conn, in)
		m.NetConn().Close()
	}
	r.listening.Wait()
}

// build makes the rooms, each with so many who speak and so many who only hear, and brings everybody in.
func (r *run) build(ctx context.Context, rooms, speakers, hearers, size int) error {
	if total := rooms * speakers; total > 1<<(4*senderDigits) {
		return fmt.Errorf("%d senders are more than there are numbers for", total)
	}
	per := speakers + hearers
	for i := range rooms {
		r.lay(r.roomName(i, rooms, per), speakers, hearers, size)
	}
	if err := r.makeRooms(ctx); err != nil {
		return err
	}
	return r.each(ctx, rooms*per, r.dialect.atOnce(), "arriving", func(ctx context.Context, n int) error {
		in := r.rooms[n/per]
		return r.enter(ctx, n, in.members[n%per], in)
	})
}

// lay makes a room, of which nobody has been told yet.
func (r *run) lay(name string, speakers, hearers, size int) *room {
	in := &room{name: name, size: size, first: len(r.senders), latency: r.latency}
	for j := range speakers + hearers {
		m := &member{}
		in.members = append(in.members, m)
		if j < speakers {
			m.said = &sender{member: m, room: in, number: in.first + j}
			in.senders = append(in.senders, m.said)
		}
	}
	r.rooms = append(r.rooms, in)
	r.senders = append(r.senders, in.senders...)
	return in
}

// roomName is the same in every run of this shape, so that runs leave no more rooms behind than there are shapes, and an account that
// was not taken out of one hears nothing of another. Guests can make no rooms: where nobody makes one for them, they speak in the lobby.
func (r *run) roomName(i, rooms, per int) string {
	if r.common.Guests && r.common.Maker == "" && rooms == 1 {
		return "lobby"
	}
	return fmt.Sprintf("bench-%dx%d-%d", rooms, per, i)
}

// makeRooms makes them by --maker, where that was given.
func (r *run) makeRooms(ctx context.Context) error {
	maker, ok := r.dialect.(parley)
	if !ok || r.common.Maker == "" {
		return nil
	}
	c, err := r.dial(ctx, r.source(home, 0))
	if err != nil {
		return err
	}
	defer c.NetConn().Close()
	maker.guests = false
	if _, err := maker.enter(ctx, c, r.common.Maker); err != nil {
		return fmt.Errorf("sign-in of %s: %w", r.common.Maker, err)
	}
	for _, in := range r.rooms {
		if err := maker.join(ctx, c, in.name); err != nil {
			return err
		}
		if _, err := c.ask(ctx, "LEAVE|"+in.name); err != nil {
			return err
		}
	}
	maker.leave(c, "")
	return nil
}

// heard is how many messages arrived, all members together.
func (r *run) heard() (n int64) {
	for _, in := range r.rooms {
		for _, m := range in.members {
			n += m.heard.Load()
		}
	}
	return n
}

func (r *run) sent() (n int64) {
	for _, s := range r.senders {
		n += int64(s.sent.Load())
	}
	return n
}

// owed is how many deliveries what was sent makes.
func (r *run) owed() (n int64) {
	for _, in := range r.rooms {
		for _, s := range in.senders {
			n += int64(s.sent.Load()) * int64(len(in.members)-1)
		}
	}
	return n
}

// accepted is how many OKs came, where windows go by them, and unanswered how many must.
func (r *run) accepted() (n int64) {
	for _, s := range r.senders {
		n += s.accept.Load()
	}
	return n
}

func (r *run) unanswered() (n int64) {
	for _, s := range r.senders {
		if s.by == byOK {
			n += int64(s.sent.Load())
		}
	}
	return n
}

// drained waits until all that was sent has arrived, as long as something still does.
func (r *run) drained(ctx context.Context) {
	last, since := int64(-1), time.Now()
	for ctx.Err() == nil {
		heard := r.heard() + r.accepted()
		if heard >= r.owed()+r.unanswered() {
			// What comes twice comes soon.
			_ = pause(ctx, 100*time.Millisecond)
			return
		}
		if heard != last {
			last, since = heard, time.Now()
		} else if time.Since(since) > 10*time.Second {
			return
		}
		_ = pause(ctx, 20*time.Millisecond)
	}
}

// settle adds up what everybody found. The members have left.
func (r *run) settle() {
	for _, in := range r.rooms {
		for _, m := range in.members {
			if m.ledger.room != nil {
				r.report.Faults.add(m.ledger.settle())
			}
		}
	}
}

func checkName(name string) error {
	if bad := protocol.CheckName(name); bad != nil {
		return fmt.Errorf("user %q: %s", name, bad.Text)
	}
	return nil
}
