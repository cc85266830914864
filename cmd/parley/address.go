package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"parley/protocol"
)

const defaultPort = "7443"

// hostCharacters are those of DNS names, IP addresses, and the zones of the latter.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%"

// address is USER@HOST[:PORT] as the command line has it. USER may be missing: it is asked for.
type address struct {
	User, Host, Port string
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *address) UnmarshalText(text []byte) error {
	user, host, found := strings.Cut(string(text), "@")
	if !found {
		user, host = "", string(text)
	} else if bad := protocol.CheckName(user); bad != nil {
		return fmt.Errorf("user %q: %s", user, bad.Text)
	}
	port := defaultPort
	if addr, err := netip.ParseAddr(unbracketed(host)); err == nil {
		host = addr.String()
	} else if strings.Contains(host, ":") {
		if host, port, err = net.SplitHostPort(host); err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q: must be a number from 1 to 65535", port)
	}
	if host == "" {
		return errors.New("there is no host; give USER@HOST or USER@HOST:PORT")
	}
	if strings.ContainsFunc(host, func(r rune) bool { return !strings.ContainsRune(hostCharacters, r) }) {
		return fmt.Errorf("%q is not the name or address of a host (an international name is given in its xn-- form)", host)
	}
	*a = address{User: user, Host: strings.ToLower(host), Port: port}
	return nil
}

// unbracketed is host without the brackets that an IPv6 address may stand in. With a port behind them they stay: a zone may hold anything.
func unbracketed(host string) string {
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		return host[1 : len(host)-1]
	}
	return host
}

// dial is what the network and the token file know the server by.
func (a address) dial() string { return net.JoinHostPort(a.Host, a.Port) }

func (a address) String() string { return a.User + "@" + a.dial() }

// target is a room or @user on the command line.
type target string

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *target) UnmarshalText(text []byte) error {
	if _, bad := protocol.ParseTarget(string(text)); bad != nil {
		return fmt.Errorf("%q is neither a room nor @user: %s", text, bad.Text)
	}
	*t = target(text)
	return nil
}
