package tlsutil

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// parseHosts turns what an operator typed into subject alternative names, without doubles, in the order given.
func parseHosts(hosts []string) (dns []string, ips []net.IP, err error) {
	seen := map[string]bool{}
	for _, host := range hosts {
		name, addr, err := parseHost(host)
		if err != nil {
			return nil, nil, fmt.Errorf("host %q: %w", host, err)
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		if addr.IsValid() {
			ips = append(ips, net.IP(addr.AsSlice()))
		} else {
			dns = append(dns, name)
		}
	}
	return dns, ips, nil
}

// parseHost reads an IP address, or a DNS name of letters, digits and hyphens (RFC 1123, 2.1), in lower case and without a last dot; its first label
// may be "*" where at least two follow, which is as wide as clients accept (RFC 9525, 6.3).
func parseHost(host string) (string, netip.Addr, error) {
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if addr.Zone() != "" {
			return "", netip.Addr{}, errors.New("a certificate can't hold the zone of an address; give it without the % and what follows")
		}
		addr = addr.Unmap()
		return addr.String(), addr, nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	switch {
	case name == "":
		return "", netip.Addr{}, errors.New("is empty")
	case len(name) > 253:
		return "", netip.Addr{}, errors.New("a DNS name has at most 253 characters")
	case strings.Contains(name, "://"):
		return "", netip.Addr{}, errors.New("give the name alone, not an address with ://")
	case strings.Contains(name, ":"):
		return "", netip.Addr{}, errors.New("give the name or address alone, without a port")
	}
	labels := strings.Split(name, ".")
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "", netip.Addr{}, errors.New("is neither an IP address nor a DNS name, whose last part is never a number")
	}
	rest := labels
	if labels[0] == "*" {
		if rest = labels[1:]; len(rest) < 2 {
			return "", netip.Addr{}, errors.New("after *. at least two parts must follow, as in *.example.org")
		}
	}
	for _, label := range rest {
		if err := checkLabel(label); err != nil {
			return "", netip.Addr{}, err
		}
	}
	return name, netip.Addr{}, nil
}

// DNSName is host as certificates have it: in lower case and without a last dot. An address is none, nor is a name with "*".
func DNSName(host string) (string, error) {
	name, addr, err := parseHost(host)
	switch {
	case err != nil:
		return "", err
	case addr.IsValid():
		return "", errors.New("is an address, not a DNS name")
	case strings.Contains(name, "*"):
		return "", errors.New("has a *: give each name in full")
	}
	return name, nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("has an empty part between dots")
	case len(label) > 63:
		return errors.New("a part of a DNS name has at most 63 characters")
	case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
		return errors.New("a part of a DNS name neither begins nor ends with -")
	case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return errors.New("a DNS name has only letters, digits, - and dots (an international name is given in its xn-- form)")
	}
	return nil
}
