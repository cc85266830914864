package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"

	"parley/internal/issuer"
	"parley/tlsutil"
)

// certificate looks at what clients will be shown.
func (i *inspection) certificate(context.Context) {
	cert, key, names := string(i.Cert), string(i.Key), i.Host
	if len(i.ACME) > 0 {
		var err error
		if cert, key, err = i.acmeFlags.options(i.serve, unlogged).Files(); err != nil {
			return // said of the flags
		}
		names = slices.Concat(i.ACME, i.Host)
	}
	if cert == "" || key == "" {
		return
	}
	found, err := tlsutil.Examine(cert, key, i.now)
	switch {
	case len(i.ACME) > 0 && errors.Is(err, fs.ErrNotExist):
		i.warn("start the server, and it asks the CA", "there is none yet")
		return
	case err != nil:
		i.fail("", "%v", err)
		return
	case found.Fault != "":
		i.fail(i.remedy(), "clients refuse it: it %s", found.Fault)
		return
	}
	if missing := uncovered(found, names); len(missing) > 0 {
		i.fail(i.remedy(), "it is not for %s, only for %s", strings.Join(missing, ", "), strings.Join(found.Names, ", "))
		return
	}
	i.trust(found)
	i.daysLeft(found)
}

func uncovered(found tlsutil.Examined, names []string) (missing []string) {
	for _, name := range names {
		if found.Leaf.VerifyHostname(name) != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// remedy is how a better certificate is had.
func (i *inspection) remedy() string {
	if len(i.ACME) > 0 {
		return "the server asks the CA for another; see its log"
	}
	return "parleyd certs makes and renews one, or ask your CA"
}

func (i *inspection) trust(found tlsutil.Examined) {
	names := strings.Join(found.Names, ", ")
	switch found.Trust {
	case tlsutil.Broken:
		i.fail("write into --cert the server's certificate, then who signed it, and so on", "the chain is none: a certificate in it is not signed by the next")
	case tlsutil.Incomplete:
		i.fail("give --cert the CA's full chain", "the chain ends before a CA that clients know: %s's certificate is missing", found.CA)
	case tlsutil.Given:
		i.ok("for %s; signed by %s, of which clients need ca.pem (--ca) or the pin", names, found.CA)
	case tlsutil.Pinned:
		i.ok("for %s; it vouches for itself, so clients need the pin %s", names, tlsutil.Pin(found.Leaf))
	default:
		i.ok("for %s; the system's CAs vouch for it", names)
	}
}

func (i *inspection) daysLeft(found tlsutil.Examined) {
	days := int(found.Leaf.NotAfter.Sub(i.now) / (24 * time.Hour))
	if found.EndsSoon(i.now) {
		i.warn(i.remedy(), "it expires on %s, %d days left", found.Leaf.NotAfter.Format(time.DateOnly), days)
		return
	}
	i.ok("until %s, %d days left", found.Leaf.NotAfter.Format(time.DateOnly), days)
}

// acme looks whether the CA can be asked, and can find this server.
func (i *inspection) acme(ctx context.Context) {
	if len(i.ACME) == 0 || i.Data == "" {
		return
	}
	found, err := issuer.Inspect(ctx, i.acmeFlags.options(i.serve, unlogged))
	switch {
	case err != nil:
		i.fail("", "%v", err)
		return
	case found.Failures > 0:
		i.warn("see the server's log; SIGHUP has it ask at once", "the last %d orders failed; the CA is asked again at %s", found.Failures, found.Again.Format(time.RFC3339))
	default:
		i.ok("the CA answers at %s", i.ACMEDirectory)
	}
	for _, name := range i.ACME {
		if _, err := net.DefaultResolver.LookupHost(ctx, name); err != nil {
			i.fail("give it an A or AAAA record", "%s leads nowhere (%v), so the CA cannot find this server", name, err)
		}
	}
	if !at443(i.Listen) {
		i.warn("--listen :443, or forward it", "the CA connects to port 443, and no --listen has it")
	}
}
