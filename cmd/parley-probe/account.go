package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"parley/protocol"
)

// account is one that the probe may sign in to.
type account struct {
	name, password string
	conn           *conn           // the session that joined the room; nobody reads it between stages
	had            map[string]bool // rooms it had joined before the probe came
	rooms          []string        // that a stage has joined beside it, and not left yet

	mu    sync.Mutex
	token string // of the session opened last
}

// swap takes the account's token, so that it is used once, and leaves another in its place.
func (a *account) swap(token string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.token
	a.token = token
	return old
}

// keep makes the session's token the account's.
func (a *account) keep(c *conn) {
	a.swap(c.token)
	c.kept = true
}

// signIn opens a session by password, and waits where it is told to.
func (t *target) signIn(ctx context.Context, who *account) (*conn, error) {
	return t.signInBy(ctx, who, func() (*conn, error) { return t.dial(ctx, t.stranger()) })
}

// signInBy is signIn over connections of one's own.
func (t *target) signInBy(ctx context.Context, who *account, dial func() (*conn, error)) (*conn, error) {
	for {
		c, err := dial()
		if err != nil {
			return nil, err
		}
		err = c.hello(who.name, who.password)
		if err == nil {
			return c, nil
		}
		c.close()
		refused := (*protocol.Error)(nil)
		if !errors.As(err, &refused) || refused.Code != protocol.Busy || refused.RetryAfter() == 0 {
			return nil, fmt.Errorf("sign-in of %s: %w", who.name, err)
		}
		if err := pause(ctx, refused.RetryAfter()); err != nil {
			return nil, err
		}
	}
}

// open opens a session by the token of the one before, which costs the server no bcrypt and its owner no wait. By password where there is none.
// Its own token is for the next: leave does not end it.
func (t *target) open(ctx context.Context, who *account) (*conn, error) {
	c, err := (*conn)(nil), error(nil)
	if token := who.swap(""); token != "" {
		if c, _, err = t.attempt(ctx, who.name, token); err != nil {
			return nil, err
		}
	}
	if c == nil {
		if c, err = t.signIn(ctx, who); err != nil {
			return nil, err
		}
	}
	who.keep(c)
	return c, nil
}

// own is open for a stage that uses the token itself. keep hands it back.
func (t *target) own(ctx context.Context, who *account) (*conn, error) {
	c, err := t.open(ctx, who)
	if err == nil {
		who.swap("")
		c.kept = false
	}
	return c, err
}

// attempt shows a credential from a fresh address. It returns the session where it is taken, and else the code.
func (t *target) attempt(ctx context.Context, name, credential string) (*conn, protocol.Code, error) {
	c, err := t.dial(ctx, t.stranger())
	if err != nil {
		return nil, "", err
	}
	err = c.hello(name, credential)
	if err == nil {
		return c, accepted, nil
	}
	c.close()
	refused := (*protocol.Error)(nil)
	if errors.As(err, &refused) {
		return nil, refused.Code, nil
	}
	return nil, "", err
}

// enter is open, and the room of the probe's own is the current one.
func (t *target) enter(ctx context.Context, who *account) (*conn, error) {
	if t.room == "" {
		return nil, t.noRoom
	}
	c, err := t.open(ctx, who)
	if err != nil {
		return nil, err
	}
	reply, err := c.patient(ctx, "JOIN|"+t.room)
	if err == nil && codeOf(reply) != accepted {
		err = refusal(reply)
	}
	if err != nil {
		c.leave()
		return nil, err
	}
	return c, nil
}

// listed is a field of LIST.
var listed = regexp.MustCompile(`^(@?[a-z0-9][a-z0-9._-]*):[0-9]+:[0-9]+:[0-9]+$`)

// look finds out which rooms the account has joined.
func (a *account) look(ctx context.Context, c *conn) error {
	a.had = make(map[string]bool)
	for after := ""; ; {
		reply, err := c.patient(ctx, "LIST|"+after)
		if err != nil {
			return err
		}
		if codeOf(reply) != accepted {
			return refusal(reply)
		}
		more := false
		for _, field := range strings.Split(strings.TrimPrefix(reply, protocol.ReplyOK+"|"), "|") {
			switch room := listed.FindStringSubmatch(field); {
			case field == "": // nothing is listed
			case field == "+":
				more = true
			case room == nil:
				return fmt.Errorf("LIST is answered with %s, which is not room:last-id:seen-id:unread", short(field))
			default:
				after = room[1]
				a.had[after] = true
			}
		}
		if !more || len(a.had) > mostLines {
			return nil
		}
	}
}

// keepHad strikes the rooms that were the account's before off those to leave.
func (a *account) keepHad() {
	a.rooms = slices.DeleteFunc(a.rooms, func(room string) bool { return a.had[room] })
}

// leaveRooms leaves the account's rooms, the last first.
func (a *account) leaveRooms(ctx context.Context, c *conn) error {
	for ; len(a.rooms) > 0; a.rooms = a.rooms[:len(a.rooms)-1] {
		reply, err := c.patient(ctx, "LEAVE|"+a.rooms[len(a.rooms)-1])
		if err != nil {
			return err
		}
		if code := codeOf(reply); code != accepted && code != protocol.NotMember {
			return refusal(reply)
		}
	}
	return nil
}
