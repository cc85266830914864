package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/protocol"
)

var rateStages = []stage{
	{name: "rate-messages", row: 16, people: 2, room: true, run: rateMessages, flag: "--msg-rate",
		tried: "ten sockets of an account paste 40 messages and go on 20 times, 10 each every 100 ms; one socket of the other account as well"},
	{name: "rate-commands", row: 16, people: 1, run: rateCommands, flag: "--command-rate",
		tried: "200 short PINGs at once"},
	{name: "flood-ended", row: 16, people: 1, run: floodEnded, flag: "--refused",
		tried: "6000 short PINGs in one session, 500 every 50 ms"},
	{name: "errors-ended", row: 16, people: 1, run: errorsEnded, flag: "--errors",
		tried: "300 unknown commands in one session"},
	{name: "rate-bytes", row: 16, people: 1, run: rateBytes, flag: "--byte-rate",
		tried: "PINGs of 4000 bytes, 400 KB at once; where some are refused, a MSG without text, which no rate of commands refuses"},
}

// tally counts what became of lines that were sent at once.
type tally struct {
	codes  map[protocol.Code]int
	least  time.Duration // the waits that refusals told
	most   time.Duration
	untold int    // refused as too fast without a number of seconds
	bye    string // code of BYE, where the session ended
}

func (n *tally) accepted() int { return n.codes[accepted] }
func (n *tally) limited() int  { return n.codes[protocol.RateLimited] }

func (n *tally) all() (sum int) {
	for _, count := range n.codes {
		sum += count
	}
	return sum
}

// other fails where there were replies that have nothing to do with rates.
func (n *tally) other(expected ...protocol.Code) error {
	for code, count := range n.codes {
		if !slices.Contains(append(expected, accepted, protocol.RateLimited), code) {
			return fmt.Errorf("%d lines were answered with %s", count, short(string(code)))
		}
	}
	return nil
}

func (n *tally) add(reply string) {
	if n.codes == nil {
		n.codes = make(map[protocol.Code]int)
	}
	n.codes[codeOf(reply)]++
	if codeOf(reply) != protocol.RateLimited {
		return
	}
	wait := refusal(reply).RetryAfter()
	if wait == 0 {
		n.untold++
		return
	}
	if n.least == 0 || wait < n.least {
		n.least = wait
	}
	n.most = max(n.most, wait)
}

// join adds what another connection counted.
func (n *tally) join(more tally) {
	if n.codes == nil {
		n.codes = make(map[protocol.Code]int)
	}
	for code, count := range more.codes {
		n.codes[code] += count
	}
	if n.least == 0 || more.least > 0 && more.least < n.least {
		n.least = more.least
	}
	n.most = max(n.most, more.most)
	n.untold += more.untold
	n.bye = max(n.bye, more.bye)
}

// told is the waits that refusals named.
func (n *tally) told() string {
	if n.least == n.most {
		return fmt.Sprintf("told to wait %v", n.most)
	}
	return fmt.Sprintf("told to wait %v to %v", n.least, n.most)
}

// pipeline sends lines at once and counts the replies. Where BYE came there may be fewer; a connection that broke without it is an error.
func (c *conn) pipeline(lines []string) (n tally, err error) {
	c.events = nil
	sent := c.send(lines...) // where it fails, the session may have told why before
	for range lines {
		reply, err := c.reply()
		if err == nil {
			n.add(reply)
			continue
		}
		for _, event := range c.events {
			if why, over := strings.CutPrefix(event, protocol.EventBye+"|"); over {
				n.bye, _, _ = strings.Cut(why, "|")
			}
		}
		if n.bye != "" {
			return n, nil
		}
		if sent != nil {
			err = sent
		}
		return n, fmt.Errorf("after %d of %d replies: %w", n.all(), len(lines), err)
	}
	return n, nil
}

const (
	crowd  = 10 // sockets
	paste  = 40 // messages that all of them say first
	rounds = 20 // after that
	unfair = 3  // times the other account's share, which nobody gets by burst or luck
)

// rateMessages compares what ten sockets of one account may say with what one socket of the other may, whatever the rates are.
func rateMessages(ctx context.Context, t *target) (finding, error) {
	var conns []*conn
	defer func() {
		for _, c := range conns {
			c.leave()
		}
	}()
	for i := range crowd + 1 {
		c, err := t.open(ctx, t.people[i/crowd])
		if err != nil {
			return finding{}, err
		}
		conns = append(conns, c)
	}
	var (
		mu     sync.Mutex
		first  tally
		by     [2]tally
		failed error
		done   sync.WaitGroup
		began  = time.Now()
	)
	for i, c := range conns {
		done.Go(func() {
			pasted, all, err := c.pour(ctx, t.room)
			mu.Lock()
			defer mu.Unlock()
			if i < crowd {
				first.join(pasted)
			}
			by[i/crowd].join(all)
			if err != nil {
				failed = err
			}
		})
	}
	done.Wait()
	many, one := &by[0], &by[1]
	if failed == nil {
		failed = many.other()
	}
	seen := fmt.Sprintf("of the paste %d accepted; in %v %d of %d by ten sockets, %d of %d by one socket of the other account", first.accepted(),
		time.Since(began).Round(time.Second/10), many.accepted(), many.all(), one.accepted(), one.all())
	switch {
	case failed != nil:
		return finding{}, failed
	case many.limited() == 0 && time.Since(began) > 30*time.Second:
		return finding{}, fmt.Errorf("%s for a rate to show: %s", tooSlow, seen)
	case many.limited() == 0:
		return seenFell("none refused: %s", seen), nil
	case one.accepted() == 0:
		return finding{}, fmt.Errorf("nothing to compare with: %s", seen)
	case many.accepted() > unfair*one.accepted():
		return seenFell("each socket has a rate of its own: %s", seen), nil
	case many.untold > 0:
		return seenFell("%d refused without a number of seconds to wait; %s", many.untold, seen), nil
	}
	return seenHeld("%s; the others %s", seen, many.told()), nil
}

// pour says a share of the paste, and then more, round by round, unless the session ends.
func (c *conn) pour(ctx context.Context, room string) (pasted, all tally, err error) {
	lines := slices.Repeat([]string{"SEND|" + room + "||one of very many"}, 10)
	pasted, err = c.pipeline(lines[:paste/crowd])
	all.join(pasted)
	for n := 0; n < rounds && err == nil && all.bye == "" && pause(ctx, time.Second/10) == nil; n++ {
		var more tally
		more, err = c.pipeline(lines)
		all.join(more)
	}
	return pasted, all, err
}

func rateCommands(ctx context.Context, t *target) (finding, error) {
	c, err := t.open(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	n, err := c.pipeline(slices.Repeat([]string{"PING|short"}, 200))
	if err == nil {
		err = n.other()
	}
	switch {
	case err != nil:
		return finding{}, err
	case n.limited() == 0 && n.bye != "":
		return finding{}, fmt.Errorf("the session was ended for another reason: %s", short(n.bye))
	case n.limited() == 0:
		return seenFell("all %d answered", n.accepted()), nil
	case n.accepted() == 0:
		return finding{}, fmt.Errorf("the very first was refused: the account's rates were used up before")
	case n.untold > 0:
		return seenFell("%d refused without a number of seconds to wait", n.untold), nil
	}
	return seenHeld("%d answered, %d refused and %s", n.accepted(), n.limited(), n.told()), nil
}

func floodEnded(ctx context.Context, t *target) (finding, error) {
	c, err := t.open(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	var all tally
	for all.all() < 6000 && all.bye == "" {
		n, err := c.pipeline(slices.Repeat([]string{"PING|"}, 500))
		if err != nil {
			return finding{}, err
		}
		all.join(n)
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return finding{}, err
		}
	}
	switch {
	case all.other() != nil:
		return finding{}, all.other()
	case all.bye == protocol.ByeFlood:
		return seenHeld("BYE|%s after %d answered and %d refused", all.bye, all.accepted(), all.limited()), nil
	case all.bye != "":
		return finding{}, fmt.Errorf("the session was ended for another reason: %s", short(all.bye))
	case all.limited() == 0:
		return finding{}, fmt.Errorf("all %d lines were answered, and none refused: nothing to end the session for", all.all())
	}
	return seenFell("%d of %d refused, and the session goes on", all.limited(), all.all()), nil
}

func errorsEnded(ctx context.Context, t *target) (finding, error) {
	c, err := t.open(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	n, err := c.pipeline(slices.Repeat([]string{"UNKNOWN|"}, 300))
	switch {
	case err != nil:
		return finding{}, err
	case n.codes[accepted] > 0:
		return finding{}, fmt.Errorf("%d unknown commands were answered with OK", n.codes[accepted])
	case n.bye == protocol.ByeTooManyErrors:
		return seenHeld("BYE|%s after %d were refused", n.bye, n.all()), nil
	case n.bye != "":
		return finding{}, fmt.Errorf("the session was ended for another reason: %s", short(n.bye))
	}
	return seenFell("all %d refused (%s), and the session goes on", n.all(), short(fmt.Sprint(slices.Collect(maps.Keys(n.codes))))), nil
}

// rateBytes must tell the rate of bytes from that of commands, which refuse alike: only the former refuses a message too, which has a rate
// of its own. A message without text shows it: its rate is looked at before its fields, so that it is either rate-limited or empty.
func rateBytes(ctx context.Context, t *target) (finding, error) {
	const textless = "MSG|"
	c, err := t.open(ctx, t.people[len(t.people)-1]) // whose commands, where there are two, are not used up yet
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	for wait := time.Second; wait > 0; { // until there is a message to spend; and then another
		reply, err := c.do(textless)
		if err != nil {
			return finding{}, err
		}
		wait = refusal(reply).RetryAfter()
		if err := pause(ctx, max(wait, time.Second)); err != nil {
			return finding{}, err
		}
	}
	var all tally
	line := []string{"PING|" + strings.Repeat("x", 4000-len("PING|\n"))}
	asked, began := false, time.Now()
	enough := func() int { return 100 + int(32*time.Since(began).Seconds()) } // lines: a burst of 400 KB, and 128 KB a second
	for all.bye == "" && all.all() < enough() {
		if all.all() >= 300 {
			return finding{}, fmt.Errorf("%s for a rate to show: it took %v to send %d KB", tooSlow, round(time.Since(began)), 4*all.all())
		}
		// At most as much as before: more would be a flood where the bound has just been passed.
		n, err := c.pipeline(slices.Repeat(line, min(max(all.all(), 10), 40)))
		if err != nil {
			return finding{}, err
		}
		all.join(n)
		if n.bye != "" || n.limited() == 0 || asked && all.all() < enough() {
			continue
		}
		asked = true // commands may be what is limited: bytes go on counting, and are asked for once more at the end
		code, err := c.code(textless)
		if err != nil {
			return finding{}, err
		}
		if code == protocol.RateLimited {
			pause(ctx, all.most) // the account is of use again
			return seenHeld("%d KB sent, %d lines refused, and a MSG with them; %s", 4*all.all(), all.limited(), all.told()), all.other()
		}
	}
	if all.bye != "" {
		return finding{}, fmt.Errorf("the session was ended (%s) before it was seen why lines are refused", short(all.bye))
	}
	return seenFell("%d KB sent at once, %d lines refused, but no MSG with them", 4*all.all(), all.limited()), all.other()
}
