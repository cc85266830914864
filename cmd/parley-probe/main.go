package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
	"parley/protocol"
)

// Exit codes; the help tells them.
const (
	exitHeld    = 0
	exitFell    = 1
	exitUsage   = 2
	exitForeign = 3
)

const about = `Attack a running parley server from outside, and say what held.

  parley-probe 127.0.0.1:7443 --ca certs/ca.pem
  parley-probe 127.0.0.1:7443 --ca certs/ca.pem --user ann --password-file ann.txt --user2 ben --password-file2 ben.txt
  parley-probe --list

Make two accounts for it ('parleyd user add'): their sessions may be ended and their rates used up, and the password of the second is changed
and put back (if the probe is killed meanwhile, it may be one of those that --list shows). Without accounts the
stages that need them are 'untried'. 'parleyd --dev' makes alice and bob, which will do.

Everything is sent to the one address named; anything but loopback only after a question, or with --yes. Addresses other than one's own, which
floods and guesses are sent from, there are only on loopback (127.0.0.0/8). Messages are written in a room of the probe's own.

Trust: the server's certificate is checked as parley checks it: against the system's store, --ca or --pin.

Exit codes: 0 nothing fell and something held; 1 something fell, nothing was shown, it was interrupted, something could not be put back, or --strict and something was
untried; 2 wrong usage, or an account that can't sign in;
3 not a parley server, or none that can be trusted.`

type commandLine struct {
	flags.Trust
	Server flags.Address `arg:"" optional:"" name:"host:port" help:"The server."`

	User          string `and:"one" placeholder:"NAME" help:"An account of the server, for the stages that sign in."`
	PasswordFile  string `and:"one" type:"path" placeholder:"FILE" help:"Its password: the first line of a file that nobody else can read."`
	User2         string `name:"user2" and:"two" placeholder:"NAME" help:"A second account, for the stages that need two."`
	PasswordFile2 string `name:"password-file2" and:"two" type:"path" placeholder:"FILE" help:"Its password."`

	List    bool             `help:"List the stages, and the threats they belong to."`
	Only    []string         `sep:"," placeholder:"STAGE,..." help:"Only these stages."`
	Skip    []string         `sep:"," placeholder:"STAGE,..." help:"All but these stages."`
	JSON    bool             `name:"json" help:"Print a JSON array instead of the table."`
	Strict  bool             `help:"End with 1 where a stage could not be tried."`
	Yes     bool             `help:"Ask nothing: the server is mine to probe."`
	Timeout time.Duration    `default:"115s" help:"For the whole run; stages that it does not reach are untried."`
	Version kong.VersionFlag `help:"Show the version."`
}

func main() { os.Exit(flags.Main("parley-probe", probe)) }

func probe(ctx context.Context, args []string) (int, error) {
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("parley-probe"), kong.Description(about), kong.Vars{"version": flags.Version("parley-probe")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 130}),
	)
	if err != nil {
		panic(err)
	}
	if _, err := parser.Parse(args); err != nil {
		return exitUsage, fmt.Errorf("%w; see parley-probe --help", err)
	}
	chosen, err := choose(line.Only, line.Skip)
	if err != nil {
		return exitUsage, err
	}
	if line.List {
		return exitHeld, list(os.Stdout, chosen)
	}
	if line.Server == "" {
		return exitUsage, errors.New("there is no server; give HOST:PORT; see parley-probe --help")
	}
	people, err := line.accounts()
	if err != nil {
		return exitUsage, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, line.Timeout, fmt.Errorf("no time was left of the %v of --timeout", line.Timeout))
	defer cancel()
	t, err := newTarget(ctx, string(line.Server), line.Options(), people)
	if err != nil {
		return exitUsage, err
	}
	if !t.addr.Addr().IsLoopback() && !line.Yes {
		if err := flags.Confirm(ctx, fmt.Sprintf("Attack %s (%s)? Only do so where you are its operator, or asked. Type yes: ", line.Server, t.addr), "to probe"); err != nil {
			return exitUsage, err
		}
	}
	return line.attack(ctx, t, chosen)
}

// attack runs the stages and reports.
func (line *commandLine) attack(ctx context.Context, t *target, chosen []stage) (int, error) {
	if err := t.identify(ctx); flags.Over(ctx) {
		return exitFell, context.Cause(ctx)
	} else if err != nil {
		return exitForeign, err
	}
	show := newProgress(os.Stderr, len(chosen))
	err := t.arrive(ctx)
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
		t.leave()
		return exitUsage, err
	}
	var results []result
	if err == nil {
		results = runAll(ctx, t, chosen, show)
	}
	show.done()
	left := errors.Join(t.damage, t.leave())
	if left != nil {
		fmt.Fprintln(os.Stderr, "parley-probe: not all could be put back: "+protocol.Printable(left.Error()))
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled) && err != nil:
		return exitFell, errors.New("interrupted")
	case err != nil:
		return exitUsage, err
	}
	if line.JSON {
		err = writeJSON(os.Stdout, results)
	} else {
		err = writeTable(os.Stdout, results)
	}
	if err != nil || left != nil || errors.Is(ctx.Err(), context.Canceled) {
		return exitFell, err
	}
	return verdictCode(results, line.Strict), nil
}

// accounts are those that were given, the first first.
func (line *commandLine) accounts() ([]*account, error) {
	if line.User2 != "" && line.User == "" {
		return nil, errors.New("--user2 needs --user")
	}
	if line.User != "" && line.User == line.User2 {
		return nil, errors.New("--user and --user2 are the same account")
	}
	var people []*account
	for _, given := range []struct{ name, file string }{{line.User, line.PasswordFile}, {line.User2, line.PasswordFile2}} {
		if given.name == "" {
			continue
		}
		if bad := protocol.CheckName(given.name); bad != nil {
			return nil, fmt.Errorf("user %q: %s", given.name, bad.Text)
		}
		password, err := flags.ReadPassword(given.file)
		if err != nil {
			return nil, err
		}
		people = append(people, &account{name: given.name, password: password})
	}
	return people, nil
}
