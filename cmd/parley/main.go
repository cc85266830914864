package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
	"parley/internal/client"
)

const about = `Talk with people on a parley server, over TLS that is always verified.

  parley                                         the same as last time; at first, a form asks where the server is, how it is known, and who you are
  parley alice@chat.example.org                  talk: what you type is said in the current room; /help tells more
  parley --ca certs/ca.pem alice@localhost       the same, at a server with a CA of its own
  parley send alice@chat.example.org ops done    say one thing in a room that alice has joined
  parley send alice@chat.example.org @bob < log  say each line of a file to bob
  parley tail alice@chat.example.org ops --json  follow a room, one JSON object a line

On a terminal, what was said since you last looked is shown first, or how much that is; what was shown is read, for all your sessions.
'parley send', 'parley tail' and piped input leave that as it is.

Without a terminal, 'parley USER@HOST' says each line of standard input as it is, in --room, keeps within the server's rate, prints
what others say as "DATE TIME ROOM USER: TEXT", and ends when the last line is acknowledged.

Trust: the server's certificate is checked against the system's store, or the CA of --ca, or the key of --pin (which the operator gets
from 'parleyd certs'). Its name and dates are checked always. Nothing turns this off.

Profiles: the first run keeps what it was told, but for the password, in $XDG_CONFIG_HOME/parley/profiles.json (~/.config/parley). Without
USER@HOST, 'parley' goes by the profile "default", or that of --profile; with it, and neither --ca nor --pin, a profile of the same server
still says how that is known.

Password: asked for on the terminal; for scripts PARLEY_PASSWORD, or --password-file (mode 0600). With one of these, the stored session is
neither used nor kept, and parley signs out when it ends. Otherwise parley goes on with the session stored in
$XDG_STATE_HOME/parley (~/.local/state/parley); /quit signs out and ends it, Ctrl-D and Ctrl-C leave it for the next time.

Every flag can be set as PARLEY_FLAG_NAME in the environment.

Exit codes: 0 done; 1 failed, or a message was refused; 2 wrong usage, or no password to be had; 3 the server can't be trusted;
4 sign-in refused; 5 no connection, or lost for good.`

type commandLine struct {
	connection
	Version kong.VersionFlag `env:"-" help:"Show the version."`

	Chat chatCommand `cmd:"" default:"withargs" help:"Talk, or say what is piped in (also without the word 'chat')."`
	Send sendCommand `cmd:"" help:"Say one thing, or each line of standard input, to a room that you have joined or to @user."`
	Tail tailCommand `cmd:"" help:"Follow a room, or the conversation with @user."`

	Completion flags.Completion `cmd:"" help:"Print what bash, zsh or fish needs to complete this command line."`
	Man        manCommand       `cmd:"" help:"Print the manual page, for man -l."`
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags.NoCore()
	// The reader of a pipe may go away at any time; that is an error of write(2), not the end of this process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("parley"), kong.Description(about), kong.DefaultEnvars("PARLEY"), kong.Vars{"version": flags.Version("parley")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 130}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&line.connection),
	)
	if err != nil {
		panic(err)
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = parsed.Run()
	} else {
		err = usageError{err}
	}
	if err != nil {
		notice(farewell(err))
	}
	return exitCode(err)
}

// farewell is the last line of a command that failed.
func farewell(err error) string {
	switch code := exitCode(err); {
	case isA[*client.ByeError](err), isA[*client.MisbehaviorError](err): // there was a connection, and the sentence says what became of it
	case code == exitSignIn:
		return "sign-in refused: " + sentence(err)
	case code == exitLost:
		return "no connection: " + sentence(err)
	}
	return sentence(err)
}
