package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"parley/internal/client"
	"parley/protocol"
)

// lobby is the room that every account is in.
const lobby = "lobby"

type chatCommand struct {
	Server address `arg:"" name:"[user@]host[:port]" help:"Who you are and where; the port is 7443 unless given."`
	Room   target  `placeholder:"ROOM" help:"The room, or @user, to speak in at first (default: lobby)."`
}

// Run implements the command: line mode on a terminal, and otherwise standard input line by line.
func (m *chatCommand) Run(ctx context.Context, o *connection) error {
	if term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) {
		return m.talk(ctx, o)
	}
	return m.pipe(ctx, o)
}

// pipe says what is piped in, and prints what others say.
func (m *chatCommand) pipe(ctx context.Context, o *connection) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var connection changes
	l, err := o.open(ctx, m.Server, client.Config{
		GiveUp: o.GiveUp,
		OnUpdate: func(u client.Update) {
			switch u.Event.Command {
			case protocol.EventMsg:
				if _, err := io.WriteString(os.Stdout, plainMessage(u.Event)+"\n"); err != nil && !errors.Is(err, syscall.EPIPE) {
					end(err)
				} // with nobody to read it any more, what is piped in is said all the same
			case protocol.EventNote:
				notice(protocol.Printable(u.Event.Text))
			}
			notice(connection.line(u))
		},
	}, notice)
	if err != nil {
		return err
	}
	defer l.leave()
	room := lobby
	if m.Room != "" {
		room = string(m.Room)
	}
	speaker := speaker{client: l.Client, target: room, said: func(int64) {}, failed: complainTo(os.Stderr)}
	if err := speaker.sayAll(ctx, os.Stdin); ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}

// chat is line mode.
type chat struct {
	link   *link // set once, before ready; until then under mu
	screen *screen
	style  style
	ready  chan struct{}           // closed when link is there and the greeting is shown
	last   map[string]*client.Post // what was said last, by target; of the goroutine that reads what is typed

	mu       sync.Mutex
	current  string // room or @user that is spoken in
	online   bool
	calendar calendar
	changes  changes
	posts    chan *client.Post // said and not settled, for the goroutine of settle
	gaps     map[string]bool   // rooms with unread messages that were not shown: what is said there now does not count as seen
}

// fewUnread is how many unread messages of a room are shown at first; of more it is only told how many.
const fewUnread = 20

// unsettled bounds what was typed, or pasted, ahead of the server.
const unsettled = 256

// talk is line mode from sign-in to the end.
func (m *chatCommand) talk(ctx context.Context, o *connection) error {
	c := &chat{
		screen: newScreen(), style: newStyle(), ready: make(chan struct{}), last: map[string]*client.Post{},
		online: true, posts: make(chan *client.Post, unsettled), gaps: map[string]bool{},
	}
	link, err := o.open(ctx, m.Server, client.Config{OnUpdate: c.update, Queue: unsettled, Unread: fewUnread}, func(text string) {
		fmt.Fprintln(os.Stderr, text)
	})
	if err != nil {
		return err
	}
	c.setLink(link)
	if err := c.screen.edit(); err != nil {
		close(c.ready)
		link.leave()
		return err
	}
	c.setRoom(cmp.Or(string(m.Room), link.SignedIn().Room, lobby))
	c.tell("you are " + link.user + ", and speak " + place(c.room()) + "; /help tells more")
	close(c.ready)

	settled := make(chan struct{})
	go func() { defer close(settled); c.settle() }()
	err = c.converse(ctx)
	close(c.posts)
	quit, left := err == errQuit, err == errQuit || err == io.EOF || ctx.Err() != nil
	if left {
		err = awaitPosts(settled)
	}
	if quit {
		link.quit()
	} else {
		link.leave()
	}
	<-settled
	c.screen.close()
	return err
}

// awaitPosts gives what was said last a moment to arrive.
func awaitPosts(settled <-chan struct{}) error {
	select {
	case <-settled:
		return nil
	case <-time.After(leaveTimeout):
		return errors.New("not everything was acknowledged before the end")
	}
}

// converse reads lines until it is told to stop or the client has ended, and returns why.
func (c *chat) converse(ctx context.Context) error {
	type typed struct {
		line string
		err  error
	}
	lines, next := make(chan typed), make(chan struct{})
	go func() { // ends with next, or with the process where it waits for the terminal
		for range next {
			line, err := c.screen.read()
			lines <- typed{line, err}
		}
	}()
	defer close(next)
	for {
		next <- struct{}{}
		select {
		case t := <-lines:
			err := t.err
			if err == nil {
				err = c.line(ctx, t.line)
			}
			if err != nil {
				return err
			}
		case <-c.link.Done():
			return c.link.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// line does what one line asks for. Its error ends line mode; others are told.
func (c *chat) line(ctx context.Context, line string) error {
	if !c.isOnline() {
		c.link.TryNow()
	}
	err := error(nil)
	text, slashed := strings.CutPrefix(line, "/")
	switch {
	case strings.TrimSpace(line) == "":
	case slashed && !strings.HasPrefix(text, "/"):
		err = c.obey(ctx, line)
	default:
		if slashed {
			line = text
		}
		err = c.say(ctx, c.room(), line)
	}
	if err == errQuit || err == io.EOF {
		return err
	}
	if err != nil {
		c.tell(advised(err))
	}
	return nil
}

func (c *chat) say(ctx context.Context, target, text string) error {
	post, err := c.link.Post(ctx, target, text)
	if err == nil {
		c.last[target] = post
		c.posts <- post
	}
	return err
}

// settle tells what could not be said; the rest was seen by who said it.
func (c *chat) settle() {
	for post := range c.posts {
		id, err := post.Wait(context.Background())
		if err == nil {
			c.looked(post.Target, id)
			continue
		}
		if isRefused(err, protocol.Forbidden) && c.isGuest() && strings.HasPrefix(post.Target, "@") {
			err = errors.New("guests cannot talk to one person alone")
		}
		c.tell(fmt.Sprintf("not said to %s: %q: %s", post.Target, protocol.Printable(post.Text), advised(err)))
	}
}

func (c *chat) setLink(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
}

// self is one's name as others see it, "" while the link is being made.
func (c *chat) self() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return ""
	}
	return c.link.user
}

func (c *chat) isGuest() bool { return strings.HasPrefix(c.link.user, protocol.GuestMark) }

// update runs on the client's goroutines, one at a time.
func (c *chat) update(u client.Update) {
	switch u.State {
	case client.Event:
		switch u.Event.Command {
		case protocol.EventMsg:
			c.showMessage(u.Event)
		case protocol.EventSeen:
			c.setGap(u.Event.Room, false) // another session has looked
		default:
			c.screen.show(c.style.event(u.Event, c.self()))
		}
		return
	case client.Unread:
		<-c.ready
		c.tell(unread(u.Room, c.room()))
		c.setGap(u.Room.Name, true)
	case client.Online:
		c.setOnline(true)
	case client.Lost:
		c.setOnline(false)
	}
	c.mu.Lock()
	text := c.changes.line(u)
	c.mu.Unlock()
	c.tell(text)
}

// tell shows a line of the program's own.
func (c *chat) tell(text string) {
	if text != "" {
		c.screen.show(c.style.faint("* " + text))
	}
}

func (c *chat) room() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *chat) setRoom(room string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = room
	c.showPrompt()
}

func (c *chat) isOnline() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.online
}

func (c *chat) setOnline(online bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.online = online
	c.showPrompt()
}

// showPrompt draws the prompt anew. mu is held, also while drawing, so that the last one drawn is the true one.
func (c *chat) showPrompt() {
	if c.current == "" {
		return // still signing in
	}
	prompt := c.style.strong(c.current)
	if !c.online {
		prompt += c.style.faint(" (offline)")
	}
	c.screen.setPrompt(prompt + "> ")
}
