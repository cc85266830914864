package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"parley/protocol"
)

// kind is what an event is to the one who reads it.
type kind int

const (
	other   kind = iota
	message      // somebody said something
	reply        // OK to a line of one's own
	refusal      // the line was refused, or the session is to end
	ping         // to be answered
)

// event is one thing that a server said. Its slices are the reader's buffer: good until the next read.
type event struct {
	kind kind
	id   int64 // parley's, of a message or in an OK; else 0
	room []byte
	user []byte // empty where the server does not say who
	text []byte // a message's, or what a ping wants back
	line []byte // all of it, without its end
}

// dialect is the way one kind of server is spoken to.
type dialect interface {
	// atOnce is how many may arrive side by side.
	atOnce() int
	// upgrade is what comes before TLS.
	upgrade(ctx context.Context, plain net.Conn) error
	// enter signs in over a connection, as name; shown is the name that others will see.
	enter(ctx context.Context, c *conn, name string) (shown string, err error)
	// join makes the connection hear what is said in a room.
	join(ctx context.Context, c *conn, room string) error
	// leave says that the session, and its part in the room, is over.
	leave(c *conn, room string)
	// appendSay appends the line that says text in a room.
	appendSay(b []byte, room string, text []byte) []byte
	// appendPong appends the answer to a ping.
	appendPong(b, text []byte) []byte
	// parse takes one event off the front of b, in place, and returns its length; 0 where it is not all there yet.
	parse(b []byte, e *event) int
}

// parley speaks COMMAND|DATA. Rooms are joined, and each connection speaks to the one it joined last.
type parley struct {
	guests   bool
	password string // of all accounts, where they are no guests
}

// Sign-ins beyond what a server lets wait for their password are told busy.
func (parley) atOnce() int { return 8 }

func (parley) upgrade(context.Context, net.Conn) error { return nil }

func (p parley) enter(ctx context.Context, c *conn, name string) (string, error) {
	if !p.guests {
		_, err := p.hello(ctx, c, name, p.password)
		return name, err
	}
	_, err := c.ask(ctx, "HELLO|"+name)
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) && refused.Code == protocol.Denied {
		err = fmt.Errorf("%w (guests need a parleyd run with --guests; or give --users)", err)
	}
	return "~" + name, err
}

// hello signs an account in by password or token, and returns the next token.
func (parley) hello(ctx context.Context, c *conn, name, credential string) (token string, err error) {
	fields, err := c.ask(ctx, "HELLO|"+name+"|"+credential)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(fields, "|")
	token, _, found := strings.Cut(rest, "|")
	if !found || token == "" {
		return "", errors.New("HELLO gave no token: must the account change its first password?")
	}
	return token, nil
}

func (p parley) join(ctx context.Context, c *conn, room string) error {
	_, err := p.joinAt(ctx, c, room)
	return err
}

// joinAt is join, and returns the id of what was said last there.
func (parley) joinAt(ctx context.Context, c *conn, room string) (last int64, err error) {
	fields, err := c.ask(ctx, "JOIN|"+room)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(fields[strings.LastIndexByte(fields, '|')+1:], 10, 64)
}

func (p parley) leave(c *conn, room string) {
	line := "EXIT|\n"
	if !p.guests && room != "" {
		line = "LEAVE|" + room + "\n" + line
	}
	_ = c.write([]byte(line)) // the connection is closed next, whatever comes of it
}

func (parley) appendSay(b []byte, _ string, text []byte) []byte {
	return append(append(append(b, "MSG|"...), text...), '\n')
}

func (parley) appendPong(b, _ []byte) []byte { return b }

var (
	sayPrefix   = []byte("MSG|")
	okPrefix    = []byte("OK|")
	errorPrefix = []byte("ERROR|")
	byePrefix   = []byte("BYE|")
	byeShutdown = []byte("BYE|shutdown|")
)

func (parley) parse(b []byte, e *event) int {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0
	}
	*e = event{line: b[:end]}
	switch {
	case bytes.HasPrefix(e.line, sayPrefix):
		rest := e.line[len(sayPrefix):]
		for len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9' {
			e.id = e.id*10 + int64(rest[0]-'0')
			rest = rest[1:]
		}
		var ok [4]bool // the bar after the id, the time, the room, the user
		_, rest, ok[0] = cut(rest, '|')
		_, rest, ok[1] = cut(rest, '|')
		e.room, rest, ok[2] = cut(rest, '|')
		e.user, e.text, ok[3] = cut(rest, '|')
		if ok == [4]bool{true, true, true, true} && e.id > 0 {
			e.kind = message
		}
	case bytes.HasPrefix(e.line, okPrefix):
		e.kind = reply
		for _, d := range e.line[len(okPrefix):] {
			if d < '0' || d > '9' {
				e.id = 0
				break
			}
			e.id = e.id*10 + int64(d-'0')
		}
	case bytes.HasPrefix(e.line, errorPrefix), bytes.HasPrefix(e.line, byePrefix):
		e.kind = refusal
	}
	return end + 1
}

// cut is bytes.Cut at one byte.
func cut(b []byte, at byte) (before, after []byte, found bool) {
	if i := bytes.IndexByte(b, at); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

// irc speaks RFC 2812.
type irc struct{}

// InspIRCd welcomes people once a second.
func (irc) atOnce() int { return 256 }

func (irc) upgrade(context.Context, net.Conn) error { return nil }

func (irc) enter(ctx context.Context, c *conn, name string) (string, error) {
	if err := c.write([]byte("NICK " + name + "\r\nUSER " + name + " 0 * :" + name + "\r\n")); err != nil {
		return "", err
	}
	return name, c.awaitNumeric(ctx, "001")
}

func (irc) join(ctx context.Context, c *conn, room string) error {
	if err := c.write([]byte("JOIN #" + room + "\r\n")); err != nil {
		return err
	}
	return c.awaitNumeric(ctx, "366")
}

func (irc) leave(c *conn, _ string) { _ = c.write([]byte("QUIT\r\n")) }

func (irc) appendSay(b []byte, room string, text []byte) []byte {
	b = append(append(append(b, "PRIVMSG #"...), room...), " :"...)
	return append(append(b, text...), "\r\n"...)
}

func (irc) appendPong(b, text []byte) []byte {
	return append(append(append(b, "PONG "...), text...), "\r\n"...)
}

var (
	saidIn   = []byte("PRIVMSG #")
	ircPing  = []byte("PING ")
	ircError = []byte("ERROR ")
)

func (irc) parse(b []byte, e *event) int {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0
	}
	*e = event{line: bytes.TrimSuffix(b[:end], []byte("\r"))}
	switch {
	case len(e.line) > 0 && e.line[0] == ':':
		who, rest, _ := cut(e.line[1:], ' ')
		if !bytes.HasPrefix(rest, saidIn) {
			// A numeric from 400 to 599 is an error.
			if len(rest) > 3 && (rest[0] == '4' || rest[0] == '5') && rest[3] == ' ' && !bytes.HasPrefix(rest, []byte("422 ")) {
				e.kind = refusal
			}
			break
		}
		var ok bool
		e.user, _, _ = cut(who, '!')
		e.room, e.text, ok = cut(rest[len(saidIn):], ' ')
		if ok && len(e.text) > 0 && e.text[0] == ':' {
			e.kind, e.text = message, e.text[1:]
		}
	case bytes.HasPrefix(e.line, ircPing):
		e.kind, e.text = ping, e.line[len(ircPing):]
	case bytes.HasPrefix(e.line, ircError):
		e.kind = refusal
	}
	return end + 1
}

// nats speaks NATS's text protocol: INFO in the clear, then TLS.
type nats struct{}

func (nats) atOnce() int { return 8 }

func (nats) upgrade(ctx context.Context, plain net.Conn) error {
	// Byte by byte: what follows INFO's line is TLS's.
	var line []byte
	for one := make([]byte, 1); len(line) < 64<<10; {
		if _, err := plain.Read(one); err != nil {
			return err
		}
		if one[0] == '\n' {
			if !bytes.HasPrefix(line, []byte("INFO ")) {
				return fmt.Errorf("not a NATS server: it began with %.40q", line)
			}
			return ctx.Err()
		}
		line = append(line, one[0])
	}
	return fmt.Errorf("not a NATS server: no line of INFO")
}

func (nats) enter(ctx context.Context, c *conn, name string) (string, error) {
	return "", c.roundTrip(ctx, `CONNECT {"verbose":false,"pedantic":false,"echo":false,"tls_required":true,"lang":"go","name":"`+name+`"}`+"\r\n")
}

func (nats) join(ctx context.Context, c *conn, room string) error {
	return c.roundTrip(ctx, "SUB "+room+" 1\r\n")
}

func (nats) leave(*conn, string) {}

func (nats) appendSay(b []byte, room string, text []byte) []byte {
	b = append(append(append(b, "PUB "...), room...), ' ')
	b = append(strconv.AppendInt(b, int64(len(text)), 10), "\r\n"...)
	return append(append(b, text...), "\r\n"...)
}

func (nats) appendPong(b, _ []byte) []byte { return append(b, "PONG\r\n"...) }

var (
	natsPing  = []byte("PING")
	natsPong  = []byte("PONG")
	natsError = []byte("-ERR")
)

func (nats) parse(b []byte, e *event) int {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0
	}
	*e = event{line: bytes.TrimSuffix(b[:end], []byte("\r"))}
	switch {
	case bytes.HasPrefix(e.line, sayPrefix[:3]):
		// MSG subject sid size
		last := bytes.LastIndexByte(e.line, ' ')
		size := 0
		for _, d := range e.line[last+1:] {
			size = min(size*10+int(d-'0'), 1<<20)
		}
		all := end + 1 + size + 2
		if len(b) < all {
			return 0
		}
		e.room, _, _ = cut(e.line[min(4, len(e.line)):], ' ')
		e.kind, e.text = message, b[end+1:end+1+size]
		return all
	case bytes.HasPrefix(e.line, natsPing):
		e.kind = ping
	case bytes.HasPrefix(e.line, natsPong):
		e.kind = reply
	case bytes.HasPrefix(e.line, natsError):
		e.kind = refusal
	}
	return end + 1
}
