package server

import (
	"net"
	"net/netip"
	"sync"
)

// Visit is a connection for the web front, its handshake done. It counts as any other until Close; who takes it over calls that. Reads and
// writes wait, under the deadlines, until Loose.
type Visit struct {
	*conn
	socket net.Conn
	from   netip.Addr
	pass   *pass
	server *Server
	closed sync.Once
}

// From is the peer's address. That of a plain connection is not valid before Forwarded.
func (v *Visit) From() netip.Addr { return v.from }

// Plain says that there is no TLS, and a reverse proxy at the other end.
func (v *Visit) Plain() bool { return net.Conn(v.wire) == v.Conn }

// Forwarded says where a plain connection comes from. It is false where that address has as many connections as it may.
func (v *Visit) Forwarded(from netip.Addr) bool {
	if why := v.pass.move(from); why != "" {
		v.server.logRefused(from, why)
		return false
	}
	v.from = from
	return true
}

// SignedIn moves the connection from the strangers to the signed-in.
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
