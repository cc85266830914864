package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"

	"parley/internal/issuer"
	"parley/tlsutil"
)

// acmeFlags are where the certificate comes from when it comes from a CA.
type acmeFlags struct {
	ACME          []string `name:"acme" placeholder:"NAME" group:"acme" help:"Have a CA certify this name of the server (ACME, TLS-ALPN-01), and agree to the CA's terms; repeatable. The name's port 443 must lead to --listen."`
	ACMEDirectory string   `name:"acme-directory" default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL" group:"acme" help:"The CA's directory."`
	ACMECA        path     `name:"acme-ca" placeholder:"FILE" group:"acme" help:"CA of the directory's own certificate, PEM. The system's CAs where it is not given."`
}

// check refuses names that no CA certifies, and what excludes --acme.
func (a acmeFlags) check(c *serve) error {
	switch {
	case len(a.ACME) == 0 && a.ACMECA != "":
		return errors.New("--acme-ca is for --acme NAME, which is missing")
	case len(a.ACME) == 0:
		return nil
	case c.Dev:
		return errors.New("--acme and --dev exclude each other: no CA certifies a machine that only it can reach")
	case c.Cert != "" || c.Key != "":
		return errors.New("--acme and --cert, --key exclude each other: where should the certificate come from?")
	}
	if _, err := issuer.Names(a.ACME); err != nil {
		return fmt.Errorf("--acme: %w", err)
	}
	if _, _, err := a.options(c, nil).Files(); err != nil {
		return fmt.Errorf("--acme-directory: %w", err)
	}
	return nil
}

// options keep everything in the data directory, which nobody but the server's user can read.
func (a acmeFlags) options(c *serve, log *slog.Logger) issuer.Options {
	return issuer.Options{
		Names: a.ACME, Directory: a.ACMEDirectory, CAFile: string(a.ACMECA), Dir: filepath.Join(string(c.Data), "acme"), Log: log,
	}
}

// at443 says whether one of the addresses has the port to which CAs connect.
func at443(listen []string) bool {
	return slices.ContainsFunc(listen, func(addr string) bool { return portOf(addr) == "443" || portOf(addr) == "https" })
}

// keyring is the key pair that the server shows, and what renews it.
type keyring struct {
	*tlsutil.KeyPair
	issuer *issuer.Issuer // nil without --acme
}

// keys are of the files that were given, or a CA's.
func (c *serve) keys(log *slog.Logger) (*keyring, error) {
	switch {
	case c.Data == "":
		return nil, &exitError{exitUsage, errors.New("--data DIR is missing: where everything is kept (or --dev to try it out)")}
	case len(c.ACME) > 0:
		return c.acmeKeys(log)
	case c.Cert == "" || c.Key == "":
		return nil, &exitError{exitUsage, errors.New("--cert and --key are missing: parleyd certs makes them (or --acme NAME to have them from a CA, or --dev to try it out)")}
	}
	keys, err := tlsutil.LoadKeyPair(string(c.Cert), string(c.Key), log)
	if err != nil {
		return nil, &exitError{exitTLS, err}
	}
	for _, name := range c.Host {
		if !slices.Contains(keys.Names(), name) {
			log.Warn("the certificate is not for this name; clients that use it will refuse to connect", "event", "cert.misnamed", "host", name, "certificate_for", keys.Names())
		}
	}
	return &keyring{KeyPair: keys}, nil
}

func (c *serve) acmeKeys(log *slog.Logger) (*keyring, error) {
	from, err := issuer.Open(c.options(c, log))
	if err != nil {
		return nil, &exitError{exitTLS, err}
	}
	if !at443(c.Listen) {
		log.Warn("no address has port 443, to which the CA connects: port 443 of each name must be forwarded to this server", "event", "acme.port", "listen", c.Listen, "names", c.ACME)
	}
	return &keyring{from.Keys(), from}, nil
}

// run keeps the pair current until ctx ends, on goroutines that start starts.
func (k *keyring) run(ctx context.Context, start func(func())) {
	start(func() { k.Watch(ctx, 0) })
	if k.issuer != nil {
		start(func() { k.issuer.Run(ctx) })
	}
}

// hup is what an operator asks for by SIGHUP: to look at the files, or to ask the CA, now.
func (k *keyring) hup() {
	if k.issuer != nil {
		k.issuer.Hurry()
		return
	}
	k.Reload() // it logs how that went
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
