package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"parley/internal/control"
	"parley/protocol"
)

type sessions struct {
	List   sessionList   `cmd:"" help:"List the live sessions of this server."`
	End    sessionEnd    `cmd:"" help:"End one session, or all of an account, and their tokens."`
	Mute   sessionMute   `cmd:"" help:"Keep an account from speaking for a time; it can read."`
	Unmute sessionUnmute `cmd:"" help:"Let a muted account speak again."`
	Muted  sessionMuted  `cmd:"" help:"List who is muted, and until when."`
}

type rooms struct {
	List      roomList      `cmd:"" help:"List the rooms."`
	Lock      roomLock      `cmd:"" help:"Let only the invited join a room; its members stay."`
	Open      roomOpen      `cmd:"" help:"Let everybody join a room again, also after close."`
	Close     roomClose     `cmd:"" help:"Lock a room and take everybody out of it; what was said stays."`
	Expel     roomExpel     `cmd:"" help:"Take somebody out of a room."`
	Broadcast roomBroadcast `cmd:"" help:"Tell everybody, or who is in one room, something; it is not kept."`
}

// Flags that say what one command is about are no settings, and are read from no environment: PARLEY_USER may be there for the client.

// listing is a list that programs can read as well.
type listing struct {
	operator
	JSON bool `env:"-" name:"json" help:"One JSON object a line."`
}

type (
	sessionList struct {
		User string `env:"-" placeholder:"NAME" help:"Only those of this account."`
		listing
	}
	sessionEnd struct {
		Session string `arg:"" optional:"" placeholder:"UUID" help:"The session, by its UUID."`
		User    string `env:"-" placeholder:"NAME" help:"All sessions of this account, on all nodes."`
		Reason  string `env:"-" placeholder:"TEXT" help:"What they are told."`
		operator
	}
	sessionMute struct {
		Name string   `arg:"" help:"The account's name."`
		For  muteTime `env:"-" required:"" placeholder:"TIME" help:"How long: 30m, 24h, 7d; a year at most."`
		operator
	}
	sessionUnmute struct {
		Name string `arg:"" help:"The account's name."`
		operator
	}
	sessionMuted struct{ listing }

	inRoom struct {
		Room string `arg:"" help:"The room's name."`
		operator
	}
	roomList  struct{ listing }
	roomLock  struct{ inRoom }
	roomOpen  struct{ inRoom }
	roomClose struct{ inRoom }
	roomExpel struct {
		Room string `arg:"" help:"The room's name."`
		Name string `arg:"" help:"The account's name."`
		operator
	}
	roomBroadcast struct {
		Text string `arg:"" optional:"" help:"The text; one line of standard input where it is not given."`
		Room string `env:"-" placeholder:"NAME" help:"Only to those who are in this room."`
		operator
	}
)

// Run lists the sessions.
func (c *sessionList) Run() error {
	r, err := c.ask(control.Request{Op: "session list", Name: c.User})
	if err != nil {
		return err
	}
	return printList(c.JSON, r.Sessions, "SESSION\tUSER\tADDRESS\tFRONT\tSINCE\tIDLE\tWAITING", func(s control.Session) []any {
		idle := time.Duration(s.Idle * float64(time.Second)).Round(time.Second)
		return []any{s.ID, cmp.Or(s.User, "-"), s.Address, s.Front, s.Since.Format(time.RFC3339), idle, s.Waiting}
	})
}

// Run ends sessions.
func (c *sessionEnd) Run() error {
	if (c.Session == "") == (c.User == "") {
		return &exitError{exitUsage, errors.New("name a session by its UUID, or an account by --user")}
	}
	r, err := c.ask(control.Request{Op: "session end", Session: c.Session, Name: c.User, Text: c.Reason})
	return say(err, "ended %d\n", r.Count)
}

// Run mutes.
func (c *sessionMute) Run() error {
	if c.For <= 0 {
		return &exitError{exitUsage, errors.New("--for is how long, such as 30m, 24h or 7d; session unmute lifts a mute")}
	}
	until := time.Now().Add(time.Duration(c.For))
	_, err := c.ask(control.Request{Op: "session mute", Name: c.Name, Until: until})
	return say(err, "muted %s until %s\n", c.Name, until.UTC().Format(time.RFC3339))
}

// muteTime is a time as people write it: 30m, 24h, 7d.
type muteTime time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *muteTime) UnmarshalText(text []byte) error {
	if number, ok := strings.CutSuffix(string(text), "d"); ok {
		days, err := strconv.ParseUint(number, 10, 16)
		*m = muteTime(time.Duration(days) * 24 * time.Hour)
		if err == nil {
			return nil
		}
	} else if d, err := time.ParseDuration(string(text)); err == nil {
		*m = muteTime(d)
		return nil
	}
	return fmt.Errorf("%q is no time: write 30m, 24h or 7d", text)
}

// Run lifts a mute.
func (c *sessionUnmute) Run() error {
	_, err := c.ask(control.Request{Op: "session mute", Name: c.Name, Until: time.Now()})
	return say(err, "%s may speak\n", c.Name)
}

// Run lists the mutes.
func (c *sessionMuted) Run() error {
	r, err := c.ask(control.Request{Op: "session muted"})
	if err != nil {
		return err
	}
	return printList(c.JSON, r.Muted, "USER\tUNTIL", func(m control.Mute) []any { return []any{m.User, m.Until.UTC().Format(time.RFC3339)} })
}

// Run lists the rooms.
func (c *roomList) Run() error {
	r, err := c.ask(control.Request{Op: "room list"})
	if err != nil {
		return err
	}
	return printList(c.JSON, r.Rooms, "ROOM\tMEMBERS\tHERE\tMESSAGES\tMAKER\tSTANDING", func(m control.Room) []any {
		standing := "open"
		switch {
		case m.Locked && m.Members == 0:
			standing = "closed"
		case m.Locked:
			standing = "locked"
		}
		return []any{m.Name, m.Members, m.Present, m.Messages, cmp.Or(m.Maker, "-"), standing}
	})
}

// Run locks the room.
func (c *roomLock) Run() error {
	_, err := c.ask(control.Request{Op: "room lock", Room: c.Room})
	return say(err, "locked %s\n", c.Room)
}

// Run opens the room.
func (c *roomOpen) Run() error {
	_, err := c.ask(control.Request{Op: "room open", Room: c.Room})
	return say(err, "opened %s\n", c.Room)
}

// Run closes the room.
func (c *roomClose) Run() error {
	r, err := c.ask(control.Request{Op: "room close", Room: c.Room})
	return say(err, "closed %s; %d taken out of it\n", c.Room, r.Count)
}

// Run expels somebody.
func (c *roomExpel) Run() error {
	_, err := c.ask(control.Request{Op: "room expel", Room: c.Room, Name: c.Name})
	return say(err, "expelled %s from %s\n", c.Name, c.Room)
}

// Run tells people something.
func (c *roomBroadcast) Run() error {
	text := c.Text
	if text == "" {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 64<<10)).ReadString('\n')
		if err != nil && (err != io.EOF || line == "") {
			return &exitError{exitUsage, errors.New("no text, and none on standard input; it is one line")}
		}
		text = strings.TrimRight(line, "\r\n")
	}
	r, err := c.ask(control.Request{Op: "room broadcast", Room: c.Room, Text: text})
	return say(err, "told %d sessions\n", r.Count)
}

// ask asks the server that runs on the directory.
func (o *operator) ask(r control.Request) (control.Response, error) {
	if err := o.Data.kept(); err != nil {
		return control.Response{}, err
	}
	response, err := control.Ask(context.Background(), string(o.Data), r)
	if errors.Is(err, control.ErrNoServer) {
		err = fmt.Errorf("no server runs on %s, and this is about what a running one has", o.Data)
	}
	return response, err
}

// printList prints rows for people, or each as a JSON object.
func printList[T any](asJSON bool, all []T, head string, row func(T) []any) error {
	out := bufio.NewWriter(os.Stdout)
	if asJSON {
		for e := json.NewEncoder(out); len(all) > 0; all = all[1:] {
			if err := e.Encode(all[0]); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, one := range all {
		var cells []string
		for _, cell := range row(one) {
			cells = append(cells, protocol.Printable(fmt.Sprint(cell)))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return errors.Join(w.Flush(), out.Flush())
}
