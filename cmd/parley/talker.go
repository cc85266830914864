package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"parley/internal/client"
	"parley/protocol"
)

// talker carries out what a person types, in line mode and full screen alike: texts are said, /commands obeyed. Its methods are for
// one goroutine, which waits for the server's answers.
type talker struct {
	link  *link
	style style
	face  face
	last  *lastSaid
}

// lastSaid is what was said last in each place, for /delete.
type lastSaid struct {
	mu    sync.Mutex
	posts map[string]*client.Post // by target
}

func (l *lastSaid) note(post *client.Post) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.posts == nil {
		l.posts = map[string]*client.Post{}
	}
	l.posts[post.Target] = post
}

func (l *lastSaid) in(room string) *client.Post {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.posts[room]
}

// face is where a talker's person looks: line mode, or the full screen.
type face interface {
	room() string // or @user that is spoken in
	setRoom(room string)
	tell(text string)                         // a sentence of the program's own
	show(line string)                         // one of many; printable already
	past(found []protocol.Event, newest bool) // messages that were asked for; newest: they are the last ones there
	posted(post *client.Post)                 // a text is on its way
	happened(e protocol.Event)                // done by this session, which the server tells the others alone
	secret(ctx context.Context, prompt string) (string, error)
	help()
}

// line does what one line asks for. Its error ends the program; others are told.
func (t *talker) line(ctx context.Context, line string) error {
	if _, err := t.link.Session(); err != nil {
		t.link.TryNow()
	}
	err := error(nil)
	if text, isText := spoken(line); !isText {
		err = t.obey(ctx, line)
	} else if strings.TrimSpace(text) != "" {
		err = t.say(ctx, t.face.room(), text)
	}
	if err == errQuit || err == io.EOF {
		return err
	}
	if err != nil {
		t.face.tell(advised(err))
	}
	return nil
}

// spoken is what a typed line says; false: it is a command. A second slash says a text that begins with one.
func spoken(line string) (text string, isText bool) {
	text, slashed := strings.CutPrefix(line, "/")
	return text, !slashed || strings.HasPrefix(text, "/")
}

func (t *talker) say(ctx context.Context, target, text string) error {
	post, err := t.link.Post(ctx, target, text)
	if err == nil {
		t.last.note(post)
		t.face.posted(post)
	}
	return err
}

func (t *talker) isGuest() bool { return strings.HasPrefix(t.link.user, protocol.GuestMark) }

// unsaid says of a post that was refused why.
func (t *talker) unsaid(post *client.Post, err error) string {
	if isRefused(err, protocol.Forbidden) && t.isGuest() && strings.HasPrefix(post.Target, "@") {
		err = errors.New("guests cannot talk to one person alone")
	}
	return fmt.Sprintf("%s to %s: %q: %s", notSaid(err), post.Target, protocol.Printable(post.Text), advised(err))
}

// notSaid begins the sentence about a text that was settled with an error.
func notSaid(err error) string {
	if errors.Is(err, client.ErrUnsure) {
		return "perhaps not said"
	}
	return "not said"
}
