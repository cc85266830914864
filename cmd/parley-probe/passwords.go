package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// weakOne is a password that should be refused. They are no secrets: who finds an account left with one must be able to sign in.
type weakOne struct{ kind, password string }

var weakPasswords = []weakOne{
	{"14 characters", "tuba9 Kelp%fog"},
	{"a common one, doubled", "passwordpassword"},
	{"digits in order", "123456789012345"},
	{"one letter", strings.Repeat("a", 20)},
	{"a walk over the keyboard", "qwertyuiopasdfgh"},
	{"a decorated common one", "P@ssw0rd!P@ssw0rd!"},
}

// settable fails where the server would not take the account's own password again: nothing could be put back.
func (t *target) settable(c *conn, who *account) error {
	if _, err := c.ok("PASSWD|" + who.password); err != nil {
		return fmt.Errorf("the password of %s is not changed, since it could not be put back: %w", who.name, err)
	}
	return nil
}

// damaged notes what is left behind, so that it is told in any case.
func (t *target) damaged(format string, args ...any) error {
	t.damage = fmt.Errorf(format, args...)
	return t.damage
}

// weakPassword tries to set passwords that should be refused. One that is taken is put back at once.
func weakPassword(ctx context.Context, t *target) (finding, error) {
	who := t.people[len(t.people)-1]
	c, err := t.signIn(context.WithoutCancel(ctx), who) // what is changed is put back, whatever comes
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	if err := t.settable(c, who); err != nil {
		return finding{}, err
	}
	weak := append(slices.Clone(weakPasswords), weakOne{"the account's name", strings.Repeat(who.name+" ", 5)})
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
				return finding{}, t.damaged("the password of %s is now %q, and could not be put back: %w", who.name, w.password, err)
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
		c, failed := t.signIn(context.WithoutCancel(ctx), who) // what is changed is put back, whatever comes
		if failed != nil {
			return finding{}, failed
		}
		defer c.leave()
		if failed := t.settable(c, who); failed != nil {
			return finding{}, failed
		}
		password += passwordTail
		if _, failed := c.ok("PASSWD|" + password); failed != nil {
			return finding{}, fmt.Errorf("setting a longer password: %w", failed)
		}
		defer func() {
			if _, back := c.ok("PASSWD|" + who.password); back != nil {
				err = t.damaged("the password of %s could not be put back: it is the old one followed by %q: %w", who.name, passwordTail, back)
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
		switch code {
		case protocol.Denied, protocol.BadText, protocol.BadData:
		case accepted:
			return seenFell("of a password of %d bytes, %s signed in", len(password), wrong.kind), nil
		default:
			return finding{}, fmt.Errorf("%s: answered %s", wrong.kind, short(string(code)))
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
