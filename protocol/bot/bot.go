package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
)

// Config says where a [Bot] is and who it is.
type Config struct {
	Server string // HOST:PORT
	// CA is a file with the CA certificates to trust, PEM; "" trusts the system's. Pin is the server's, as parleyd certs prints it; with CA both must hold.
	CA, Pin string

	Name     string                                // the account's; not one that still has an invitation's password
	Password func(context.Context) (string, error) // asked once, by Connect; see [PasswordFile]

	// Rooms are joined where they are not yet, and what is said there is handled. Direct: so is what people say to the bot alone.
	Rooms  []string
	Direct bool

	Dir string       // of this bot alone: where it is is kept here
	Log *slog.Logger // told of lost connections and refusals; nil is slog.Default()
}

// Bot takes part in rooms. Its goroutines are those of the connection, from Connect to Close, and that which calls Run.
type Bot struct {
	cfg    Config
	client *client.Client
	state  *state
	wake   chan struct{} // holds one wish to look at what follows

	mu     sync.Mutex
	behind map[string]bool // rooms and conversations in which something was said since they were read
	online bool            // signed in anew since the rooms were looked at
}

// Bounds of what is asked for, and how long what failed waits where the server names no time.
const (
	pageSize     = 100
	retry        = 250 * time.Millisecond
	serverFailed = 5 * time.Second
)

// Connect signs in, joins the rooms and notes where they are; at the first start of a directory that is where they are now. A server that is not there is
// tried until ctx ends, which bounds Connect alone. Close must be called in the end. Errors: ErrInUse; a *tlsutil.TrustError; that the sign-in or a room is refused; about what is in cfg.
func Connect(ctx context.Context, cfg Config) (*Bot, error) {
	if cfg.Name == "" || cfg.Password == nil || cfg.Dir == "" || len(cfg.Rooms) == 0 && !cfg.Direct {
		return nil, errors.New("bot: Name, Password, Dir, and Rooms or Direct are needed")
	}
	for _, room := range cfg.Rooms {
		if bad := protocol.CheckName(room); bad != nil {
			return nil, fmt.Errorf("bot: the room %q: %w", room, bad)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	dialer, err := client.NewDialer(cfg.Server, tlsutil.ClientOptions{CAFile: cfg.CA, Pin: cfg.Pin})
	if err != nil {
		return nil, fmt.Errorf("bot: %w", err)
	}
	b := &Bot{cfg: cfg, wake: make(chan struct{}, 1), behind: make(map[string]bool)}
	if b.state, err = openState(cfg.Dir, cfg.Server, cfg.Name); err != nil {
		return nil, err
	}
	b.client, err = client.Connect(ctx, client.Config{
		Dial: dialer.Dial, User: cfg.Name, Password: b.password, OnUpdate: b.onUpdate, Follow: b.follows, FirstTries: math.MaxInt,
	})
	if err == nil {
		if err = b.settle(ctx, true); err != nil {
			b.client.Close()
		}
	}
	if err != nil {
		b.state.close()
		return nil, fmt.Errorf("bot: %w", err)
	}
	return b, nil
}

// password is asked again only where the first one was refused, and then it is no use.
func (b *Bot) password(ctx context.Context, refused error) (string, error) {
	if refused != nil {
		return "", refused
	}
	return b.cfg.Password(ctx)
}

func (b *Bot) follows(room string) bool {
	return b.cfg.Direct && strings.HasPrefix(room, "@") || slices.Contains(b.cfg.Rooms, room)
}

// onUpdate runs on the client's goroutines, and only notes. An event is no more than word that a room has something new: it is read from the history, so that
// what waits for a slow handler waits on the server's disk, and not here.
func (b *Bot) onUpdate(u client.Update) {
	switch u.State {
	case client.Event:
		if u.Event.Command == protocol.EventMsg {
			b.note(func() { b.behind[u.Event.Room] = true })
		}
	case client.Online:
		b.note(func() { b.online = true })
	case client.Lost, client.Waiting, client.Warning:
		b.cfg.Log.Warn("the connection", "error", u.Err, "next try in", u.Wait)
	}
}

func (b *Bot) note(what func()) {
	b.mu.Lock()
	what()
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run hands each message of others to handle, one at a time, until ctx ends or the bot cannot go on. A message counts as handled when handle returns nil, and then it never comes
// again. A *protocol.Error in what handle returns is logged and counts as handled too, so that nobody can stop a bot by what they say; any other error ends Run, and the message comes
// again after the next start. Run returns nil where ctx has ended. It is called once.
func (b *Bot) Run(ctx context.Context, handle func(context.Context, *Message) error) error {
	for {
		err := b.step(ctx, handle)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("bot: %w", err)
		}
		select {
		case <-b.wake:
		case <-b.client.Done():
			return fmt.Errorf("bot: %w", b.ended())
		case <-ctx.Done():
			return nil
		}
	}
}

// Close signs out and lets go of the directory. Run must have returned.
func (b *Bot) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	b.client.Quit(ctx) // where that fails, the session ends all the same, and its token with time
	b.state.close()
	return nil
}

// step deals with all that there is at the moment.
func (b *Bot) step(ctx context.Context, handle func(context.Context, *Message) error) error {
	for {
		b.mu.Lock()
		online, rooms := b.online, b.behind
		b.online, b.behind = false, make(map[string]bool)
		b.mu.Unlock()
		if online {
			if err := b.settle(ctx, false); err != nil {
				return err
			}
			continue
		}
		if len(rooms) == 0 {
			return nil
		}
		for room := range rooms {
			if err := b.catchUp(ctx, room, handle); err != nil {
				return err
			}
		}
	}
}

// settle joins the rooms and finds the conversations, after each sign-in: all of them may have something new. One that is new to the state begins at
// its end, and one whose end lies before where the bot was, since the server was put back to an older copy, goes on there. first: a room that is refused is an error.
func (b *Bot) settle(ctx context.Context, first bool) error {
	ends := make(map[string]int64)
	for _, room := range b.cfg.Rooms {
		var end int64
		err := b.patiently(ctx, func(s *client.Session) error {
			r, err := s.Do(ctx, "JOIN", room)
			if fields := strings.Split(r.Data, "|"); err == nil {
				end, err = strconv.ParseInt(fields[len(fields)-1], 10, 64)
			}
			return err
		})
		if refused := (*protocol.Error)(nil); errors.As(err, &refused) && !first {
			b.cfg.Log.Warn("a room is closed to the bot", "room", room, "error", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("joining %s: %w", room, err)
		}
		ends[room] = end
	}
	if b.cfg.Direct {
		var all []client.Room
		err := b.patiently(ctx, func(s *client.Session) (err error) { all, err = s.List(ctx); return err })
		if err != nil {
			return fmt.Errorf("listing conversations: %w", err)
		}
		for _, room := range all {
			if _, known := b.state.kept.Rooms[room.Name]; strings.HasPrefix(room.Name, "@") {
				ends[room.Name] = room.LastID
				if !known && b.state.kept.Direct {
					b.state.kept.Rooms[room.Name] = 0
				}
			}
		}
	}
	b.state.kept.Direct = b.cfg.Direct
	for room, end := range ends {
		at, known := b.state.kept.Rooms[room]
		if known && at > end {
			b.cfg.Log.Warn("the server has less than was handled: it was put back to an older copy", "room", room)
		}
		if !known || at > end {
			b.state.kept.Rooms[room] = end
		}
	}
	if err := b.state.save(); err != nil {
		return err
	}
	b.note(func() {
		for room := range ends {
			b.behind[room] = true
		}
	})
	return nil
}

// catchUp handles what was said in a room, from where the bot is to its end.
func (b *Bot) catchUp(ctx context.Context, room string, handle func(context.Context, *Message) error) error {
	for {
		at := b.state.kept.Rooms[room]
		var page client.Reply
		err := b.patiently(ctx, func(s *client.Session) (err error) {
			page, err = s.Do(ctx, "HISTORY", room, "after", strconv.FormatInt(at, 10), strconv.Itoa(pageSize))
			return err
		})
		if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
			b.cfg.Log.Warn("a room cannot be read any more", "room", room, "error", err) // left elsewhere, or expelled
			return nil
		}
		if err != nil {
			return err
		}
		last := at
		for _, e := range page.Events {
			if e.Room != room || e.ID <= last {
				return errors.New("the server breaks the protocol: HISTORY answers with messages that were not asked for")
			}
			if last = e.ID; e.Command != protocol.EventMsg || e.User == b.cfg.Name { // taken back, or the bot's own
				continue
			}
			if err := b.handle(ctx, e, handle); err != nil {
				return err
			}
		}
		if last == at {
			return nil
		}
		if err := b.handled(room, last); err != nil || page.Count < pageSize {
			return err
		}
	}
}

func (b *Bot) handle(ctx context.Context, e protocol.Event, handle func(context.Context, *Message) error) error {
	err := handle(ctx, &Message{ID: e.ID, Time: e.Time, Room: e.Room, User: e.User, Text: e.Text, bot: b})
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
		b.cfg.Log.Warn("refused", "message", e.ID, "error", err)
		err = nil
	}
	if err != nil {
		return err
	}
	return b.handled(e.Room, e.ID)
}

// handled notes where the bot is, before anything else is handled.
func (b *Bot) handled(room string, id int64) error {
	b.state.kept.Rooms[room] = id
	b.client.Seen(room, id)
	return b.state.save()
}

// patiently does something with the connection, again where it is lost, and where the server wants it to wait. Errors: a *protocol.Error
// that is final; ctx or the client ended.
func (b *Bot) patiently(ctx context.Context, do func(*client.Session) error) error {
	for {
		s, err := b.client.Session()
		if err == nil {
			err = do(s)
		}
		wait := retry
		refused := (*protocol.Error)(nil)
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &refused): // lost: the client connects again
		case refused.Code == protocol.Internal:
			b.cfg.Log.Warn("the server failed", "error", err)
			wait = serverFailed
		default:
			if wait = refused.RetryAfter(); wait == 0 {
				return err
			}
		}
		select {
		case <-time.After(wait):
		case <-b.client.Done():
			return b.ended()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Bot) ended() error {
	if err := b.client.Err(); err != nil {
		return err
	}
	return errors.New("closed")
}
