package main

import (
	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
)

type manual struct{}

// Run implements the command.
func (*manual) Run(parsed *kong.Context) error {
	return flags.WriteMan(parsed.Stdout, parsed.Model, flags.Manual{
		Section: 8,
		Topics: []flags.Topic{{Title: "SIGNALS", Terms: []flags.Term{
			{Name: "SIGTERM, SIGINT", Text: "Stop: what was read is answered and on disk, and everybody is told. A second one ends the process at once."},
			{Name: "SIGHUP", Text: "Read certificate and key again. Changed files are seen without it as well."},
		}}},
		Environment: []flags.Term{
			{Name: "NOTIFY_SOCKET, WATCHDOG_USEC", Text: "Where and how often the service manager wants to hear how the server is; see sd_notify(3)."},
			{Name: "LISTEN_FDS, LISTEN_FDNAMES", Text: "Sockets that systemd opened, in place of --listen; those named web in place of --web-listen."},
			{Name: "CREDENTIALS_DIRECTORY", Text: "Keys that are there may show the group's right to read, as systemd's access lists make them."},
			{Name: "NO_COLOR", Text: "Set to anything: no colours in the log on a terminal."},
		},
		Files: []flags.Term{
			{Name: "/etc/parley/parleyd.env", Text: "What the unit of the Debian package reads the environment from."},
			{Name: "DIR/parley.db", Text: "Everything, with parley.db-wal and parley.journal beside it while the server runs."},
			{Name: "DIR/control.sock", Text: "Where the commands for operators reach the running server."},
		},
	})
}
