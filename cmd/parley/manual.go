package main

import (
	"github.com/alecthomas/kong"

	"parley/cmd/internal/flags"
)

type manCommand struct{}

// Run implements the command.
func (*manCommand) Run(parsed *kong.Context) error {
	return flags.WriteMan(parsed.Stdout, parsed.Model, manual())
}

// manual is what the manual page has beside the command line.
func manual() flags.Manual {
	talking := flags.Topic{
		Title: "COMMANDS WHILE TALKING",
		Text:  "On a terminal, a line that begins with a slash is a command; one that begins with two says what follows the first.",
	}
	for _, c := range commands {
		talking.Terms = append(talking.Terms, flags.Term{Name: "/" + c.name, Usage: c.usage, Text: c.help})
	}
	keys := flags.Topic{Title: "KEYS", Text: "On the full screen; a text is edited with the keys that readline has."}
	for _, b := range bindings {
		keys.Terms = append(keys.Terms, flags.Term{Name: b.shown, Text: b.help})
	}
	return flags.Manual{
		Section: 1,
		Topics:  []flags.Topic{talking, keys},
		Environment: []flags.Term{
			{Name: "PARLEY_PASSWORD", Text: "The password; it goes before --password-file."},
			{Name: "XDG_STATE_HOME", Text: "Below it sessions are stored; ~/.local/state where it is not set."},
			{Name: "XDG_CONFIG_HOME", Text: "Below it profiles are kept; ~/.config where it is not set."},
			{Name: "NO_COLOR", Text: "Set to anything: no colours, and no full screen."},
			{Name: "TERM", Text: "dumb, or not set: the same."},
		},
		Files: []flags.Term{
			{Name: "$XDG_CONFIG_HOME/parley/profiles.json", Text: "The profiles, as the first run makes them and people edit them: {\"profiles\": {NAME: {\"server\": " +
				"\"HOST:PORT\", \"user\": NAME, \"ca\": PATH, \"pin\": \"sha256/...\", \"guest\": true, \"room\": ROOM}}}. Server and user must be there."},
			{Name: "$XDG_STATE_HOME/parley/", Text: "Stored sessions, a file for each account at each server, which nobody else may read."},
		},
	}
}
