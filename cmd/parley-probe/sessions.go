package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"parley/protocol"
)

var sessionStages = []stage{
	{name: "session-id", row: 13, people: 1, run: sessionID,
		tried: "signing in by a session's UUID, by its token altered in 5 ways, by the token under another name; then by the token as it is"},
	{name: "token-replay", row: 13, people: 1, run: tokenReplay,
		tried: "a token used again while its session lives, and again after two sessions have come of it"},
	{name: "token-race", row: 13, people: 1, run: tokenRace,
		tried: "one token shown by 2 or 8 connections at the same moment, in 6 rounds"},
	{name: "sessions", row: 2, people: 1, flag: "--max-sessions", run: sessionsWithoutEnd,
		tried: fmt.Sprintf("up to %d sessions of one account at once", mostSessions)},
}

// taken says whether a credential signs in that should be denied.
func (t *target) taken(ctx context.Context, name, credential string) (bool, error) {
	c, code, err := t.attempt(ctx, name, credential)
	switch {
	case err != nil:
		return false, err
	case c != nil:
		c.leave()
		return true, nil
	case code != protocol.Denied && code != protocol.BadData:
		return false, fmt.Errorf("a credential was answered %s", short(string(code)))
	}
	return false, nil
}

const tokenPrefix = "pt1."

// sessionID tries what somebody may know who reads logs, or has a part of a token.
func sessionID(ctx context.Context, t *target) (finding, error) {
	who := t.people[0]
	c, err := t.own(ctx, who)
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	token := c.token
	other := "nobody-" + strings.ToLower(mark())
	if len(t.people) > 1 {
		other = t.people[1].name
	}
	flipped := []byte(token)
	if middle := &flipped[len(flipped)/2]; *middle == 'A' {
		*middle = 'B'
	} else {
		*middle = 'A'
	}
	for _, try := range []struct{ what, name, credential string }{
		{"the session's UUID", who.name, c.session},
		{"the session's UUID as a token", who.name, tokenPrefix + c.session},
		{"a token without its secret", who.name, tokenPrefix},
		{"half a token", who.name, token[:len(token)/2]},
		{"a token with another letter in the middle", who.name, string(flipped)},
		{"a token with a letter more", who.name, token + "A"},
		{"a token in lower case", who.name, strings.ToLower(token)},
		{"the token of " + who.name + " under the name " + other, other, token},
	} {
		in, err := t.taken(ctx, try.name, try.credential)
		if err != nil {
			return finding{}, err
		}
		if in {
			return seenFell("%s signs in", try.what), nil
		}
	}
	resumed, code, err := t.attempt(ctx, who.name, token)
	if err != nil {
		return finding{}, err
	}
	if resumed == nil {
		return seenFell("8 tries denied, but they have cost the token its use: %s", short(string(code))), nil
	}
	who.keep(resumed)
	resumed.leave()
	return seenHeld("8 tries denied; the token as it is still signed in after them"), nil
}

// tokenReplay is somebody who has seen a token, and comes later than its owner.
func tokenReplay(ctx context.Context, t *target) (finding, error) {
	who := t.people[0]
	first, err := t.own(ctx, who)
	if err != nil {
		return finding{}, err
	}
	defer first.leave()
	second, code, err := t.attempt(ctx, who.name, first.token)
	if err == nil && second == nil {
		err = fmt.Errorf("a token as it is was answered %s", short(string(code)))
	}
	if err != nil {
		return finding{}, err
	}
	defer second.leave()
	if _, err := second.inStep(ctx); err != nil {
		return finding{}, err
	}
	if in, err := t.taken(ctx, who.name, first.token); err != nil || in {
		return seenFell("a token signs in twice, the first session still there"), err
	}
	if _, err := second.inStep(ctx); err != nil {
		return seenFell("a token used while its session lives ends that session: anybody who has seen it can"), nil
	}
	third, code, err := t.attempt(ctx, who.name, second.token)
	if err == nil && third == nil {
		err = fmt.Errorf("the token of a session that lives was answered %s", short(string(code)))
	}
	if err != nil {
		return finding{}, err
	}
	defer third.leave()
	if _, err := third.inStep(ctx); err != nil {
		return finding{}, err
	}
	second.leave() // the owner goes on in the third; the second's reply says that it is over
	if in, err := t.taken(ctx, who.name, first.token); err != nil || in {
		return seenFell("a token signs in again, long after its owner has used it"), err
	}
	if in, err := t.taken(ctx, who.name, third.token); err != nil || in {
		return seenFell("a token used twice is denied, but its successor still signs in: who of the two is the thief?"), err
	}
	lines, open := third.rest(patience)
	if open {
		return seenFell("a token used twice ends its successor, but not the session"), nil
	}
	return seenHeld("denied while its session lives, and nothing ends; denied later, and all that came of it ends: the successor, and the live session (%s)",
		heads(lines)), nil
}

// raceRounds are how many show one token at once, a round each.
var raceRounds = []int{2, 8, 2, 8, 2, 8}

func tokenRace(ctx context.Context, t *target) (finding, error) {
	owner, err := t.own(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	for _, racers := range raceRounds {
		won, err := t.race(ctx, owner, racers)
		for _, c := range won[min(len(won), 1):] {
			c.leave()
		}
		owner.leave()
		switch {
		case err != nil:
			return finding{}, err
		case len(won) == 0:
			return finding{}, errors.New("none of those who raced was let in")
		case len(won) > 1:
			won[0].leave()
			return seenFell("%d of %d signed in by one token", len(won), racers), nil
		}
		owner = won[0]
	}
	t.people[0].keep(owner)
	owner.leave()
	return seenHeld("%d rounds, one winner each", len(raceRounds)), nil
}

// race shows the token of a session from several addresses at once. The winners stay until all have been answered: while the session lives, the
// token is used.
func (t *target) race(ctx context.Context, owner *conn, racers int) (won []*conn, err error) {
	conns := make([]*conn, racers)
	for i := range conns {
		if conns[i], err = t.dial(ctx, t.stranger()); err != nil {
			return nil, err
		}
	}
	failed := make([]error, racers)
	start := make(chan struct{})
	var running sync.WaitGroup
	for i, c := range conns {
		running.Go(func() {
			<-start
			failed[i] = c.hello(t.people[0].name, owner.token)
		})
	}
	close(start)
	running.Wait()
	for i, c := range conns {
		refused := (*protocol.Error)(nil)
		switch {
		case failed[i] == nil:
			won = append(won, c)
			continue
		case !errors.As(failed[i], &refused):
			err = failed[i]
		}
		c.close()
	}
	return won, err
}

// mostSessions are opened in search of a bound: each by the token of the one before.
const mostSessions = 24

func sessionsWithoutEnd(ctx context.Context, t *target) (finding, error) {
	who := t.people[len(t.people)-1]
	c, err := t.own(ctx, who)
	if err != nil {
		return finding{}, err
	}
	open := []*conn{c}
	defer func() {
		for _, c := range open {
			c.leave()
		}
	}()
	for len(open) < mostSessions {
		next, code, err := t.attempt(ctx, who.name, open[len(open)-1].token)
		if err != nil {
			return finding{}, err
		}
		if next == nil {
			return t.bounded(ctx, who, open, code)
		}
		open = append(open, next)
	}
	return seenFell("%d sessions at once, and no bound", len(open)), nil
}

// bounded says whether a session that was refused is let in when another has ended: it was the number of them.
func (t *target) bounded(ctx context.Context, who *account, open []*conn, code protocol.Code) (finding, error) {
	if code != protocol.Busy || len(open) < 2 {
		return finding{}, fmt.Errorf("session %d was answered %s", len(open)+1, short(string(code)))
	}
	open[0].leave()
	next, again, err := t.attempt(ctx, who.name, open[len(open)-1].token)
	if err != nil {
		return finding{}, err
	}
	if next == nil {
		return finding{}, fmt.Errorf("session %d was answered busy, and %s after one had ended", len(open)+1, short(string(again)))
	}
	who.keep(next)
	next.leave()
	return seenHeld("%d at once, the next was told %s, and let in when one had ended", len(open), code), nil
}
