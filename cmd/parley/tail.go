package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"parley/internal/client"
	"parley/protocol"
)

type tailCommand struct {
	Server   address `arg:"" name:"user@host[:port]" help:"Who you are and where."`
	Room     target  `arg:"" help:"A room that you have joined, or @user."`
	After    *int64  `placeholder:"ID" help:"Begin after this message; 0 is the very first. Without it, begin with what is said from now on."`
	JSON     bool    `name:"json" help:"One JSON object a line: id, time, room, user, text."`
	Count    int     `placeholder:"N" help:"End after N messages."`
	NoFollow bool    `help:"End when all that was said after --after is printed."`
}

// errEnough ends tail where its work is done.
var errEnough = errors.New("that is all")

// Run implements the command.
func (t *tailCommand) Run(ctx context.Context, o *connection) error {
	if t.NoFollow && t.After == nil {
		return usageError{errors.New("--no-follow needs --after: there is nothing to print otherwise")}
	}
	if t.After != nil && *t.After < 0 {
		return usageError{errors.New("--after is a message's id, from 0")}
	}
	room := string(t.Room)
	after := map[string]int64{}
	if t.After != nil {
		after[room] = *t.After
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() { // ends with the process, or ends it
		if awaitNoReader(os.Stdout) {
			end(errEnough)
		}
	}()
	l, err := o.open(ctx, t.Server, client.Config{
		GiveUp:   o.GiveUp,
		Follow:   func(r string) bool { return r == room },
		After:    after,
		OnUpdate: t.printer(os.Stdout, end),
	}, notice)
	if err != nil {
		return err
	}
	defer l.leave()
	if s, err := l.Session(); err == nil {
		if _, err := s.Newest(ctx, room, 1); isA[*protocol.Error](err) {
			return err
		}
	}
	select {
	case <-l.Done():
		return l.Err()
	case <-ctx.Done():
	}
	if cause := context.Cause(ctx); !errors.Is(cause, errEnough) && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil // done, or told to stop
}

// awaitNoReader returns when nobody can read any more what is written to file, as GNU tail notices: without it, "tail | head -n 1"
// would stay until the next message. False: this system does not tell.
func awaitNoReader(file *os.File) bool {
	poll := []unix.PollFd{{Fd: int32(file.Fd())}} // no event but the errors that poll(2) always tells
	for {
		_, err := unix.Poll(poll, -1)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// printer prints messages to w, each with one write, and ends the command when it must not go on.
func (t *tailCommand) printer(w io.Writer, end context.CancelCauseFunc) func(client.Update) {
	printed, connection := 0, changes{}
	return func(u client.Update) {
		switch {
		case u.Event.Command == protocol.EventMsg && (t.Count == 0 || printed < t.Count):
			line := plainMessage(u.Event)
			if t.JSON {
				line = jsonMessage(u.Event)
			}
			if _, err := io.WriteString(w, line+"\n"); errors.Is(err, syscall.EPIPE) {
				end(errEnough)
			} else if err != nil {
				end(err)
			}
			if printed++; printed == t.Count {
				end(errEnough)
			}
		case u.State == client.Online && t.NoFollow:
			end(errEnough)
		case u.Event.Command == protocol.EventNote:
			notice(protocol.Printable(u.Event.Text))
		}
		notice(connection.line(u))
	}
}

// plainMessage is a message on one line, in local time, for people and simple programs.
func plainMessage(e protocol.Event) string {
	return protocol.Printable(fmt.Sprintf("%s %s %s: %s", e.Time.Local().Format(time.DateTime), e.Room, e.User, e.Text))
}

// jsonMessage is a message as a JSON object without any character that could steer a terminal.
func jsonMessage(e protocol.Event) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.Encode(struct {
		ID   int64  `json:"id"`
		Time string `json:"time"`
		Room string `json:"room"`
		User string `json:"user"`
		Text string `json:"text"`
	}{e.ID, string(protocol.AppendTime(nil, e.Time)), e.Room, e.User, e.Text}) // of these types nothing can fail
	out := make([]byte, 0, b.Len())
	for _, r := range string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) {
		if protocol.CheckCharacters(string(r)) != nil { // all of them are in the basic plane
			out = append(out, `\u`...)
			out = append(out, strconv.FormatInt(int64(r)+0x10000, 16)[1:]...)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}
