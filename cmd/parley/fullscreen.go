package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
	"parley/protocol"
)

// Bounds of the full screen.
const (
	maxPosts     = 2048 // texts that wait to be said
	unreadAtOnce = 100  // unread messages of a room that are fetched at the start; of more, the rest as one scrolls
)

// fullScreen talks on a terminal that can be drawn on, from sign-in to the end.
func (m *chatCommand) fullScreen(ctx context.Context, o *connection) error {
	feed := newFeed()
	var (
		signedIn   atomic.Bool
		connection changes
	)
	tell := func(text string) { fmt.Fprintln(os.Stderr, text) }
	link, err := m.connect(ctx, o, client.Config{
		Queue: maxPosts, Unread: unreadAtOnce, Whole: true,
		OnUpdate: func(u client.Update) {
			if text := connection.line(u); text != "" && !signedIn.Load() { // there is no screen yet
				tell(text)
			}
			if signedIn.Load() {
				feed.send(u)
			} else {
				feed.try(u) // nobody listens yet, and who does not sign in must not wait for them
			}
		},
	}, tell)
	if err != nil {
		feed.close()
		return err
	}
	signedIn.Store(true)
	return m.show(ctx, link, feed)
}

// show draws what an open link and its feed tell, until the person leaves or the link has ended.
func (m *chatCommand) show(ctx context.Context, link *link, feed *feed) error {
	ctx, stop := context.WithCancel(ctx)
	go func() { // ends with the process, or ends it: a terminal that is gone need not have sent a signal
		if awaitNoReader(os.Stdout) {
			stop()
		}
	}()
	screen := newModel(ctx, link, feed, m.options())
	screen.move(cmp.Or(string(m.Room), link.SignedIn().Room, lobby))
	_, err := tea.NewProgram(screen, tea.WithContext(ctx), tea.WithoutSignalHandler()).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		err = nil // told to end
	}
	stop()
	feed.close()
	err = cmp.Or(err, screen.ended)
	quit := err == errQuit
	if quit || err == io.EOF {
		err = nil
	}
	unsaid := awaitAll(screen.unsettled(), (&talker{link: link}).unsaid)
	if err == nil {
		err = unsaid
	} else if unsaid != nil {
		notice(unsaid.Error())
	}
	if quit {
		link.quit()
	} else {
		link.leave()
	}
	return err
}

// awaitAll gives what was said last a moment to arrive, and tells what did not. It is an error where that is anything.
func awaitAll(posts []*client.Post, unsaid func(*client.Post, error) string) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	refused, lost := 0, 0
	for _, post := range posts {
		switch _, err := post.Wait(ctx); {
		case isA[*protocol.Error](err), errors.Is(err, client.ErrUnsure):
			notice(unsaid(post, err))
			refused++
		case err != nil:
			lost++
		}
	}
	switch {
	case lost > 0:
		return fmt.Errorf("%w: texts that the server may not have: %d", errNotAll, lost)
	case refused > 0:
		return fmt.Errorf("texts that were refused at the end: %d", refused)
	}
	return nil
}

// options are the model's.
func (m *chatCommand) options() modelOptions {
	return modelOptions{
		style:   newStyle(),
		now:     time.Now,
		keep:    m.Scrollback,
		notify:  notifierFor(m.Notify, os.Getenv),
		noMouse: m.NoMouse,
	}
}
