package main

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/term"

	"parley/internal/client"
	"parley/protocol"
)

// lobby is the room that every account is in.
const lobby = "lobby"

type chatCommand struct {
	Server address `arg:"" name:"[user@]host[:port]" help:"Who you are and where; the port is 7443 unless given."`
	Room   target  `placeholder:"ROOM" help:"The room, or @user, to speak in at first (default: lobby)."`

	Plain      bool   `help:"Talk line by line, without the full screen; so it is with NO_COLOR set and on terminals that can do no more, too."`
	Notify     string `default:"auto" enum:"auto,bell,osc9,osc777,off" help:"How to call for you when somebody mentions you or writes to you alone: the bell with a desktop notification (${enum}; auto takes the kind that the terminal knows)."`
	NoMouse    bool   `help:"Leave the mouse to the terminal: no scrolling and clicking, but selecting as usual (with it: hold Shift)."`
	Scrollback int    `default:"5000" placeholder:"N" help:"Messages of a room to keep in memory (${default}); older ones are fetched again."`
}

// Run implements the command: the full screen or line mode on a terminal, and otherwise standard input line by line.
func (m *chatCommand) Run(ctx context.Context, o *connection) error {
	if m.Scrollback < 100 {
		return usageError{errors.New("--scrollback is a number from 100")}
	}
	switch {
	case !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())):
		return m.pipe(ctx, o)
	case m.Plain || !newStyle().colour:
		return m.talk(ctx, o)
	}
	return m.fullScreen(ctx, o)
}

// pipe says what is piped in, and prints what others say.
func (m *chatCommand) pipe(ctx context.Context, o *connection) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var connection changes
	l, err := o.open(ctx, m.Server, client.Config{
		GiveUp: o.GiveUp,
		OnUpdate: func(u client.Update) {
			switch u.Event.Command {
			case protocol.EventMsg:
				if _, err := io.WriteString(os.Stdout, plainMessage(u.Event)+"\n"); err != nil && !errors.Is(err, syscall.EPIPE) {
					end(err)
				} // with nobody to read it any more, what is piped in is said all the same
			case protocol.EventNote:
				notice(protocol.Printable(u.Event.Text))
			}
			notice(connection.line(u))
		},
	}, notice)
	if err != nil {
		return err
	}
	defer l.leave()
	room := lobby
	if m.Room != "" {
		room = string(m.Room)
	}
	speaker := speaker{client: l.Client, target: room, said: func(int64) {}, failed: complainTo(os.Stderr)}
	if err := speaker.sayAll(ctx, os.Stdin); ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}
