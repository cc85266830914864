package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/control"
	"parley/internal/store"
)

// kept is the data directory that commands read, of a server that runs or not.
type kept struct {
	Data path `required:"" placeholder:"DIR" help:"The server's data directory."`
}

// settled calls do when all that was acknowledged is in the directory for this process to read. A server that runs there logs what
// is done with it.
func (k kept) settled(ctx context.Context, r control.Request, do func() error) error {
	dir := string(k.Data)
	if err := k.Data.kept(); err != nil {
		return err
	}
	for give := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, err := control.Ask(ctx, dir, r)
		if err == nil {
			return do()
		}
		if !errors.Is(err, control.ErrNoServer) {
			return err
		}
		// A server that is just starting or stopping is waited for.
		if err = store.Settled(ctx, dir, warnings(), do); !errors.Is(err, store.ErrLocked) || time.Now().After(give) {
			return err
		}
	}
}

type backup struct {
	File  string `arg:"" help:"Where to; not in the data directory."`
	Force bool   `env:"-" help:"Replace FILE where it is there."`
	kept
}

// Run makes the backup.
func (b *backup) Run() error {
	ctx, stop := untilTold()
	defer stop()
	err := b.settled(ctx, control.Request{Op: "backup", Name: b.File}, func() error {
		return store.Backup(ctx, string(b.Data), b.File, b.Force)
	})
	if errors.Is(err, os.ErrExist) {
		err = fmt.Errorf("%s is there already: choose another name, or --force to replace it", b.File)
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted: no backup was made")
	}
	return say(err, "backed up %s to %s\n", b.Data, b.File)
}

type restore struct {
	File string `arg:"" help:"The backup."`
	Data path   `required:"" placeholder:"DIR" help:"The new data directory, empty or missing."`
}

// Run makes a data directory of a backup.
func (r *restore) Run() error {
	ctx, stop := untilTold()
	defer stop()
	done, err := store.Restore(ctx, r.File, string(r.Data))
	if ctx.Err() != nil && err != nil {
		err = errors.New("interrupted: nothing was restored")
	}
	then := "everybody signs in anew"
	if done.Clustered {
		then = "it follows a cluster's stream: start it with --nats, and it fetches what it lacks"
	}
	return say(err, "restored %s to %s: up to %s; %s\n", r.File, r.Data, done.Last.UTC().Format(time.RFC3339), then)
}

type export struct {
	Room  string    `arg:"" help:"The room; @NAME@NAME is what two have said to each other."`
	JSON  bool      `env:"-" name:"json" required:"" help:"One JSON object a line, the only form there is."`
	Since time.Time `env:"-" placeholder:"TIME" help:"From this time on, 2026-01-31T00:00:00Z."`
	Until time.Time `env:"-" placeholder:"TIME" help:"Before this time."`
	kept
}

// exported is one line. These names stay.
type exported struct {
	ID    int64  `json:"id"`
	Time  string `json:"time"` // RFC 3339, UTC, milliseconds
	Room  string `json:"room"`
	User  string `json:"user"`
	Text  string `json:"text"`
	Taken bool   `json:"taken_back,omitempty"` // there is no text
}

// Run prints the room.
func (e *export) Run() error {
	ctx, stop := untilTold()
	defer stop()
	room := e.Room
	if a, b, ok := strings.Cut(strings.TrimPrefix(room, "@"), "@"); ok && strings.HasPrefix(room, "@") {
		room = chat.Conversation(a, b)
	}
	out := bufio.NewWriter(os.Stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	err := e.settled(ctx, control.Request{Op: "export", Room: room}, func() error {
		return store.Export(ctx, string(e.Data), room, e.Since, e.Until, func(m chat.Message) error {
			return lines.Encode(exported{m.ID, m.Time.Format("2006-01-02T15:04:05.000Z07:00"), m.Room, m.User, m.Text, m.Text == ""})
		})
	})
	if errors.Is(err, store.ErrNoRoom) {
		err = fmt.Errorf("nothing was ever said in %q, or there is no such room", room)
	}
	return errors.Join(err, out.Flush())
}
