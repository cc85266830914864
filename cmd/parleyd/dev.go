package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/auth"
	"parley/tlsutil"
)

// devSetup is what --dev made, or found from the last time.
type devSetup struct {
	ca        string
	passwords string // file of lines "name password", 0600
	accounts  [2]devAccount
}

type devAccount struct {
	name, password string
	admin          bool
	made           bool // the password is new
}

// prepareDev fills in what was not given: certificates in certs/, data in
// ./data, loopback alone.
func prepareDev(c *serve) (*devSetup, error) {
	if c.Data == "" {
		c.Data = "data"
	}
	if len(c.Listen) == 1 && c.Listen[0] == ":7443" {
		c.Listen[0] = "127.0.0.1:7443"
	}
	addrs := c.Listen
	if c.WebListen != "" {
		addrs = append(slices.Clone(addrs), strings.TrimPrefix(c.WebListen, plainPrefix))
	}
	for _, addr := range addrs {
		if !isLoopback(addr) {
			return nil, &exitError{exitUsage, fmt.Errorf("--dev listens on loopback alone, not on %q: its passwords are for trying things out", addr)}
		}
	}
	trial := &devSetup{ca: "certs/ca.pem", passwords: filepath.Join(string(c.Data), "dev-passwords")}
	if (c.Cert == "") != (c.Key == "") {
		return nil, &exitError{exitUsage, errors.New("--cert and --key go together")}
	}
	if c.Cert == "" {
		c.Cert, c.Key = "certs/server.pem", "certs/server-key.pem"
		if err := makeDevCerts(c); err != nil {
			return nil, &exitError{exitTLS, err}
		}
	}
	return trial, trial.findPasswords(string(c.Data))
}

func makeDevCerts(c *serve) error {
	if _, err := os.Stat(string(c.Cert)); err == nil {
		return nil
	}
	hosts := append([]string{"localhost", "127.0.0.1", "::1"}, c.Host...)
	_, err := tlsutil.MakeCerts(tlsutil.Options{Dir: "certs", Hosts: hosts})
	return err
}

// findPasswords reads the passwords of the last time, or makes new ones.
func (d *devSetup) findPasswords(dir string) error {
	d.accounts = [2]devAccount{{name: "alice", admin: true}, {name: "bob"}}
	kept, err := os.ReadFile(d.passwords)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for i := range d.accounts {
		a := &d.accounts[i]
		for line := range strings.Lines(string(kept)) {
			if name, password, found := strings.Cut(strings.TrimSpace(line), " "); found && name == a.name {
				a.password = password
			}
		}
		if a.password == "" {
			a.password, a.made = strings.ToLower(rand.Text()), true
			kept = append(kept, a.name+" "+a.password+"\n"...)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp := d.passwords + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(temp, kept, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, d.passwords)
}

// addAccounts adds those that are not there yet, and gives those whose
// password was lost the new one.
func (d *devSetup) addAccounts(a *auth.Service) error {
	ctx := context.Background()
	for _, one := range d.accounts {
		err := a.Add(ctx, one.name, auth.Secret(one.password), one.admin, false)
		if errors.Is(err, auth.ErrTaken) {
			err = nil
			if one.made {
				err = a.SetPassword(ctx, one.name, auth.Secret(one.password))
			}
		}
		if err != nil {
			return fmt.Errorf("account %s: %w", one.name, err)
		}
	}
	return nil
}

// explain prints what to type to try the server now.
func (d *devSetup) explain(w io.Writer, in *entrances) {
	addr := in.lines[0].Addr()
	one, two := d.accounts[0], d.accounts[1]
	fmt.Fprintf(w, `
parley is running on %[1]s, for this machine alone. To try it, in other terminals:

  go run ./cmd/parley --ca %[2]s %[3]s@%[1]s        password: %[4]s
  go run ./cmd/parley --ca %[2]s %[5]s@%[1]s          password: %[6]s

or by hand, typing HELLO|%[5]s|%[6]s and then MSG|hello, and EXIT| at the end:

  openssl s_client -quiet -connect %[1]s -CAfile %[2]s -verify_return_error
%[8]s
The passwords are kept in %[7]s. Ctrl+C stops the server.

`, addr, d.ca, one.name, one.password, two.name, two.password, d.passwords, in.browsers(d.ca))
}
