package main

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
	"parley/protocol"
)

// errand is one line that a person typed on the full screen, while it is carried out on a goroutine of its own: the face that its talker shows
// to. What it has to tell is told when it is done; what moves the screen goes through the feed meanwhile.
type errand struct {
	feed    *feed
	began   string // room or @user where it was typed
	current string // where it has gone from there

	line   string
	told   []string // sentences
	shown  []string // lines of a list, printable
	found  []protocol.Event
	listed bool // found is an answer, perhaps an empty one
	helped bool
	err    error // ends the program
}

// What an errand tells the model before it is done.
type (
	movedMsg  string   // the room to show
	toldMsg   []string // sentences that come before a question
	postedMsg struct{ post *client.Post }
	// secretMsg asks for something that is not shown; the answer, or the error that there is none, is sent once.
	secretMsg struct {
		prompt string
		answer chan<- secretAnswer
	}
	secretAnswer struct {
		text string
		err  error
	}
)

// errNoSecret: the person has pressed Esc.
var errNoSecret = errors.New("nothing was changed")

func (e *errand) room() string { return e.current }

func (e *errand) setRoom(room string) {
	e.current = room
	e.feed.send(movedMsg(room))
}

func (e *errand) tell(text string)           { e.told = append(e.told, protocol.Printable(text)) }
func (e *errand) show(line string)           { e.shown = append(e.shown, line) }
func (e *errand) posted(post *client.Post)   { e.feed.send(postedMsg{post}) }
func (e *errand) happened(ev protocol.Event) { e.feed.send(client.Update{Event: ev}) }
func (e *errand) help()                      { e.helped = true }
func (e *errand) past(found []protocol.Event, _ bool) {
	e.found, e.listed = found, true
}

func (e *errand) secret(ctx context.Context, prompt string) (string, error) {
	if len(e.told) > 0 {
		e.feed.send(toldMsg(e.told))
		e.told = nil
	}
	answer := make(chan secretAnswer, 1)
	e.feed.send(secretMsg{prompt, answer})
	select {
	case a := <-answer:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// run carries it out.
func (e *errand) run(ctx context.Context, t talker) tea.Msg {
	t.face = e
	e.err = t.line(ctx, e.line)
	e.feed.send(e) // behind what it has sent before
	return nil
}
