package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
	"parley/protocol"
	"parley/tlsutil"
)

// Exit codes; the help tells them.
const (
	exitGood   = 0
	exitFailed = 1
	exitUsage  = 2
)

const about = `Load a running server and measure it: parley, or a peer to compare it with.

  parleyd … & parley-bench fanout 127.0.0.1:7443 --ca certs/ca.pem --guests --pid $!
  parley-bench rooms 127.0.0.1:4222 --ca certs/ca.pem --peer nats --pid "$(cat nats.pid)" --json

People sign in as guests (a server run with --guests), or as the accounts PREFIX0, PREFIX1, … of --users, all with the password of
--password-file. The server must let them be as many and as quick as they are: docs/performance.md tells which of its bounds to lift.

All that is received is checked: every message once, in order, unchanged. Everything is sent to the one address named; anything but
loopback only after a question, or with --yes.

Exit codes: 0 measured, and nothing was wrong; 1 something was lost, doubled, out of order or changed, or the case could not be run; 2 wrong usage.`

// commandLine has one row for each case.
type commandLine struct {
	Fanout  fanout  `cmd:"" help:"One room: some speak, many hear; at saturation, or at a rate."`
	Rooms   many    `cmd:"" help:"Many rooms, whose members all speak, at a rate."`
	Idle    idle    `cmd:"" help:"Many connections that do nothing: memory of each."`
	Crowd   crowd   `cmd:"" help:"Many people in one room who all reconnect: what the others are told of it."`
	Accept  accept  `cmd:"" help:"Many who speak each in a room of their own: durable messages accepted; and one alone."`
	Signin  signin  `cmd:"" help:"A storm of sign-ins by password."`
	Wrong   wrong   `cmd:"" help:"A storm of wrong passwords while people talk."`
	Resume  resume  `cmd:"" help:"Many who lost their connections, or their server, come back at once by token while others talk."`
	History history `cmd:"" help:"HISTORY and FIND in what was said before."`
	Slow    slow    `cmd:"" help:"Readers who stop reading, among healthy ones."`

	Version kong.VersionFlag `help:"Show the version."`
}

// severalRooms are the cases for which the lobby is not enough.
var severalRooms = map[string]bool{"rooms": true, "accept": true, "history": true}

// benchCase is what a row is.
type benchCase interface {
	shared() *common
	check() error // of its flags
	run(ctx context.Context, r *run) error
}

// common are the flags of all cases.
type common struct {
	flags.Trust
	Server flags.Address `arg:"" name:"host:port" help:"The server."`

	Peer         string        `enum:"parley,irc,nats" default:"parley" help:"What the server speaks: parley, irc or nats."`
	Guests       bool          `xor:"who" help:"Sign in by name alone."`
	Users        string        `xor:"who" placeholder:"PREFIX" help:"Sign in as the accounts PREFIX0, PREFIX1, …"`
	Maker        string        `placeholder:"NAME" help:"The account that makes the rooms, which guests can't. Without it they speak in the lobby."`
	PasswordFile string        `type:"path" placeholder:"FILE" help:"The password of all these accounts: the first line of a file that nobody else can read."`
	PID          int           `name:"pid" placeholder:"PID" help:"The server's process, for its CPU and memory."`
	JSON         bool          `name:"json" help:"Print a JSON object instead of the table."`
	Progress     bool          `help:"Show the progress also where standard error is no terminal."`
	Yes          bool          `help:"Ask nothing: the server is mine to load."`
	Timeout      time.Duration `default:"15m" help:"For the whole run."`
}

func (c *common) shared() *common { return c }

func main() { os.Exit(flags.Main("parley-bench", bench)) }

func bench(ctx context.Context, args []string) (int, error) {
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("parley-bench"), kong.Description(about), kong.Vars{"version": flags.Version("parley-bench")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 130}),
	)
	if err != nil {
		panic(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return exitUsage, fmt.Errorf("%w; see parley-bench --help", err)
	}
	chosen := parsed.Selected().Target.Addr().Interface().(benchCase)
	if err := chosen.check(); err != nil {
		return exitUsage, err
	}
	r, err := newRun(ctx, chosen.shared(), severalRooms[parsed.Selected().Name])
	if err != nil {
		return exitUsage, err
	}
	r.report = &report{Case: parsed.Selected().Name, Server: r.common.Peer, Settings: settings(parsed), Figures: map[string]float64{}}
	if !r.addr.Addr().IsLoopback() && !r.common.Yes {
		if err := flags.Confirm(ctx, fmt.Sprintf("Load %s (%s)? Only do so where you are its operator, or asked. Type yes: ", r.common.Server, r.addr), "to load"); err != nil {
			return exitUsage, err
		}
	}
	return r.do(ctx, chosen)
}

// settings are the case's own flags.
func settings(parsed *kong.Context) map[string]any {
	s := make(map[string]any)
	for _, f := range parsed.Selected().Flags {
		if f.Group != nil && f.Group.Key == "load" {
			v := f.Target.Interface()
			if d, ok := v.(time.Duration); ok {
				v = d.Seconds()
			}
			s[strings.ReplaceAll(f.Name, "-", "_")] = v
		}
	}
	return s
}

// do runs the case and reports.
func (r *run) do(ctx context.Context, chosen benchCase) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.common.Timeout, fmt.Errorf("no time was left of the %v of --timeout", r.common.Timeout))
	defer cancel()
	ctx, r.fail = context.WithCancelCause(ctx)
	defer r.fail(nil)
	r.began = time.Now()
	var err error
	if r.delay, err = watchDelays(r.clock); err != nil {
		return exitFailed, err
	}
	defer r.delay.close()
	err = chosen.run(ctx, r)
	if flags.Over(ctx) {
		err = context.Cause(ctx)
	}
	r.leave()
	r.settle()
	r.show.done()
	r.report.OK = err == nil && !r.report.Faults.any()
	if err != nil {
		r.report.Error = protocol.Printable(err.Error())
	}
	code := exitGood
	if !r.report.OK {
		code = exitFailed
	}
	if failed := r.report.write(os.Stdout, r.common.JSON); failed != nil {
		return exitFailed, errors.Join(err, failed)
	}
	return code, err
}

// newRun finds the address and reads what files were named. Nothing is sent yet.
func newRun(ctx context.Context, c *common, severalRooms bool) (*run, error) {
	r := &run{common: c, server: process(c.PID), latency: newLatencies(), show: newProgress(c.Progress), mark: newMark()}
	r.trust = c.Options()
	host, port, _ := net.SplitHostPort(string(c.Server))
	r.trust.ServerName = host
	var err error
	if r.dialect, err = c.dialect(severalRooms); err != nil {
		return nil, err
	}
	if c.Peer != "parley" {
		r.trust.Protocols = []string{}
	}
	if r.config, err = tlsutil.ClientConfig(r.trust); err != nil {
		return nil, err
	}
	if _, err := r.server.cpu(); err != nil {
		return nil, fmt.Errorf("--pid: %w", err)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	// One address for the whole run. IPv4 where there is a choice: on loopback it has others to send from.
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	n, _ := strconv.Atoi(port)
	r.addr = netip.AddrPortFrom(addrs[0].Unmap(), uint16(n))
	return r, nil
}

func newMark() string {
	b := make([]byte, 3)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func (c *common) dialect(needsRooms bool) (dialect, error) {
	switch {
	case c.Peer == "irc":
		return irc{}, nil
	case c.Peer == "nats":
		return nats{}, nil
	case c.Guests && c.Maker == "" && needsRooms:
		return nil, errors.New("guests make no rooms, and this case needs some: give --maker and --password-file")
	case !c.Guests && c.Users == "":
		return nil, errors.New("who is to sign in? give --guests, or --users and --password-file")
	case (c.Users != "" || c.Maker != "") && c.PasswordFile == "":
		return nil, errors.New("--password-file is missing: --users and --maker need it")
	case c.Users == "" && c.Maker == "" && c.PasswordFile != "":
		return nil, errors.New("--password-file belongs to --users or --maker")
	case c.PasswordFile == "":
		return parley{guests: true}, nil
	}
	if err := checkName(c.Users + c.Maker + "0"); err != nil {
		return nil, err
	}
	password, err := flags.ReadPassword(c.PasswordFile)
	return parley{guests: c.Guests, password: password}, err
}
