package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/protocol"
)

// command is one of the /commands. It runs on the goroutine that reads what is typed.
type command struct {
	name  string
	usage string // what follows the name; in brackets what may be left out
	help  string
	run   func(t *talker, ctx context.Context, rest string) error
	moves bool // another room may be spoken in afterwards
}

// commands are all of them; /help shows them in this order. It is filled by init because help looks at it.
var commands []command

func init() {
	commands = []command{
		{"join", "ROOM [locked]", "join a room for good, and speak there; locked makes a private one", (*talker).join, true},
		{"leave", "[ROOM]", "leave a room for good", (*talker).leave, true},
		{"room", "ROOM or @USER", "speak in a room that you have joined, or with somebody alone", (*talker).change, true},
		{"msg", "USER TEXT", "say something to one person", (*talker).message, false},
		{"who", "[ROOM]", "who is there", (*talker).who, false},
		{"rooms", "[all]", "your rooms and conversations, what is unread there, and rooms you could join", (*talker).rooms, false},
		{"topic", "[TEXT]", "the topic here, or set it; /topic - clears it", (*talker).topic, false},
		{"history", "[N]", "the last N messages here (20)", (*talker).history, false},
		{"find", "WORDS", "messages here that hold all the words", (*talker).find, false},
		{"delete", "[ID]", "take back what you said last here, or the message with this id", (*talker).takeBack, false},
		{"invite", "USER [ROOM]", "let somebody join a room though it is locked", (*talker).invite, false},
		{"expel", "USER [ROOM]", "put somebody out of a room (who made it, and admins)", (*talker).expel, false},
		{"lock", "[ROOM]", "let only the invited join a room (who made it, and admins)", (*talker).lock, false},
		{"open", "[ROOM]", "let everybody join it (the same)", (*talker).open, false},
		{"passwd", "", "change your password", (*talker).passwd, false},
		{"eject", "USER REASON", "end somebody's sessions (admins)", (*talker).eject, false},
		{"mute", "USER MINUTES", "keep somebody from speaking; 0 lifts it (admins)", (*talker).mute, false},
		{"help", "", "this list", (*talker).help, false},
		{"quit", "", "sign out and end (Ctrl-D: end, but stay signed in)", (*talker).quit, false},
	}
}

// errQuit ends line mode by signing out.
var errQuit = errors.New("quit")

// errUsage: a command was given too little or too much.
var errUsage = errors.New("usage")

// obey runs a line that begins with a slash.
func (t *talker) obey(ctx context.Context, line string) error {
	name, rest, _ := strings.Cut(strings.TrimPrefix(line, "/"), " ")
	found, ok := commandOf(line)
	if !ok {
		return fmt.Errorf("there is no /%s; /help lists what there is, and //%s says it", name, name)
	}
	err := found.run(t, ctx, strings.TrimSpace(rest))
	if err == errUsage {
		return fmt.Errorf("it is /%s %s", found.name, found.usage)
	}
	return err
}

// commandOf is the command that a line begins with.
func commandOf(line string) (found command, ok bool) {
	name, slashed := strings.CutPrefix(line, "/")
	name, _, _ = strings.Cut(name, " ")
	i := slices.IndexFunc(commands, func(known command) bool { return slashed && known.name == name })
	if i < 0 {
		return command{}, false
	}
	return commands[i], true
}

// isRefused knows the server's refusal with this code.
func isRefused(err error, code protocol.Code) bool {
	var refused *protocol.Error
	return errors.As(err, &refused) && refused.Code == code
}

// advice is what to do about a refusal, in line mode.
var advice = map[protocol.Code]string{
	protocol.NotMember:  "/rooms lists yours, and those that you could join",
	protocol.NoSuchUser: "/who lists who is here",
}

// advised is a sentence, and what to do about it.
func advised(err error) string {
	for code, todo := range advice {
		if isRefused(err, code) {
			return sentence(err) + "; " + todo
		}
	}
	return sentence(err)
}

// ask sends a request and returns what the server answers.
func (t *talker) ask(ctx context.Context, command string, fields ...string) (string, error) {
	s, err := t.link.Session()
	if err != nil {
		return "", err
	}
	r, err := s.Do(ctx, command, fields...)
	return r.Data, err
}

// order sends a request and tells that it is done.
func (t *talker) order(ctx context.Context, done, command string, fields ...string) error {
	_, err := t.ask(ctx, command, fields...)
	if err == nil {
		t.face.tell(done)
	}
	return err
}

func (t *talker) passwd(ctx context.Context, rest string) error {
	if rest != "" {
		return errors.New("it is /passwd alone: the password is asked for, and not shown")
	}
	if t.isGuest() {
		return errors.New("guests have no password")
	}
	if !t.link.CanChangePassword() {
		return errors.New("that needs a sign-in by password within the last 5 minutes: /quit, start again with your password, then /passwd")
	}
	password, err := askNewSecret(func(prompt string) (string, error) { return t.face.secret(ctx, prompt) }, t.face.tell)
	if err != nil {
		return err
	}
	if err := t.link.ChangePassword(ctx, password); err != nil {
		return err
	}
	t.face.tell("your password is changed; every other session of yours was ended")
	return nil
}

func (t *talker) eject(ctx context.Context, rest string) error {
	user, reason, found := strings.Cut(rest, " ")
	if !found {
		return errUsage
	}
	ended, err := t.ask(ctx, "EJECT", user, reason)
	if isRefused(err, protocol.Forbidden) {
		return errors.New("only admins can")
	}
	if err != nil {
		return err
	}
	t.face.tell("sessions of " + user + " ended: " + ended)
	return nil
}

func (t *talker) mute(ctx context.Context, rest string) error {
	words := strings.Fields(rest)
	if len(words) != 2 {
		return errUsage
	}
	user := strings.TrimPrefix(words[0], "@")
	long, bad := protocol.ParseMinutes(words[1])
	if bad != nil {
		return fmt.Errorf("MINUTES is a number from 0, which lets them speak again, to %d, a year", protocol.MaxMute)
	}
	done := fmt.Sprintf("%s does not speak for %s minutes", user, words[1])
	if long == 0 {
		done = user + " may speak again"
	}
	err := t.order(ctx, done, "MUTE", user, words[1])
	if isRefused(err, protocol.Forbidden) {
		return errors.New("only admins can")
	}
	return err
}

func (t *talker) help(context.Context, string) error {
	t.face.help()
	return nil
}

func (t *talker) quit(context.Context, string) error { return errQuit }
