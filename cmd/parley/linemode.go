package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// lineMode is a person on a terminal that shows line after line. Its talker's link is set once, before ready; until then under mu.
type lineMode struct {
	talker
	screen *screen
	ready  chan struct{} // closed when link is there and the greeting is shown

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
	c := &lineMode{
		talker: talker{style: newStyle(), last: &lastSaid{}}, screen: newScreen(), ready: make(chan struct{}),
		online: true, posts: make(chan *client.Post, unsettled), gaps: map[string]bool{},
	}
	c.face = c
	link, err := m.connect(ctx, o, client.Config{OnUpdate: c.update, Queue: unsettled, Unread: fewUnread}, func(text string) {
		fmt.Fprintln(os.Stderr, text)
	})
	if err != nil {
		return err
	}
	return c.run(ctx, link, string(m.Room))
}

// run is line mode over an open link, beginning in a room, or where "" in the server's.
func (c *lineMode) run(ctx context.Context, link *link, room string) error {
	c.setLink(link)
	if err := c.screen.edit(); err != nil {
		close(c.ready)
		link.leave()
		return err
	}
	c.setRoom(cmp.Or(room, link.SignedIn().Room, lobby))
	c.tell("you are " + link.user + ", and speak " + place(c.room()) + "; /help tells more")
	close(c.ready)

	settled := make(chan struct{})
	go func() { defer close(settled); c.settle() }()
	err := c.converse(ctx)
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
		return errNotAll
	}
}

var errNotAll = errors.New("not everything was acknowledged before the end")

// converse reads lines until it is told to stop or the client has ended, and returns why.
func (c *lineMode) converse(ctx context.Context) error {
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

// settle tells what could not be said; the rest was seen by who said it.
func (c *lineMode) settle() {
	for post := range c.posts {
		id, err := post.Wait(context.Background())
		if err == nil {
			c.looked(post.Target, id)
			continue
		}
		c.tell(c.unsaid(post, err))
	}
}

func (c *lineMode) setLink(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
}

// self is one's name as others see it, "" while the link is being made.
func (c *lineMode) self() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return ""
	}
	return c.link.user
}

// update runs on the client's goroutines, one at a time.
func (c *lineMode) update(u client.Update) {
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
func (c *lineMode) tell(text string) {
	if text != "" {
		c.screen.show(c.style.faint("* " + text))
	}
}

func (c *lineMode) show(line string) { c.screen.show(line) }

func (c *lineMode) secret(ctx context.Context, prompt string) (string, error) {
	return c.screen.secret(ctx, prompt)
}

func (c *lineMode) happened(protocol.Event) {} // the command's own sentence tells it

func (c *lineMode) posted(post *client.Post) { c.posts <- post }

func (c *lineMode) help() {
	for _, known := range commands {
		c.show(fmt.Sprintf("  /%-20s %s", known.name+" "+known.usage, known.help))
	}
	c.tell("Anything else is said " + place(c.room()) + "; //text says a text that begins with a slash.")
}

func (c *lineMode) room() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *lineMode) setRoom(room string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = room
	c.showPrompt()
}

func (c *lineMode) setOnline(online bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.online = online
	c.showPrompt()
}

// showPrompt draws the prompt anew. mu is held, also while drawing, so that the last one drawn is the true one.
func (c *lineMode) showPrompt() {
	if c.current == "" {
		return // still signing in
	}
	prompt := c.style.strong(c.current)
	if !c.online {
		prompt += c.style.faint(" (offline)")
	}
	c.screen.setPrompt(prompt + "> ")
}

// showMessage waits for the greeting. Only events of other kinds come while the link is being made, and those must not wait.
func (c *lineMode) showMessage(e protocol.Event) {
	<-c.ready
	c.mu.Lock()
	day, current, gap := c.calendar.turn(e.Time, c.style.now()), c.current, c.gaps[e.Room]
	c.mu.Unlock()
	c.show(c.style.faint(day))
	c.show(c.style.message(e, current))
	if !gap {
		c.link.Seen(e.Room, e.ID)
	}
}

// looked notes that somebody has looked at a room, or spoken there, when id was the newest: they have seen what they want to see.
func (c *lineMode) looked(room string, id int64) {
	c.setGap(room, false)
	c.link.Seen(room, id)
}

func (c *lineMode) setGap(room string, gap bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gap {
		c.gaps[room] = true
	} else {
		delete(c.gaps, room)
	}
}

// past shows what was asked for, with the ids that /delete takes, and then that it is over.
func (c *lineMode) past(found []protocol.Event, newest bool) {
	day := calendar{}
	for _, e := range found {
		if e.Command == protocol.EventGone {
			c.show(c.style.faint(fmt.Sprintf("#%d a message of %s was taken back", e.ID, e.User)))
			continue
		}
		if turned := day.turn(e.Time, c.style.now()); turned != "" {
			c.show(c.style.faint(turned))
		}
		c.show(c.style.faint(fmt.Sprintf("#%d ", e.ID)) + c.style.message(e, c.room()))
	}
	c.tell(fmt.Sprintf("messages: %d", len(found)))
	if newest && len(found) > 0 {
		last := found[len(found)-1]
		c.looked(last.Room, last.ID)
	}
}
