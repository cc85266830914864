package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"parley/internal/client"
	"parley/protocol"
)

var errLeft = errors.New("left before the end; nothing was saved")

// firstRun asks, in a form over the whole screen, where the server is, how it is known, and for a name and password. It signs in, keeps all but the
// password as the profile of this name, and returns the open link when the screen is given back. cfg.OnUpdate is told nothing before that, but
// then what happened meanwhile, in order; the last of it may be that the profile could not be kept, as a Warning.
func (m *chatCommand) firstRun(ctx context.Context, o *connection, name string, cfg client.Config) (*link, error) {
	kind := os.Getenv("TERM")
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) || kind == "" || kind == "dumb" {
		return nil, usageError{fmt.Errorf("there is no profile %q, and this terminal can't show the form that makes it: give USER@HOST", name)}
	}
	file, err := profilesPath()
	if err != nil {
		return nil, err
	}
	given, err := o.givenPassword()
	if err != nil {
		return nil, err
	}
	formCtx, cancel := context.WithCancel(ctx) // of the form, and of what runs beside it
	defer cancel()
	f := newForm(formCtx, o, cfg)
	f.profile, f.file, f.room, f.style = name, file, m.Room, newStyle()
	f.asksPassword = given == "" && !o.Guest
	program := tea.NewProgram(f, tea.WithContext(formCtx), tea.WithoutSignalHandler())
	f.told = func(text string) { program.Send(waiting(capital(text))) }
	_, err = program.Run()
	if err != nil || !f.done {
		cancel()
	}
	f.attempts.Wait()
	switch {
	case f.link == nil && (err == nil || ctx.Err() != nil):
		return nil, errLeft
	case f.link == nil:
		return nil, err
	case err != nil || !f.done: // it was left just when the server had answered
		f.gate.shut()
		f.link.quit()
		return nil, errLeft
	}
	var last []client.Update
	if err := saveProfile(name, f.answers); err != nil {
		last = append(last, client.Update{State: client.Warning, Err: fmt.Errorf("the profile could not be kept, and you will be asked again: %w", err)})
	}
	f.gate.release(last...)
	return f.link, nil
}

// maxHeld is how many updates a gate holds while a client signs in. A server that sends more waits for the form's end.
const maxHeld = 256

// gate keeps a client's updates from whom they are for until it is released. Those that come while the client signs in must not wait, and are held;
// messages never do.
type gate struct {
	pass func(client.Update)
	wait func(client.Update) // is told what a sign-in waits for

	mu   sync.Mutex
	held []client.Update
	over bool          // held is not to grow any more
	open chan struct{} // closed when held has been passed on
}

// update is for one goroutine at a time.
func (g *gate) update(u client.Update) {
	g.mu.Lock()
	over := g.over
	if !over && u.State == client.Waiting {
		g.mu.Unlock()
		g.wait(u)
		return
	}
	waits := u.State == client.Warning || u.State == client.Event && u.Event.Command != protocol.EventMsg
	if !over && waits && len(g.held) < maxHeld {
		g.held = append(g.held, u)
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	<-g.open
	g.mu.Lock()
	pass := g.pass
	g.mu.Unlock()
	pass(u)
}

// release passes on what was held, and the last of it, and from then on all. Only once, and not after shut.
func (g *gate) release(last ...client.Update) {
	g.mu.Lock()
	g.over = true
	g.mu.Unlock()
	for _, u := range append(g.held, last...) {
		g.pass(u)
	}
	close(g.open)
}

// shut drops what was held and what comes. It may be called again.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, g.pass = nil, func(client.Update) {}
	if !g.over {
		g.over = true
		close(g.open)
	}
}
