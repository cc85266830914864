package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"parley/tlsutil"
)

// Bounds of [Dialer.Dial].
const (
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 10 * time.Second
)

// Dialer makes verified connections to one server.
type Dialer struct {
	address string
	trust   tlsutil.ClientOptions
	config  *tls.Config
}

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

// Dial connects and verifies, each within 10 s. Where the server could not be trusted, nothing was sent and the error is a [tlsutil.TrustError].
func (d *Dialer) Dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout}
	plain, err := dialer.DialContext(ctx, "tcp", d.address)
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
		return nil, fmt.Errorf("TLS with %s: %w", d.address, err)
	}
	return conn, nil
}
