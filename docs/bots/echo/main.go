// Command echo is an example of a bot: it answers what begins with "!echo " by the rest of it. See docs/bots.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"parley/protocol/bot"
)

func main() {
	var c bot.Config
	flag.StringVar(&c.Server, "server", "localhost:7443", "`HOST:PORT`")
	flag.StringVar(&c.CA, "ca", "", "the CA to trust, PEM `FILE`; the system's where it is not given")
	flag.StringVar(&c.Name, "name", "echo", "the bot's account")
	password := flag.String("password-file", "", "`FILE` with the password, mode 0600")
	room := flag.String("room", "lobby", "the room to answer in")
	flag.StringVar(&c.Dir, "state", "", "`DIR` of this bot alone, to keep where it is")
	flag.Parse()
	c.Password, c.Rooms, c.Direct = bot.PasswordFile(*password), []string{*room}, true
	c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c bot.Config) error {
	b, err := bot.Connect(ctx, c)
	if err != nil {
		return err
	}
	defer b.Close()
	fmt.Println("listening")
	return b.Run(ctx, func(ctx context.Context, m *bot.Message) error {
		// Only what asks for it is answered: two bots that answer everything would never stop.
		if rest, asked := strings.CutPrefix(m.Text, "!echo "); asked {
			return m.Reply(ctx, rest)
		}
		return nil
	})
}
