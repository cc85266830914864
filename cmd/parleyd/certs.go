package main

import (
	"fmt"
	"strings"

	"parley/tlsutil"
)

type certs struct {
	Out   path     `required:"" placeholder:"DIR" help:"Where ca.pem, ca-key.pem, server.pem and server-key.pem go."`
	Host  []string `placeholder:"NAME" help:"DNS name or IP address that clients connect to; repeatable."`
	Force bool     `env:"-" help:"Overwrite what is there, the CA too: every client then needs the new ca.pem or pin."`
	Renew bool     `env:"-" help:"Only a new certificate for the server key that is there: ca.pem and the pin stay."`
}

// Run makes the files and says what to do with them.
func (c *certs) Run() error {
	made, err := tlsutil.MakeCerts(tlsutil.Options{Dir: string(c.Out), Hosts: c.Host, Force: c.Force, Renew: c.Renew})
	if err != nil {
		return &exitError{exitTLS, err}
	}
	fmt.Printf(`certificate  %s, for %s, until %s
key          %s (keep it here)
CA           %s (give it to clients: --ca)
CA's key     %s (move it somewhere safe; only renewing needs it)
pin          %s (or give this to clients: --pin)
`, made.Cert, strings.Join(made.Names, ", "), made.Expires.Format("2006-01-02"), made.Key, made.CA, made.CAKey, made.Pin)
	return nil
}
