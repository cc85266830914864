// Command parleyd is the parley server, and the operator's tool for its
// certificates, accounts and throttles.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
	"parley/internal/store"
)

// Exit codes of parleyd, also in --help and docs/operations.md.
const (
	exitOK     = 0
	exitFailed = 1 // also: a second signal during shutdown
	exitUsage  = 2
	exitTLS    = 3 // certificate or key refused
	exitLocked = 4 // another process has the data directory
	exitDisk   = 5 // the disk failed while serving; restart is right
)

const about = `A chat server for a team: TLS 1.3, accounts, rooms, and nothing acknowledged is ever lost.

Try it:

    parleyd --dev

Serve a name that the world can reach; a CA certifies it by itself:

    parleyd user add alice --admin --data /var/lib/parley
    parleyd --acme chat.example.org --listen :443 --data /var/lib/parley

Or with certificates of your own:

    parleyd certs --out /etc/parley --host chat.example.org
    parleyd user add alice --admin --data /var/lib/parley
    parleyd --cert /etc/parley/server.pem --key /etc/parley/server-key.pem --data /var/lib/parley

SIGTERM and SIGINT stop it in order, a second one at once; SIGHUP reloads the certificate.

Exit codes: 0 done; 1 failed, or told to stop twice; 2 wrong usage; 3 certificate or key refused; 4 the data directory is in use; 5 the disk failed (start again: what was acknowledged is there).`

type commandLine struct {
	Version kong.VersionFlag `env:"-" help:"Show the version."`

	Serve    serve    `cmd:"" default:"withargs" help:"Serve (also without the word)."`
	Check    checking `cmd:"" help:"Look whether a server with these flags is, or would be, all right; it may be running."`
	Certs    certs    `cmd:"" help:"Make a CA and a server certificate, or renew the certificate."`
	User     user     `cmd:"" help:"Add, list, disable, enable and remove accounts; set passwords."`
	Throttle throttle `cmd:"" help:"List and lift the waits after failed sign-ins."`
	Session  sessions `cmd:"" help:"List and end live sessions; mute accounts."`
	Room     rooms    `cmd:"" help:"List, lock, open and close rooms; expel people; tell them something."`
	Backup   backup   `cmd:"" help:"Copy all that is kept to a file, while the server runs or not."`
	Restore  restore  `cmd:"" help:"Make a data directory of a backup."`
	Export   export   `cmd:"" help:"Print what was said in a room, one JSON object a line."`
	Migrate  migrate  `cmd:"" help:"Bring a single server's data into a cluster's stream; every id stays."`

	Completion flags.Completion `cmd:"" help:"Print what bash, zsh or fish needs to complete this command line."`
	Man        manual           `cmd:"" help:"Print the manual page, for man -l."`
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags.NoCore()
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("parleyd"), kong.Description(about), kong.DefaultEnvars("PARLEY"), kong.Vars{"version": flags.Version("parleyd")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}), kong.Help(help),
		kong.ExplicitGroups([]kong.Group{
			{Key: "acme", Title: "Certificate from a CA"},
			{Key: "cluster", Title: "Cluster"},
			{Key: "monitoring", Title: "Metrics and health"},
			{Key: "keeping", Title: "Keeping"},
			{Key: "rates", Title: "Rates (0: no limit)"},
			{Key: "sign-in", Title: "Sign-in"},
			{Key: "waits", Title: "Waits (0: no limit)"},
			{Key: "counts", Title: "Counts and sizes (0: no limit)"},
		}),
	)
	if err != nil {
		panic(err)
	}
	context, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "parleyd: %v; see parleyd --help\n", err)
		return exitUsage
	}
	if err := context.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "parleyd: %v\n", err)
		return exitCode(err)
	}
	return exitOK
}

// help prints a command's help; that of parleyd itself goes on with the flags of serving, which needs no word.
func help(options kong.HelpOptions, context *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, context); err != nil || context.Selected() != nil {
		return err
	}
	serving, err := kong.Trace(context.Kong, []string{"serve"})
	if err != nil {
		return err
	}
	fmt.Fprintln(context.Stdout)
	return kong.DefaultHelpPrinter(options, serving)
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, store.ErrLocked):
		return exitLocked
	}
	return exitFailed
}
