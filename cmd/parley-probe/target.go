package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"parley/protocol"
	"parley/tlsutil"
)

const (
	// patience is how long one step with the server may take,
	patience = 10 * time.Second
	// and replyPatience a reply: sign-ins wait for others' at a busy server.
	replyPatience = 25 * time.Second
)

// target is the server, seen from outside.
type target struct {
	addr   netip.AddrPort // the one address that everything is sent to
	many   bool           // there are other addresses to send from
	trust  tlsutil.ClientOptions
	config *tls.Config
	people []*account // none, one or two
	room   string     // of the probe's own, where the people have joined it; else empty
	noRoom error      // why there is none

	network int          // of the addresses to send from
	next    atomic.Int32 // of them
	sprayer netip.Addr   // from which names that nobody has are tried, so that the failures of all stages count together
	sprayed atomic.Int32 // failures that it has
	damage  error        // what could not be put back; stages that run side by side do no damage
}

// newTarget finds the address. Nothing is sent yet.
func newTarget(ctx context.Context, server string, trust tlsutil.ClientOptions, people []*account) (*target, error) {
	host, port, _ := net.SplitHostPort(server)
	trust.ServerName = host
	config, err := tlsutil.ClientConfig(trust)
	if err != nil {
		return nil, err
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	// One address for the whole run. IPv4 where there is a choice: on loopback it has others to send from.
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	n, _ := strconv.Atoi(port)
	t := &target{trust: trust, config: config, people: people, network: 2 + rand.IntN(250)}
	t.addr = netip.AddrPortFrom(addrs[0].Unmap(), uint16(n))
	t.many = t.addr.Addr().Is4() && t.addr.Addr().IsLoopback()
	t.sprayer = t.stranger()
	return t, nil
}

// stranger is a source address that nobody has used yet: invalid, which means any, where there is only one to use.
func (t *target) stranger() netip.Addr {
	if !t.many {
		return netip.Addr{}
	}
	n := t.next.Add(1)
	return netip.AddrFrom4([4]byte{127, byte(t.network), byte(n / 250), byte(1 + n%250)})
}

// connect opens a TCP connection, from the source given.
func (t *target) connect(ctx context.Context, from netip.Addr) (*net.TCPConn, error) {
	return t.connectBy(ctx, from, net.Dialer{Timeout: patience})
}

// connectBy is connect by a dialer of one's own.
func (t *target) connectBy(ctx context.Context, from netip.Addr, d net.Dialer) (*net.TCPConn, error) {
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	plain, err := d.DialContext(ctx, "tcp", t.addr.String())
	if err != nil {
		return nil, err
	}
	return plain.(*net.TCPConn), nil
}

// dial connects and finishes the TLS handshake: the server is verified. The connection is cut off when ctx ends.
func (t *target) dial(ctx context.Context, from netip.Addr) (*conn, error) {
	plain, err := t.connect(ctx, from)
	if err != nil {
		return nil, err
	}
	return t.secure(ctx, plain, t.config)
}

// secure finishes the handshake with a configuration made of the target's. The connection is cut off when ctx ends.
func (t *target) secure(ctx context.Context, plain net.Conn, config *tls.Config) (*conn, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	secured := tls.Client(plain, config)
	if err := secured.HandshakeContext(limited); err != nil {
		plain.Close()
		if bad, ok := t.trust.Explain(err); ok {
			return nil, bad
		}
		return nil, err
	}
	c := newConn(secured)
	c.release = context.AfterFunc(ctx, func() { plain.Close() })
	return c, nil
}

// offering is the configuration that offers other protocols than parley's, or none.
func (t *target) offering(protocols ...string) (*tls.Config, error) {
	trust := t.trust
	trust.Protocols = append([]string{}, protocols...)
	return tlsutil.ClientConfig(trust)
}

// dialOffering is dial with these protocols, or none, offered by ALPN.
func (t *target) dialOffering(ctx context.Context, protocols ...string) (*conn, error) {
	config, err := t.offering(protocols...)
	if err != nil {
		return nil, err
	}
	plain, err := t.connect(ctx, t.stranger())
	if err != nil {
		return nil, err
	}
	return t.secure(ctx, plain, config)
}

const (
	roomName = "parley-probe"
	rooms    = 9 // that are tried for one of the probe's own
)

// arrive signs everybody in once, so that a wrong password is told at once, and finds a room in which nobody else is.
func (t *target) arrive(ctx context.Context) error {
	for _, who := range t.people {
		c, err := t.open(ctx, who)
		if err != nil {
			return err
		}
		defer c.leave()
		who.conn = c
		if err := who.look(ctx, c); err != nil {
			return err
		}
	}
	for n := range rooms {
		room := roomName
		if n > 0 {
			room += "-" + strconv.Itoa(n+1)
		}
		if slices.ContainsFunc(t.people, func(who *account) bool { return who.had[room] }) {
			continue // it is theirs
		}
		members, err := t.join(room)
		if err != nil || members == len(t.people) {
			t.noRoom = err
			if err == nil && len(t.people) > 0 {
				t.room = room
			} else {
				t.part(room)
			}
			return nil
		}
		t.part(room)
	}
	t.noRoom = fmt.Errorf("the rooms %s to %s-%d are other people's", roomName, roomName, rooms)
	return nil
}

// join joins everybody, and returns how many have joined after that.
func (t *target) join(room string) (members int, err error) {
	for _, who := range t.people {
		fields, err := who.conn.ok("JOIN|" + room)
		if err != nil {
			return 0, fmt.Errorf("no room of its own to write in: %w", err)
		}
		if len(fields) == 3 {
			members, _ = strconv.Atoi(fields[1])
		}
	}
	return members, nil
}

func (t *target) part(room string) {
	for _, who := range t.people {
		who.conn.do("LEAVE|" + room)
	}
}

// leave puts back what arrive and stages did, with new sessions: those of before may be over.
func (t *target) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), stageTimeout)
	defer cancel()
	var failed []error
	for _, who := range t.people {
		if t.room != "" {
			who.rooms = append(who.rooms, t.room)
		}
		if who.conn == nil {
			continue
		}
		c, err := t.open(ctx, who)
		if err == nil {
			err = who.leaveRooms(ctx, c)
			c.kept = false
			c.leave()
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// pause waits, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// short is what the server said, safe to show and not too long for a table.
func short(line string) string {
	const most = 60
	line = protocol.Printable(strings.TrimSuffix(line, "\n"))
	if len(line) > most {
		line = line[:most] + "…"
	}
	return strconv.Quote(line)
}
