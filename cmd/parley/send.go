package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"parley/internal/client"
)

type sendCommand struct {
	Server address  `arg:"" name:"user@host[:port]" help:"Who you are and where."`
	Target target   `arg:"" help:"A room that you have joined, or @user."`
	Text   []string `arg:"" optional:"" help:"What to say, its words joined by spaces; without it, each line of standard input is said."`
	IDs    bool     `name:"ids" help:"Print the id of each message once it is acknowledged."`
}

// Run implements the command.
func (s *sendCommand) Run(ctx context.Context, o *connection) error {
	var connection changes
	l, err := o.open(ctx, s.Server, client.Config{
		GiveUp:   o.GiveUp,
		Follow:   func(string) bool { return false },
		OnUpdate: func(u client.Update) { notice(connection.line(u)) },
	}, notice)
	if err != nil {
		return err
	}
	defer l.leave()
	said := func(id int64) {
		if s.IDs {
			fmt.Println(id)
		}
	}
	if len(s.Text) > 0 {
		id, err := l.Send(ctx, string(s.Target), strings.Join(s.Text, " "))
		if err == nil {
			said(id)
		}
		return err
	}
	speaker := speaker{client: l.Client, target: string(s.Target), said: said, failed: complainTo(os.Stderr)}
	return speaker.sayAll(ctx, os.Stdin)
}
