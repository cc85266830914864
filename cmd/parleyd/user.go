package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"parley/internal/control"
	"parley/internal/store"
)

// operator is what the commands of a running server have in common.
type operator struct {
	Data path `required:"" placeholder:"DIR" help:"The server's data directory."`
}

// accounts is what all commands on accounts have in common.
type accounts struct {
	Data path `placeholder:"DIR" help:"The server's data directory."`
	hashing
	shared
}

// hashing are the bounds that matter where no server runs and this process does the work.
type hashing struct {
	BcryptCost  int `default:"12" help:"Cost of new password hashes where no server runs, 4 to 16."`
	PasswordMin int `default:"15" help:"Characters that a password has at least where no server runs."`
}

type named struct {
	Name string `arg:"" help:"The account's name."`
	accounts
}

type user struct {
	Add     userAdd     `cmd:"" help:"Add an account; its password is asked for, or one line of standard input."`
	Import  userImport  `cmd:"" help:"Add accounts with bcrypt hashes from elsewhere: lines NAME:HASH, as htpasswd -B writes them."`
	Passwd  userPasswd  `cmd:"" help:"Set an account's password; ends its sessions."`
	Disable userDisable `cmd:"" help:"Keep an account out and end its sessions."`
	Enable  userEnable  `cmd:"" help:"Let a disabled account in again."`
	List    userList    `cmd:"" help:"List the accounts."`
	Remove  userRemove  `cmd:"" help:"Remove an account for good; its name stays taken, what it said stays."`
}

type throttle struct {
	List throttleList `cmd:"" help:"List the waits that hold now."`
	Lift throttleLift `cmd:"" help:"Lift the waits of a name, an address, or both."`
}

type userAdd struct {
	named
	Admin  bool `env:"-" help:"May eject people and make rooms where they are fixed."`
	Invite bool `env:"-" help:"The password is a first one: it must be changed at the first sign-in."`
}

type (
	userPasswd  struct{ named }
	userDisable struct{ named }
	userEnable  struct{ named }
	userRemove  struct{ named }
	userList    struct {
		JSON bool `env:"-" name:"json" help:"One JSON object a line."`
		accounts
	}

	throttleList struct{ listing }
	throttleLift struct {
		Name    string `arg:"" optional:"" help:"The account's name."`
		Address string `env:"-" placeholder:"IP" help:"The address."`
		operator
	}
)

// Run adds the account.
func (c *userAdd) Run() error {
	password, err := readPassword("Password for " + c.Name + ": ")
	if err != nil {
		return err
	}
	r := control.Request{Op: "user add", Name: c.Name, Password: password, Admin: c.Admin, Invite: c.Invite}
	_, err = c.do(r)
	return say(err, "added %s\n", c.Name)
}

// Run sets the password.
func (c *userPasswd) Run() error {
	password, err := readPassword("New password for " + c.Name + ": ")
	if err != nil {
		return err
	}
	_, err = c.do(control.Request{Op: "user passwd", Name: c.Name, Password: password})
	return say(err, "changed the password of %s\n", c.Name)
}

// Run disables the account.
func (c *userDisable) Run() error {
	_, err := c.do(control.Request{Op: "user disable", Name: c.Name})
	return say(err, "disabled %s\n", c.Name)
}

// Run enables the account.
func (c *userEnable) Run() error {
	_, err := c.do(control.Request{Op: "user enable", Name: c.Name})
	return say(err, "enabled %s\n", c.Name)
}

// Run removes the account.
func (c *userRemove) Run() error {
	_, err := c.do(control.Request{Op: "user remove", Name: c.Name})
	return say(err, "removed %s\n", c.Name)
}

// Run lists the accounts.
func (c *userList) Run() error {
	r, err := c.do(control.Request{Op: "user list"})
	if err != nil {
		return err
	}
	return printList(c.JSON, r.Accounts, "USER\tMADE\tSTANDING", func(a control.Account) []any {
		var marks []string
		for _, m := range []struct {
			is   bool
			mark string
		}{{a.Admin, "admin"}, {a.Invited, "invited"}, {a.Disabled, "disabled"}, {a.Removed, "removed"}} {
			if m.is {
				marks = append(marks, m.mark)
			}
		}
		return []any{a.User, a.Made.UTC().Format(time.DateOnly), strings.Join(marks, ", ")}
	})
}

// Run lists the throttles.
func (c *throttleList) Run() error {
	r, err := c.do(control.Request{Op: "throttle list"})
	if err != nil {
		return err
	}
	return printList(c.JSON, r.Throttled, "USER\tADDRESS\tFAILURES\tUNTIL", func(t control.Throttle) []any {
		return []any{cmp.Or(t.User, "(any)"), t.Address, t.Failures, t.Until.UTC().Format(time.RFC3339)}
	})
}

// Run lifts throttles.
func (c *throttleLift) Run() error {
	if c.Name == "" && c.Address == "" {
		return &exitError{exitUsage, errors.New("name an account, an --address, or both")}
	}
	r, err := c.do(control.Request{Op: "throttle lift", Name: c.Name, Address: c.Address})
	return say(err, "lifted %d\n", r.Count)
}

func say(err error, format string, args ...any) error {
	if err == nil {
		fmt.Printf(format, args...)
	}
	return err
}

// do asks the server that runs on the directory; where none runs, nobody is throttled.
func (o *operator) do(r control.Request) (control.Response, error) {
	if err := o.Data.kept(); err != nil {
		return control.Response{}, err
	}
	response, err := control.Ask(context.Background(), string(o.Data), r)
	if errors.Is(err, control.ErrNoServer) {
		err = nil
	}
	return response, err
}

// do asks the server that runs on the directory, or does it here where none
// runs. A server that is just starting or stopping is waited for. In a cluster the stream is asked, and the directory is of no matter.
func (a *accounts) do(r control.Request) (control.Response, error) {
	ctx := context.Background()
	switch {
	case a.Nats != "":
		return a.doInStream(ctx, r)
	case a.Data == "":
		return control.Response{}, &exitError{exitUsage, errors.New("--data DIR is missing, the server's data directory; or --nats URL for a cluster's accounts")}
	}
	if err := a.Data.kept(); err != nil && (errors.Is(err, os.ErrPermission) || r.Op != "user add" && r.Op != "user import") {
		return control.Response{}, err
	}
	for give := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		response, err := control.Ask(ctx, string(a.Data), r)
		if !errors.Is(err, control.ErrNoServer) {
			return response, err
		}
		response, err = a.doHere(ctx, r)
		if !errors.Is(err, store.ErrLocked) || time.Now().After(give) {
			return response, err
		}
	}
}

func (a *accounts) doHere(ctx context.Context, r control.Request) (control.Response, error) {
	h, err := openKept(ctx, &serve{Data: a.Data, bounds: a.bounds()}, warnings())
	if err != nil {
		return control.Response{}, err
	}
	response, err := control.Do(ctx, control.House{Auth: h.auth}, r)
	return response, errors.Join(err, h.close())
}

// bounds are those of a server, as far as they matter here.
func (h hashing) bounds() (b bounds) {
	b.BcryptCost, b.PasswordMin = h.BcryptCost, h.PasswordMin
	return b
}

// warnings is the log of commands that are not servers.
func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// readPassword asks without echo, twice, or reads one line of standard input where that is no terminal.
func readPassword(prompt string) (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 64<<10)).ReadString('\n')
		if err != nil && (err != io.EOF || line == "") {
			return "", errors.New("no password on standard input; it is one line")
		}
		return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
	}
	var entered [2]string
	for i, p := range []string{prompt, "The same again: "} {
		fmt.Fprint(os.Stderr, p)
		b, err := term.ReadPassword(in)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", err
		}
		entered[i] = string(b)
	}
	if entered[0] != entered[1] {
		return "", errors.New("the two passwords are not the same; nothing was changed")
	}
	return entered[0], nil
}
