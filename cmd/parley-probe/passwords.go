package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"parley/protocol"
)

// passwordStages change a password or guess at one: they come last.
var passwordStages = []stage{
	{name: "weak-password", row: 12, people: 1, flag: "--password-min", run: weakPassword,
		tried: "setting passwords of 14 characters, common ones, walks over the keyboard, the account's own name"},
	{name: "long-password", row: 11, people: 2, run: longPassword,
		tried: "signing in with the first 72 bytes of a longer password, with another end behind them, with NUL and more behind a password"},
}

// passwordTail makes a password longer than bcrypt's 72 bytes.
const passwordTail = " put back by parley-probe: seventy-two bytes are what bcrypt looks at, and no more"

// bcryptBytes is all of a password that bcrypt looks at.
const bcryptBytes = 72

// weakPassword tries to set passwords that should be refused. One that is taken is put back at once.
func weakPassword(ctx context.Context, t *target) (finding, error) {
	who := t.people[len(t.people)-1]
	c, err := t.signIn(context.WithoutCancel(ctx), who) // what is changed is put back, whatever comes
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	weak := []struct{ kind, password string }{
		{"14 characters", rand.Text()[:14]},
		{"a common one, doubled", "passwordpassword"},
		{"digits in order", "123456789012345"},
		{"one letter", strings.Repeat("a", 20)},
		{"a walk over the keyboard", "qwertyuiopasdfgh"},
		{"a decorated common one", "P@ssw0rd!P@ssw0rd!"},
		{"the account's name", who.name + " " + who.name + " " + who.name + " " + who.name + " " + who.name},
	}
	var taken []string
	for _, w := range weak {
		code, err := c.code("PASSWD|" + w.password)
		if err != nil {
			return finding{}, err
		}
		switch code {
		case protocol.WeakPassword:
		case accepted:
			taken = append(taken, w.kind)
			if _, err := c.ok("PASSWD|" + who.password); err != nil {
				return finding{}, fmt.Errorf("the password of %s is now %s, and could not be put back: %w", who.name, w.kind, err)
			}
		default:
			return finding{}, fmt.Errorf("PASSWD was answered with %s", short(string(code)))
		}
	}
	if len(taken) > 0 {
		return seenFell("taken: %s (and put back)", strings.Join(taken, ", ")), nil
	}
	return seenHeld("%d of %d refused as weak", len(weak), len(weak)), nil
}

// longPassword needs a password that is longer than what bcrypt looks at: the account's own, or one for the moment.
func longPassword(ctx context.Context, t *target) (f finding, err error) {
	who := t.people[1]
	password := who.password
	if len(password) <= bcryptBytes {
		c, err := t.signIn(context.WithoutCancel(ctx), who) // what is changed is put back, whatever comes
		if err != nil {
			return finding{}, err
		}
		defer c.leave()
		password += passwordTail
		if _, err := c.ok("PASSWD|" + password); err != nil {
			return finding{}, fmt.Errorf("setting a longer password: %w", err)
		}
		defer func() {
			if _, back := c.ok("PASSWD|" + who.password); back != nil {
				err = fmt.Errorf("the password of %s could not be put back: it is the old one followed by %q: %w", who.name, passwordTail, back)
			}
		}()
	}
	if code, err := t.tryPassword(ctx, who.name, password); code != accepted {
		return finding{}, fmt.Errorf("the long password itself: %w", errors.Join(err, fmt.Errorf("the answer is %s", short(string(code)))))
	}
	for _, wrong := range []struct{ kind, password string }{
		{"its first 72 bytes", password[:bcryptBytes]},
		{"its first 72 bytes and another end", password[:bcryptBytes] + "something else"},
		{"NUL and more behind it", password + "\x00more"},
	} {
		code, err := t.tryPassword(ctx, who.name, wrong.password)
		if err != nil {
			return finding{}, err
		}
		if code == accepted {
			return seenFell("of a password of %d bytes, %s signed in", len(password), wrong.kind), nil
		}
	}
	return seenHeld("a password of %d bytes signed in, and none of the three", len(password)), nil
}

// tryPassword signs in from an address of its own and out again, and returns the code of the answer. One that is busy is asked again.
func (t *target) tryPassword(ctx context.Context, name, password string) (protocol.Code, error) {
	c, err := t.signIn(ctx, &account{name: name, password: password})
	if err == nil {
		c.leave()
		return accepted, nil
	}
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
		return refused.Code, nil
	}
	return "", err
}
