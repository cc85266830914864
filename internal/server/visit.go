package server

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"

	"parley/auth"
	"parley/tlsutil"
)

// Visit is a connection for the web front, its handshake done. It counts with those that speak HTTP until Upgrade, and is counted until Close; who takes it over calls that. Reads and
// writes wait, under the deadlines, until Loose.
type Visit struct {
	*conn
	socket net.Conn
	from   netip.Addr
	pass   *pass
	server *Server
	closed sync.Once
}

// From is the peer's address. That of a plain connection is not valid before Upgrade.
func (v *Visit) From() netip.Addr { return v.from }

// Plain says that there is no TLS, and a reverse proxy at the other end.
func (v *Visit) Plain() bool { return net.Conn(v.wire) == v.Conn }

// Upgrade says that the connection speaks lines from now on, and comes from there: it counts as a stranger. It is false where there are too many of
// them, and nothing has changed then.
func (v *Visit) Upgrade(from netip.Addr) bool {
	if why := v.pass.become(stranger, auth.Network(from)); why != "" {
		v.server.logRefused(from, why)
		return false
	}
	v.from = from
	return true
}

// greet counts the connection as what it will be by the names that the peer offers, as crypto/tls will choose among them (RFC 7301). Where there is no
// room for one more of these, it is closed without a word, before anything is computed for it.
func (v *Visit) greet(offered []string) error {
	as := stranger
	switch {
	case len(offered) == 0 || slices.Contains(offered, tlsutil.ALPN):
	case slices.Contains(offered, tlsutil.HTTP):
		as = visitor
	default:
		return nil // the handshake fails, or proves a name and is all there is
	}
	if why := v.pass.become(as, v.pass.network); why != "" {
		v.server.logRefused(v.from, why)
		v.socket.Close()
		return errRefused
	}
	return nil
}

var (
	errRefused = errors.New("server: too many connections")
	errProved  = errors.New("server: a CA was shown that a name is this server's")
)

// greeting has the greet of a connection's wire hear what its peer offers.
func greeting(config *tls.Config) *tls.Config {
	config = config.Clone()
	next := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if err := hello.Conn.(*wire).greet(hello.SupportedProtos); err != nil || next == nil {
			return nil, err
		}
		return next(hello)
	}
	return config
}

// SignedIn says that the connection is no stranger's any more.
func (v *Visit) SignedIn() { v.pass.signIn() }

// Loose has writes wait no more: what the peer does not take is kept, for Drain. It is called once, while nobody else uses the connection.
func (v *Visit) Loose() {
	v.server.known(v.socket)
	v.loose()
}

// Close closes the connection and ends its counting. It may be called again without harm.
func (v *Visit) Close() (err error) {
	v.closed.Do(func() {
		err = v.Conn.Close()
		v.server.known(v.socket)
		v.server.leave(v.pass)
	})
	return err
}
