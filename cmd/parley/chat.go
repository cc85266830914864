package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	Server  address     `arg:"" optional:"" name:"[user@]host[:port]" help:"Who you are and where; the port is 7443 unless given. Without it, as the profile says."`
	Profile profileName `placeholder:"NAME" help:"Who you are and where, as the first run with this name was told (default: default)."`
	Room    target      `placeholder:"ROOM" help:"The room, or @user, to speak in at first (default: lobby)."`

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
	if err := m.recall(o); err != nil {
		return err
	}
	switch {
	case !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())):
		return m.pipe(ctx, o)
	case m.Plain || !newStyle().colour:
		return m.talk(ctx, o)
	}
	return m.fullScreen(ctx, o)
}

// recall takes from the profile what the command line does not say. Server stays empty where there is no such profile yet.
func (m *chatCommand) recall(o *connection) error {
	if m.Server.Host != "" {
		if m.Profile != "" {
			return usageError{errors.New("USER@HOST and --profile both say where to: give one of them")}
		}
		return nil
	}
	m.Profile = cmp.Or(m.Profile, defaultProfile)
	all, err := readProfiles()
	known, found := all[string(m.Profile)]
	if err != nil || !found {
		return err
	}
	m.Server, m.Room = known.Server, cmp.Or(m.Room, known.Room)
	o.profile, o.Guest = &known, o.Guest || known.Guest
	return nil
}

// connect opens the link to the server, for which the first run asks where there is no profile yet.
func (m *chatCommand) connect(ctx context.Context, o *connection, cfg client.Config, notice func(string)) (*link, error) {
	if m.Server.Host == "" {
		return m.firstRun(ctx, o, string(m.Profile), cfg)
	}
	return o.open(ctx, m.Server, cfg, notice)
}

// pipe says what is piped in, and prints what others say.
func (m *chatCommand) pipe(ctx context.Context, o *connection) error {
	if m.Server.Host == "" {
		return usageError{fmt.Errorf("there is no server: give USER@HOST, or start parley on a terminal to make the profile %q", m.Profile)}
	}
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
