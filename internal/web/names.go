package web

import (
	"net/netip"
	"net/url"
	"strings"
)

// isHost says whether the Host of a request is one of the names, with any port or none. A page that reached this server by a name
// of its own (DNS rebinding) is refused by it.
func isHost(names []string, host string) bool {
	u, err := url.Parse("https://" + host)
	return err == nil && u.Host == host && bare(u) && isName(names, u.Hostname())
}

// isOrigin says whether the Origin of a request is a page of a server with one of the names, on any port. Only where plain, a page
// that came without TLS from this machine is one as well.
func isOrigin(names []string, origin string, plain bool) bool {
	u, err := url.Parse(origin)
	if err != nil || !bare(u) || !isName(names, u.Hostname()) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && plain && isLoopback(u.Hostname())
}

// bare says that a URL has a host and a scheme, and nothing else.
func bare(u *url.URL) bool {
	return u.Host != "" && u.User == nil && u.Opaque == "" && u.Path == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// isName compares as certificates are compared: without case, addresses by value, and * for a first label.
func isName(names []string, host string) bool {
	host = canonical(host)
	_, parent, _ := strings.Cut(host, ".")
	for _, name := range names {
		name = canonical(name)
		if name == host || parent != "" && name == "*."+parent {
			return host != ""
		}
	}
	return false
}

func canonical(name string) string {
	if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return addr.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// origin is where a request comes from. On a plain connection that is what the reverse proxy put last into X-Forwarded-For, the one entry
// that its client could not write; where there is none, somebody on this machine came without the proxy.
func origin(v Visitor, forwarded []string) (netip.Addr, bool) {
	if !v.Plain() {
		return v.From(), true
	}
	if len(forwarded) == 0 {
		addr, err := netip.ParseAddrPort(v.RemoteAddr().String())
		return addr.Addr(), err == nil
	}
	last := forwarded[len(forwarded)-1]
	last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	addr, err := netip.ParseAddr(strings.Trim(last, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(last)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
