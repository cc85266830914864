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
			feed.update(u)
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
	screen := newModel(ctx, link, feed, m.options())
	screen.move(cmp.Or(string(m.Room), link.SignedIn().Room, lobby))
	_, err := tea.NewProgram(screen, tea.WithContext(ctx), tea.WithoutSignalHandler()).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		err = nil // told to end
	}
	stop()
	feed.close()
	err = cmp.Or(err, screen.ended)
	if err == nil || err == errQuit || err == io.EOF {
		quit := err == errQuit
		err = awaitAll(screen.unsettled())
		if quit {
			link.quit()
			return err
		}
	}
	link.leave()
	return err
}

// awaitAll gives what was said last a moment to arrive.
func awaitAll(posts []*client.Post) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	for _, post := range posts {
		if _, err := post.Wait(ctx); ctx.Err() != nil || isA[*client.LostError](err) {
			return errNotAll
		}
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
