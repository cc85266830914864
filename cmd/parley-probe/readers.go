package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/protocol"
)

var readerStages = []stage{
	{name: "slow-events", row: 17, people: 2, room: true, run: slowEvents, flag: "--outbox-bytes",
		tried: "a session that reads nothing while 430 KB are said in its room, in less than 9 s"},
}

// deaf signs in over a connection for which the kernels hold little: where nobody reads, the server's writes soon wait.
func (t *target) deaf(ctx context.Context, who *account) (*conn, error) {
	small := func(_, _ string, raw syscall.RawConn) error {
		var err error
		raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
			// A small segment size makes the other side's buffer small as well, on Linux. Elsewhere it does no harm.
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
		})
		return err
	}
	return t.signInBy(ctx, who, func() (*conn, error) {
		plain, err := t.connectBy(ctx, t.stranger(), net.Dialer{Timeout: patience, Control: small})
		if err != nil {
			return nil, err
		}
		return t.secure(ctx, plain, t.config)
	})
}

// drain reads at last: until as many lines came as were to come, or the stream ends, which is what cut says.
func (c *conn) drain(ctx context.Context, most int, wanted func(line string) bool) (lines, bytes int, cut bool) {
	defer context.AfterFunc(ctx, c.close)()
	c.NetConn().(*net.TCPConn).SetReadBuffer(1 << 20)
	for lines < most {
		line, err := c.line()
		bytes += len(line)
		if err != nil {
			return lines, bytes, !errors.Is(err, os.ErrDeadlineExceeded)
		}
		if wanted(line) {
			lines++
		}
	}
	return lines, bytes, false
}

// fill says n long messages, as fast as it may.
func (c *conn) fill(ctx context.Context, room string, n int) error {
	for said := 0; said < n; {
		reply, err := c.do("SEND|" + room + "||" + strings.Repeat("long ", 400))
		if err != nil {
			return err
		}
		if codeOf(reply) == accepted {
			said++
			continue
		}
		wait := refusal(reply).RetryAfter()
		if wait == 0 {
			return refusal(reply)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// slowAnswers lets the first reader read after the default deadline, and the second, if need be, where an operator allows more.
func slowAnswers(ctx context.Context, t *target) (finding, error) {
	const asked = 40
	var bytes int
	other, err := t.enter(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer other.leave()
	if err := other.fill(ctx, t.room, 36); err != nil {
		return finding{}, err
	}
	var readers []*conn
	for i := range 2 {
		c, err := t.deaf(ctx, t.people[i%len(t.people)])
		if err != nil {
			return finding{}, err
		}
		defer c.close()
		readers = append(readers, c)
		if err := c.send(slices.Repeat([]string{"HISTORY|" + t.room}, asked)...); err != nil {
			return finding{}, err
		}
	}
	began := time.Now()
	var worst time.Duration
	seen := ""
	for i, until := range []time.Duration{11 * time.Second, 25 * time.Second} {
		for time.Since(began) < until {
			at := time.Now()
			if _, err := other.do("PING|"); err != nil {
				return finding{}, fmt.Errorf("another session of the account: %w", err)
			}
			worst = max(worst, time.Since(at))
			if err := pause(ctx, min(time.Second, until-time.Since(began))); err != nil {
				return finding{}, err
			}
		}
		answers, got, cut := readers[i].drain(ctx, asked, isReply)
		bytes = got
		if ctx.Err() != nil {
			return finding{}, context.Cause(ctx)
		}
		seen = fmt.Sprintf("read after %v: %d KB, %d of %d answers", until, bytes>>10, answers, asked)
		if cut {
			return seenHeld("%s, then the end; another session was answered within %v meanwhile", seen, round(worst)), nil
		}
	}
	if bytes < 1<<20 {
		return finding{}, fmt.Errorf("too little could be asked for: %s", seen)
	}
	return seenFell("%s, and the session goes on", seen), nil
}

const (
	eventsTime  = 9 * time.Second // less than the write deadline, which would end the session as well
	eventsTotal = 215             // messages of 2000 bytes: an outbox of 256 KiB and what the kernels hold
)

// slowEvents stays below the default write deadline: what ends the session is that nothing more fits its outbox.
func slowEvents(ctx context.Context, t *target) (finding, error) {
	var speakers [2]*conn
	for i := range speakers {
		c, err := t.enter(ctx, t.people[i])
		if err != nil {
			return finding{}, err
		}
		defer c.leave()
		speakers[i] = c
	}
	reader, err := t.deaf(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer reader.close()
	mark := rand.Text()
	ours := func(line string) bool {
		return strings.HasPrefix(line, protocol.EventMsg+"|") && strings.Contains(line, mark)
	}
	began := time.Now()
	said, err := speak(ctx, speakers, t.room, mark+strings.Repeat("x", 2000-len(mark)))
	if err != nil {
		return finding{}, err
	}
	took := time.Since(began)
	for i, c := range speakers {
		had := len(slices.DeleteFunc(c.events, func(e string) bool { return !ours(e) }))
		came, _, _ := c.drain(ctx, said[1-i]-had, ours)
		if had+came < said[1-i] {
			return seenFell("another session got %d of %d messages", had+came, said[1-i]), nil
		}
	}
	total := said[0] + said[1]
	came, bytes, cut := reader.drain(ctx, total, ours)
	seen := fmt.Sprintf("%d messages in %.1f s (%d KB), which the others got; when it read at last it got %d (%d KB)", total, took.Seconds(), 2*total, came, bytes>>10)
	switch {
	case ctx.Err() != nil:
		return finding{}, context.Cause(ctx)
	case cut && took > eventsTime+time.Second/2:
		return finding{}, fmt.Errorf("%s, so that the write deadline may have ended it: %s", tooSlow, seen)
	case cut:
		return seenHeld("%s and the end", seen), nil
	case total < eventsTotal:
		return finding{}, fmt.Errorf("%s to say enough: %s", tooSlow, seen)
	}
	return seenFell("%s, and the session goes on", seen), nil
}

// speak lets both say the text as fast as they may, until it was said often enough, or time is up.
func speak(ctx context.Context, speakers [2]*conn, room, text string) (said [2]int, err error) {
	for until := time.Now().Add(eventsTime); said[0]+said[1] < eventsTotal && time.Now().Before(until); {
		refused := 0
		for i, c := range speakers {
			code, err := c.code("SEND|" + room + "||" + text)
			switch {
			case err != nil:
				return said, err
			case code == accepted:
				said[i]++
			case code == protocol.RateLimited:
				refused++
			default:
				return said, fmt.Errorf("a message was answered with %s", short(string(code)))
			}
		}
		if refused == len(speakers) {
			if err := pause(ctx, time.Second/10); err != nil {
				return said, err
			}
		}
	}
	return said, ctx.Err()
}
