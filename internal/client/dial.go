package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"syscall"
	"time"

	"parley/tlsutil"
)

// Bounds of [Dialer.Dial].
const (
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 10 * time.Second
)

var errAvoided = errors.New("this address is avoided")

// Dialer makes verified connections to one server.
type Dialer struct {
	address string
	trust   tlsutil.ClientOptions
	config  *tls.Config

	resolver *net.Resolver // nil: the machine's

	mu      sync.Mutex
	avoided map[string]bool // IP:PORT of servers that did not let in
}

// maxAvoided bounds the addresses that are avoided: more than a name has.
const maxAvoided = 64

// NewDialer returns the dialer for address, HOST:PORT. An empty trust.ServerName is the host of address.
// Errors are about what was given: an address that is none, an unreadable CA file, a malformed pin.
func NewDialer(address string, trust tlsutil.ClientOptions) (*Dialer, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if trust.ServerName == "" {
		trust.ServerName = host
	}
	config, err := tlsutil.ClientConfig(trust)
	if err != nil {
		return nil, err
	}
	return &Dialer{address: address, trust: trust, config: config}, nil
}

// Avoid makes Dial try the other addresses of the host first, where there are any, until none of them takes a connection.
func (d *Dialer) Avoid(at net.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.avoided == nil || len(d.avoided) >= maxAvoided {
		d.avoided = map[string]bool{}
	}
	d.avoided[at.String()] = true
}

// connect connects to the first address of the host that takes a connection, in the resolver's order, those that are avoided last.
func (d *Dialer) connect(ctx context.Context) (net.Conn, error) {
	d.mu.Lock()
	avoided := maps.Clone(d.avoided)
	d.mu.Unlock()
	dialer := net.Dialer{Timeout: connectTimeout, Resolver: d.resolver}
	if len(avoided) > 0 {
		choosy := dialer
		choosy.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			if avoided[address] {
				return errAvoided
			}
			return nil
		}
		if conn, err := choosy.DialContext(ctx, "tcp", d.address); err == nil || ctx.Err() != nil {
			return conn, err
		}
		d.mu.Lock()
		d.avoided = nil
		d.mu.Unlock()
	}
	return dialer.DialContext(ctx, "tcp", d.address)
}

// Dial connects and verifies, each within 10 s, or twice that where it comes back to an address that is avoided. Where the server could not be trusted, nothing was sent and the error is a [tlsutil.TrustError].
func (d *Dialer) Dial(ctx context.Context) (net.Conn, error) {
	plain, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn := tls.Client(plain, d.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		plain.Close()
		if trust, ok := d.trust.Explain(err); ok {
			return nil, trust
		}
		d.Avoid(plain.RemoteAddr())
		return nil, fmt.Errorf("TLS with %s: %w", d.address, err)
	}
	return conn, nil
}
