package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"parley/protocol"
)

// lineStages are hostile lines: those that nobody has signed in for, then fields of any kind (texts.go, fields.go).
var lineStages = slices.Concat([]stage{
	{name: "http", row: 5, run: httpAtLines,
		tried: "GET, POST and HTTP/2's preface at the line port, 2 times each: offering parley/1, and offering no protocol"},
	{name: "echo", row: 5, run: echo,
		tried: "18 lines before sign-in, in the manner of SMTP, FTP, IRC, HTML and JavaScript too, with a mark in them that must not come back"},
	{name: "endless-line", row: 14, run: endlessLine,
		tried: "3 connections that send 1 MiB each without a line end, while strangers say a line"},
	{name: "long-line", row: 14, people: 1, room: true, run: longLine,
		tried: "lines of 4097, 8000 and 60000 bytes and a text of 2001, each followed by a PING, and a line of just 4096"},
}, textStages, fieldStages)

// mark is a word that nobody else says: letters alone, so that it can stand in a COMMAND.
func mark() string {
	return strings.Map(func(r rune) rune {
		if r >= '2' && r <= '7' {
			return r - '2' + 'A'
		}
		return r
	}, rand.Text())[:12]
}

// holds says whether one of the lines has the mark, in whatever case.
func holds(lines []string, mark string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(strings.ToUpper(line), mark) })
}

// httpAtLines is one half of ALPACA (https://alpaca-attack.com): a browser made to talk to the wrong server.
func httpAtLines(ctx context.Context, t *target) (finding, error) {
	answered, refused := 0, 0
	for _, offer := range [][]string{{t.config.NextProtos[0]}, {}} {
		mark := mark()
		for _, request := range []string{
			"GET /" + mark + " HTTP/1.1\r\nHost: " + mark + "\r\nCookie: " + mark + "\r\n\r\n",
			"POST /" + mark + " HTTP/1.1\r\nHost: " + mark + "\r\nContent-Length: 26\r\n\r\nMSG|" + mark + "\r\n" + mark[:8],
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" + mark + "\n",
		} {
			c, err := t.dialOffering(ctx, offer...)
			if isAlert(err) {
				refused++
				continue
			}
			if err != nil {
				return finding{}, err
			}
			err = c.write([]byte(request))
			lines, open := c.rest(patience / 2) // less than a sign-in may take: its deadline would close as well
			c.close()
			what := fmt.Sprintf("%s, %q offered", short(request[:12]), offer)
			switch {
			case holds(lines, mark):
				return seenFell("%s: what was sent comes back: %s", what, short(strings.Join(lines, " "))), nil
			case open:
				return seenFell("%s: not closed after %d answers", what, len(lines)), nil
			case len(lines) > 1:
				return seenFell("%s: %d answers to one request", what, len(lines)), nil
			case len(lines) == 1 && codeOf(lines[0]) == accepted:
				return seenFell("%s: answered %s", what, short(lines[0])), nil
			case err != nil && !ended(err):
				return finding{}, err
			}
			answered += len(lines)
		}
	}
	if answered+refused == 0 {
		return finding{}, errors.New("6 closed without a word: that it was for what they sent is not seen")
	}
	return seenHeld("6 closed, %d of them after one ERROR, %d in the handshake; nothing that was sent came back", answered, refused), nil
}

// strange are lines that other protocols' servers repeat, or that a browser would run. MARK stands for the mark.
var strange = []string{
	"MARK|", "MARK|MARK", "MARK", "PING|MARK", "MSG|MARK", "JOIN|MARK", "HISTORY|MARK|after|0|50", "SEND|lobby|MARK|MARK", "HELP|MARK",
	"HELLO|MARK|MARK", "HELLO|mark|pt1.MARK", "EHLO MARK", "RCPT TO:<MARK@example.com>", "USER MARK",
	"NICK MARK\r\nUSER a 0 * :MARK\r\nPRIVMSG #a :MARK", "<script>alert('MARK')</script>|", "/**/MARK()//|",
	strings.Repeat("MARK", protocol.MaxLine),
}

// echo is ALPACA's other half: a server that repeats what it was sent can be made to say what another site's page says. Each line has a
// connection of its own, so that no budget for errors spares the others.
func echo(ctx context.Context, t *target) (finding, error) {
	answered := 0
	mark := mark()
	for _, line := range strange {
		line = strings.ReplaceAll(strings.ReplaceAll(line, "MARK", mark), "mark", strings.ToLower(mark))
		c, err := t.dial(ctx, t.stranger())
		if err != nil {
			return finding{}, err
		}
		err = c.send(line, "EXIT|")
		lines, open := c.rest(patience)
		c.close()
		switch {
		case holds(lines, mark):
			return seenFell("%s comes back: %s", short(line), short(strings.Join(lines, " "))), nil
		case err != nil && !ended(err):
			return finding{}, err
		case len(lines) == 0 && open:
			return finding{}, errors.New(short(line) + " was not answered")
		}
		answered += len(lines)
	}
	if answered < len(strange) {
		return finding{}, fmt.Errorf("only %d answers to %d lines", answered, len(strange))
	}
	return seenHeld("%d answers to %d lines, in none of them anything that was sent", answered, len(strange)), nil
}

// endless is what a line without an end comes to.
type endless struct {
	sent  int // before the server had said its last
	lines []string
	open  bool
	err   error
}

// sendEndless sends bytes without an LF, at about 2 MiB a second, until the server has enough.
func (t *target) sendEndless(ctx context.Context, from netip.Addr) (e endless) {
	const most, piece, every = 1 << 20, 8 << 10, 4 * time.Millisecond
	c, err := t.dial(ctx, from)
	if err != nil {
		return endless{err: err}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.lines, e.open = c.rest(patience * 4 / 5) // less than a sign-in may take
	}()
	sent := 0
	tick := time.NewTicker(every)
	defer tick.Stop()
	for full := false; sent < most && !full; sent += piece {
		select {
		case <-ctx.Done():
			c.close()
			full = true
		case <-done:
			full = true
		case <-tick.C:
			full = c.write(make([]byte, piece)) != nil
		}
	}
	<-done
	c.close()
	e.sent = sent
	return e
}

func endlessLine(ctx context.Context, t *target) (finding, error) {
	const connections = 3
	results := make(chan endless, connections)
	for range connections {
		from := t.stranger()
		go func() { results <- t.sendEndless(ctx, from) }()
	}
	served, most, words := 0, 0, ""
	for left := connections; left > 0; {
		select {
		case e := <-results:
			left--
			switch {
			case e.err != nil:
				return finding{}, e.err
			case e.open:
				return seenFell("%d KiB without a line end taken, and more waited for", e.sent>>10), nil
			case len(e.lines) > 0 && strings.HasPrefix(e.lines[len(e.lines)-1], protocol.EventBye+"|"+protocol.ByeLoginTimeout):
				return finding{}, errors.New("the server does not wait as long for a sign-in as this takes")
			}
			most, words = max(most, e.sent), heads(e.lines)
		default:
			c, err := t.dial(ctx, t.stranger())
			if err != nil {
				return finding{}, err
			}
			_, err = c.greet()
			c.close()
			if err != nil {
				return finding{}, err
			}
			served++
		}
	}
	return seenHeld("each was cut off, after %d KiB at the most (%s); %d strangers were answered meanwhile", most>>10, words, served), nil
}

// heads is what lines come to without their explanations: commands and codes.
func heads(lines []string) string {
	var list []string
	for _, line := range lines {
		fields := strings.SplitN(line, "|", 3)
		list = append(list, strings.Join(fields[:min(len(fields), 2)], "|"))
	}
	return short(strings.Join(list, " "))
}

// longLine wants each long line refused once, and the session in step after it.
func longLine(ctx context.Context, t *target) (finding, error) {
	c, err := t.enter(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	ping := func(bytes int) string { return "PING|" + strings.Repeat("x", bytes-len("PING|\n")) }
	for _, line := range []string{ping(4097), ping(8000), ping(60000), "SEND|" + t.room + "||" + strings.Repeat("x", protocol.MaxText+1)} {
		reply, err := c.patient(ctx, line)
		if err != nil {
			return finding{}, err
		}
		if codeOf(reply) == accepted {
			return seenFell("%d bytes were taken: %s", len(line)+1, short(reply)), nil
		}
		if ok, err := c.inStep(ctx); err != nil || !ok {
			return seenFell("after a line of %d bytes the session is not in step any more", len(line)+1), err
		}
	}
	reply, err := c.patient(ctx, ping(protocol.MaxLine))
	if err != nil {
		return finding{}, err
	}
	if codeOf(reply) != accepted {
		return finding{}, fmt.Errorf("4 refused, but so is a line of %d bytes: %s", protocol.MaxLine, short(reply))
	}
	return seenHeld("4 refused, each once, and the session in step after each; a line of %d bytes is answered %s", protocol.MaxLine, codeOf(reply)), nil
}
