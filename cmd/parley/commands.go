package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/internal/client"
	"parley/protocol"
)

// command is one of the /commands. It runs on the goroutine that reads what is typed.
type command struct {
	name  string
	usage string // what follows the name; in brackets what may be left out
	help  string
	run   func(c *chat, ctx context.Context, rest string) error
}

// commands are all of them; /help shows them in this order. It is filled by init because help looks at it.
var commands []command

func init() {
	commands = []command{
		{"join", "ROOM", "join a room for good, and speak there", (*chat).join},
		{"leave", "[ROOM]", "leave a room for good", (*chat).leave},
		{"room", "ROOM or @USER", "speak in a room that you have joined, or with somebody alone", (*chat).change},
		{"msg", "USER TEXT", "say something to one person", (*chat).message},
		{"who", "[ROOM]", "who is there", (*chat).who},
		{"rooms", "", "your rooms and conversations", (*chat).rooms},
		{"history", "[N]", "the last N messages here (20)", (*chat).history},
		{"find", "WORDS", "messages here that hold all the words", (*chat).find},
		{"passwd", "", "change your password", (*chat).passwd},
		{"eject", "USER REASON", "end somebody's sessions (admins)", (*chat).eject},
		{"help", "", "this", (*chat).help},
		{"quit", "", "sign out and end (Ctrl-D: end, but stay signed in)", (*chat).quit},
	}
}

// errQuit ends line mode by signing out.
var errQuit = errors.New("quit")

// errUsage: a command was given too little or too much.
var errUsage = errors.New("usage")

// obey runs a line that begins with a slash.
func (c *chat) obey(ctx context.Context, line string) error {
	name, rest, _ := strings.Cut(strings.TrimPrefix(line, "/"), " ")
	i := slices.IndexFunc(commands, func(known command) bool { return known.name == name })
	if i < 0 {
		return fmt.Errorf("there is no /%s; /help lists what there is, and //%s says it", name, name)
	}
	found := commands[i]
	err := found.run(c, ctx, strings.TrimSpace(rest))
	if err == errUsage {
		return fmt.Errorf("it is /%s %s", found.name, found.usage)
	}
	return err
}

// isForbidden knows what the server forbids this account, or here.
func isForbidden(err error) bool {
	var refused *protocol.Error
	return errors.As(err, &refused) && refused.Code == protocol.Forbidden
}

// roomOr reads a room's name, or takes the current room where there is none.
func (c *chat) roomOr(rest string) (string, error) {
	if rest == "" {
		return c.room(), nil
	}
	if _, bad := protocol.ParseTarget(rest); bad != nil {
		return "", bad
	}
	return rest, nil
}

func (c *chat) join(ctx context.Context, rest string) error {
	if rest == "" {
		return errUsage
	}
	if bad := protocol.CheckName(rest); bad != nil {
		return bad
	}
	members, err := c.link.Join(ctx, rest)
	if err != nil {
		return err
	}
	c.setRoom(rest)
	c.tell(fmt.Sprintf("you speak %s now; members: %d", place(rest), members))
	return nil
}

func (c *chat) leave(ctx context.Context, rest string) error {
	room, err := c.roomOr(rest)
	if err != nil {
		return err
	}
	if strings.HasPrefix(room, "@") {
		return errors.New("a conversation can't be left; /room ROOM goes elsewhere")
	}
	err = c.link.Leave(ctx, room)
	if room == lobby && isForbidden(err) {
		return errors.New("nobody leaves the lobby")
	}
	if err != nil {
		return err
	}
	if room == c.room() {
		c.setRoom(lobby)
	}
	c.tell("you have left " + room + ", and speak " + place(c.room()) + " now")
	return nil
}

func (c *chat) change(ctx context.Context, rest string) error {
	if rest == "" {
		return errUsage
	}
	target, bad := protocol.ParseTarget(rest)
	if bad != nil {
		return bad
	}
	if target.User == "" {
		s, err := c.link.Session()
		if err != nil {
			return err
		}
		joined, err := s.List(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(joined, func(r client.Room) bool { return r.Name == rest }) {
			return fmt.Errorf("you have not joined %s; /join %s does", rest, rest)
		}
	}
	c.setRoom(rest)
	c.tell("you speak " + place(rest) + " now")
	return nil
}

func place(room string) string {
	if user, found := strings.CutPrefix(room, "@"); found {
		return "with " + user + " alone"
	}
	return "in " + room
}

func (c *chat) message(ctx context.Context, rest string) error {
	user, text, found := strings.Cut(rest, " ")
	if !found {
		return errUsage
	}
	return c.say(ctx, "@"+strings.TrimPrefix(user, "@"), text)
}

func (c *chat) who(ctx context.Context, rest string) error {
	room, err := c.roomOr(rest)
	if err != nil {
		return err
	}
	s, err := c.link.Session()
	if err != nil {
		return err
	}
	users, err := s.Who(ctx, room)
	if err != nil {
		return err
	}
	for i, user := range users {
		users[i] = c.style.name(user)
	}
	c.screen.show(c.style.faint(fmt.Sprintf("* in %s (%d): ", room, len(users))) + strings.Join(users, ", "))
	return nil
}

func (c *chat) rooms(ctx context.Context, rest string) error {
	if rest != "" {
		return errUsage
	}
	s, err := c.link.Session()
	if err != nil {
		return err
	}
	joined, err := s.List(ctx)
	if err != nil {
		return err
	}
	for _, room := range joined {
		mark := ""
		if room.Name == c.room() {
			mark = "   (you speak here)"
		}
		c.tell(room.Name + mark)
	}
	return nil
}

func (c *chat) history(ctx context.Context, rest string) error {
	limit := 20
	if rest != "" {
		n, bad := protocol.ParseLimit(rest)
		if bad != nil {
			return errors.New("N is a number from 1 to " + strconv.Itoa(protocol.MaxLimit))
		}
		limit = n
	}
	s, err := c.link.Session()
	if err != nil {
		return err
	}
	found, err := s.Newest(ctx, c.room(), limit)
	if err != nil {
		return err
	}
	c.showPast(found)
	return nil
}

func (c *chat) find(ctx context.Context, rest string) error {
	if rest == "" {
		return errUsage
	}
	s, err := c.link.Session()
	if err != nil {
		return err
	}
	found, err := s.Find(ctx, c.room(), rest)
	if err != nil {
		return err
	}
	c.showPast(found)
	return nil
}

func (c *chat) passwd(ctx context.Context, rest string) error {
	if rest != "" {
		return errors.New("it is /passwd alone: the password is asked for, and not shown")
	}
	if strings.HasPrefix(c.link.user, protocol.GuestMark) {
		return errors.New("guests have no password")
	}
	if !c.link.CanChangePassword() {
		return errors.New("that needs a sign-in by password within the last 5 minutes: /quit, start again with your password, then /passwd")
	}
	password, err := askNewSecret(func(prompt string) (string, error) { return c.screen.secret(ctx, prompt) }, c.tell)
	if err != nil {
		return err
	}
	if err := c.link.ChangePassword(ctx, password); err != nil {
		return err
	}
	c.tell("your password is changed; every other session of yours was ended")
	return nil
}

func (c *chat) eject(ctx context.Context, rest string) error {
	user, reason, found := strings.Cut(rest, " ")
	if !found {
		return errUsage
	}
	s, err := c.link.Session()
	if err != nil {
		return err
	}
	r, err := s.Do(ctx, "EJECT", user, reason)
	if isForbidden(err) {
		return errors.New("only admins can")
	}
	if err != nil {
		return err
	}
	c.tell("sessions of " + user + " ended: " + r.Data)
	return nil
}

func (c *chat) help(context.Context, string) error {
	for _, known := range commands {
		c.screen.show(fmt.Sprintf("  /%-20s %s", known.name+" "+known.usage, known.help))
	}
	c.tell("Anything else is said " + place(c.room()) + "; //text says a text that begins with a slash.")
	return nil
}

func (c *chat) quit(context.Context, string) error { return errQuit }
